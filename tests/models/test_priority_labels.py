"""The complaints labelled by hand: which they are stands in the repository, their texts do not."""

import csv
from collections import Counter

from benchmarks.priority.judge import LABELS
from benchmarks.priority.sample import DATASETS, draw, is_tuning
from models.priority import LEVELS


def rows():
    with LABELS.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_300_ids_have_one_label_each_and_no_text():
    found = rows()
    assert len({(row["dataset"], row["id"]) for row in found}) == len(found) == 300
    assert all(set(row) == {"dataset", "id", "drawn", "label"} and row["label"] in LEVELS for row in found)
    assert Counter(row["drawn"] for row in found) == {"random": 160, "severe": 140}


def test_each_half_has_every_level():
    for half in (True, False):
        assert {row["label"] for row in rows() if is_tuning(row["id"]) is half} == set(LEVELS)


def test_the_labelled_complaints_are_the_ones_that_are_drawn(data):
    drawn = list(draw(data))
    assert [(one.dataset, one.id) for one in drawn] == [(row["dataset"], row["id"]) for row in rows()]
    assert Counter(one.dataset for one in drawn) == {name: a + b for name, (*_, a, b) in DATASETS.items()}
