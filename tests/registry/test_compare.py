import numpy as np
import pytest

from engine.registry.compare import Labelled, compare, gained
from models.classify import Prediction


def said(leaf, confidence=0.9, reasons=()):
    return Prediction(leaf.partition(".")[0], leaf, confidence, 0.5, list(reasons))


def item(label, **slices):
    return Labelled((label,), {"language": "eng", "channel": "sms", "region": None} | slices)


GOOD, BAD = said("billing.refund"), said("network.slow")


def test_a_gain_of_twenty_in_a_hundred_has_an_interval_above_zero():
    before = np.array([True] * 60 + [False] * 40)
    after = np.array([True] * 80 + [False] * 20)
    found = gained(before, after)
    assert (found["difference"], found["better"], found["worse"]) == (0.2, 20, 0)
    # Binomial(100, .2)/100: its 2.5 and 97.5 percentiles are .12 and .28.
    assert found["low"] == pytest.approx(0.12, abs=0.011)
    assert found["high"] == pytest.approx(0.28, abs=0.011)


def test_as_many_better_as_worse_is_no_gain():
    before, after = np.array([True, False] * 50), np.array([False, True] * 50)
    found = gained(before, after)
    assert found["difference"] == 0
    assert found["low"] < 0 < found["high"]


def test_a_clear_gain_has_nothing_against_it():
    items = [item("billing.refund")] * 100
    found = compare(items, [GOOD] * 60 + [BAD] * 40, [GOOD] * 90 + [BAD] * 10)
    assert found["against"] == []
    assert (found["champion"]["accuracy"], found["challenger"]["accuracy"]) == (0.6, 0.9)


def test_without_labels_nothing_is_shown():
    found = compare([], [], [])
    assert found["against"] == ["there are no held-out labels to compare on"]


def test_a_slice_that_gets_worse_is_against_it_though_the_whole_gains():
    items = [item("billing.refund")] * 300 + [item("billing.refund", language="hau")] * 40
    old = [BAD] * 300 + [GOOD] * 40
    new = [GOOD] * 300 + [BAD] * 20 + [GOOD] * 20
    found = compare(items, old, new)
    assert found["gain"]["low"] > 0
    assert len(found["against"]) == 1
    assert found["against"][0].startswith("language hau gets worse: 1.0000 to 0.5000 on 40 labels")


def test_a_slice_of_few_labels_is_shown_and_not_judged():
    items = [item("billing.refund")] * 300 + [item("billing.refund", language="hau")] * 29
    found = compare(items, [BAD] * 300 + [GOOD] * 29, [GOOD] * 300 + [BAD] * 29)
    assert found["against"] == []
    few = next(one for one in found["slices"] if one["value"] == "hau")
    assert (few["of"], few["judged"], few["difference"]) == (29, False, -1.0)


def test_a_label_of_a_category_is_met_by_any_of_its_leaves():
    found = compare([item("billing")], [said("billing.refund")], [said("network.slow")])
    assert (found["champion"]["accuracy"], found["challenger"]["accuracy"]) == (1.0, 0.0)


def test_the_errors_that_changed_most_come_first():
    items = [item("billing.refund")] * 10 + [item("network.slow")] * 10
    old = [BAD] * 9 + [GOOD] + [BAD] * 10
    new = [GOOD] * 10 + [BAD] * 8 + [GOOD] * 2
    assert compare(items, old, new)["confusion"] == [
        {"label": "billing.refund", "predicted": "network.slow", "champion": 9, "challenger": 0},
        {"label": "network.slow", "predicted": "billing.refund", "champion": 0, "challenger": 2},
    ]


def test_abstentions_are_counted_and_not_calibrated():
    unsure = said("other.other", 0.2, ["abstained: best was billing.refund"])
    found = compare([item("billing.refund")] * 4, [GOOD] * 4, [said("billing.refund", 1.0)] * 3 + [unsure])
    assert (found["challenger"]["abstained"], found["challenger"]["calibration_error"]) == (0.25, 0.0)
    assert found["champion"]["calibration_error"] == pytest.approx(0.1)
