from datetime import UTC, datetime

import pytest

from engine.labels.metrics import accuracy, wilson

OLD, NEW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # Published: Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_as_published(right, of, low, high):
    assert wilson(right, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_of_nothing_nothing_is_known():
    assert wilson(0, 0) == (0.0, 1.0)


def label(key, *labels):
    leaf = labels[0] if "." in labels[0] else None
    return {"event_id": key, "labels": list(labels), "category": labels[0].partition(".")[0], "subcategory": leaf}


def served(leaf, version="c/2", scored_at=NEW):
    return {
        "category": leaf.partition(".")[0], "subcategory": leaf, "classifier_version": version, "scored_at": scored_at,
    }  # fmt: skip


KNOWN = ["network", "network.outage", "network.slow", "billing", "billing.refund"]


def test_accuracy_by_hand():
    audited = [
        label("a", "network.outage"), label("b", "network.slow"), label("c", "billing.refund"), label("d", "network"),
        label("e", "billing.refund", "network.slow"), label("f", "old.one"), label("g", "network"), label("h", "network"),
    ]  # fmt: skip
    found = accuracy(
        audited,
        {
            "a": served("network.outage"), "b": served("network.outage"), "c": served("network.slow"),
            "d": served("network.slow"), "e": served("network.slow"), "f": served("network.slow"),
            "h": served("network.slow", "c/1", OLD),
        },
        KNOWN,
    )  # fmt: skip
    # Category: a, b, d and e of a to e; leaf: a and e of those that have one, a, b, c and e.
    assert (found["category"]["right"], found["category"]["of"], found["category"]["share"]) == (4, 5, 0.8)
    assert (found["leaf"]["right"], found["leaf"]["of"]) == (2, 4)
    assert (found["outdated"], found["gone"], found["other_version"]) == (1, 1, 1)
    assert found["classifier_version"] == "c/2"


def test_without_audits_there_is_no_share():
    found = accuracy([], {}, KNOWN)
    assert (found["category"]["share"], found["category"]["low"], found["category"]["high"]) == (None, 0.0, 1.0)
    assert found["classifier_version"] is None
