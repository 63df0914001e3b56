"""Splink on simulated people: it finds what the rules cannot, the same each time."""

from datetime import UTC, datetime

import pytest

from benchmarks.processing.identity import complaint, counts, link, row_of
from engine.identity.judge import judge
from engine.identity.people import People
from engine.identity.probable import Probable, names_in, probable
from engine.simulate.identities import tell

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def world():
    told = tell(120, seed=11, start=START)
    rows = [row_of(one, 11) for one in told]
    people = People()
    people.add([complaint(row) for row in rows])
    return told, rows, people


def known(rows, people):
    return [row | {"person_id": people.person_of(complaint(row))} for row in rows]


def test_the_same_complaints_give_the_same_links_with_reasons(world):
    _, rows, people = world
    first, second = (probable(known(rows, people), 0.8) for _ in range(2))
    assert first
    assert [(one.a, one.b) for one in first] == [(one.a, one.b) for one in second]
    assert all(one.probability >= 0.8 and one.reasons for one in first)


def test_links_find_more_and_stay_right(world):
    told, rows, people = world
    true = [one.person for one in told]
    before = counts(true, [people.person_of(complaint(row)) for row in rows])
    link(people, rows)
    after = counts(true, [people.person_of(complaint(row)) for row in rows])
    assert after["linked"] >= before["linked"]
    assert after["right"] / after["linked"] > 0.98


def test_a_handful_of_complaints_teaches_nothing():
    row = {"event_id": "1" * 64, "person_id": None, "identifiers": ["phone:a"], "names": ["ab12"], "region": None,
           "product": None, "language": None, "time": 0}  # fmt: skip
    assert probable([row, row | {"event_id": "2" * 64}], 0.5) == []
    assert probable([], 0.5) == []


def test_one_that_may_be_two_others_is_linked_to_neither():
    sure, other = Probable("customer:a", "event:e", 0.999, ("x",)), Probable("customer:b", "event:e", 0.9, ("y",))
    assert [one["state"] for one in judge([sure, other], 0.99)] == ["candidate", "candidate"]
    assert [one["state"] for one in judge([sure], 0.99)] == ["active"]
    assert [one["state"] for one in judge([other], 0.99)] == ["candidate"]


def test_names_are_read_from_placeholders_alone():
    assert names_in("<PERSON_1a2b> and <PERSON_1a2b>, Ada, <PHONE_9999>") == ["1a2b"]


def test_simulated_people_are_the_same_for_a_seed():
    assert tell(5, seed=3, start=START) == tell(5, seed=3, start=START)
    assert tell(5, seed=3, start=START) != tell(5, seed=4, start=START)
