import numpy as np
import pytest

from engine.labels.suspects import confidently_other, suspects


def test_the_confident_joint_by_hand():
    # Thresholds: class 0 (.9 + .8 + .1) / 3 = .6, class 1 (.9 + .7) / 2 = .8.
    given = np.array([0, 0, 0, 1, 1])
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.1, 0.9], [0.3, 0.7]])
    # Row 2 reaches class 1's threshold only; row 4 reaches none and is counted nowhere.
    assert confidently_other(given, shares) == [(2, 1)]


def test_a_class_that_is_never_sure_is_not_held_to_a_half():
    # Thresholds: class 0 (.3 + .2) / 2 = .25, class 1 .95; row 1 is counted to neither though class 1 leads.
    given = np.array([0, 0, 1, 1])
    shares = np.array([[0.3, 0.7], [0.2, 0.8], [0.05, 0.95], [0.05, 0.95]])
    assert confidently_other(given, shares) == []


def groups(sizes=(20, 20), seed=0):
    """Two clouds that do not meet, unit rows."""
    random = np.random.default_rng(seed)
    rows = [np.eye(8)[place] + random.normal(0, 0.1, (size, 8)) for place, size in enumerate(sizes)]
    vectors = np.concatenate(rows).astype(np.float32)
    return ["network"] * sizes[0] + ["billing"] * sizes[1], vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_swapped_labels_are_found_and_no_others():
    labels, vectors = groups()
    labels[3], labels[25] = "billing", "network"
    found = suspects(labels, vectors)
    assert {(one.row, one.label, one.rather) for one in found} == {
        (3, "billing", "network"),
        (25, "network", "billing"),
    }
    assert all(-1 <= one.margin < -0.5 for one in found)


def test_right_labels_are_not_suspected():
    assert suspects(*groups()) == []


@pytest.mark.parametrize("sizes", [(5, 5), (30, 0)])
def test_too_few_labels_or_one_class_are_not_judged(sizes):
    assert suspects(*groups(sizes)) == []
