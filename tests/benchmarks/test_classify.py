"""What the figures of classification are worked out with."""

import numpy as np
import pytest

from benchmarks.classify.airline import macro_f1, spread
from benchmarks.classify.data import by_chance, cached
from benchmarks.classify.run import plot, report


def test_macro_f1_by_hand():
    # a: one of two found and nothing else called so, F1 2/3; b: found, and an a was called so too, F1 2/3.
    assert macro_f1(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(2 / 3)
    assert macro_f1(["a", "b"], ["a", "a"]) == pytest.approx((2 / 3 + 0) / 2)


def test_texts_asked_for_are_unsure_and_differ():
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0.7, 0.7]], np.float32)
    assert spread(np.array([0.1, 0.2, 0.3, 0.4], np.float32), vectors, 2).tolist() == [0, 2]


def test_perfect_probabilities_show_an_error_on_few_texts():
    few, many = (by_chance(np.full(count, 0.5, np.float32)) for count in (10, 10_000))
    assert many < 0.01 < few


def test_a_text_is_embedded_once():
    asked = []

    def embed(texts):
        asked.extend(texts)
        return np.ones((len(texts), 2), np.float32)

    once = cached(embed)
    assert once(["a", "b", "a"]).shape == (3, 2) and once(["b"]).shape == (1, 2)
    assert asked == ["a", "b"]


def test_sets_whose_files_are_absent_are_skipped(tmp_path):
    found = report(tmp_path, lambda texts: np.ones((len(texts), 2), np.float32), None)
    assert found["skipped"] == ["banking77", "clinc150", "airline"] and found["figures"] == {}


def test_curves_become_a_page(tmp_path):
    curves = {
        "labels": [50, 100],
        "active": [0.1, 0.2],
        "random": [0.1, 0.15],
        "zero_shot": 0.3,
        "a_class": [(10, 0.2)],
    }
    plot(curves, tmp_path / "out" / "curves.html")
    assert "zero-shot, no labels" in (tmp_path / "out" / "curves.html").read_text(encoding="utf-8")
