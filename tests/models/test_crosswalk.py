"""Counts across versions: by hand, and what holds for every change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.crosswalk import Crosswalk, CrosswalkError, compose, crosswalk_counts, reverse, same

SPLIT = Crosswalk("1", "2", {"a.x": {"a.y": 0.75, "b.z": 0.25}, "a.q": {"a.q": 1.0}})
MERGE = Crosswalk("2", "3", {"a.y": {"a.y": 1.0}, "b.z": {"a.q": 1.0}, "a.q": {"a.q": 1.0}})


def test_counts_are_told_in_the_next_version():
    assert crosswalk_counts({"a.x": 100, "a.q": 10}, SPLIT) == {"a.y": 75, "b.z": 25, "a.q": 10}
    assert crosswalk_counts({"a.y": 75, "b.z": 25, "a.q": 10}, MERGE) == {"a.y": 75, "a.q": 35}
    assert crosswalk_counts({}, SPLIT) == {}


def test_two_steps_are_one():
    both = compose(SPLIT, MERGE)
    assert (both.source, both.target) == ("1", "3")
    assert both.shares == {"a.x": {"a.y": 0.75, "a.q": 0.25}, "a.q": {"a.q": 1.0}}
    assert both.estimated == {"a.y", "a.q"}


def test_steps_that_do_not_meet_are_refused():
    with pytest.raises(CrosswalkError, match="version 3 and one from 1 do not meet"):
        compose(MERGE, SPLIT)


def test_a_merge_is_divided_on_the_way_back_by_what_there_was():
    back = reverse(MERGE, {"a.y": 8, "b.z": 30, "a.q": 10}, {"c.new": "a.y"})
    assert back.shares == {"a.y": {"a.y": 1.0}, "a.q": {"b.z": 0.75, "a.q": 0.25}, "c.new": {"a.y": 1.0}}
    assert reverse(MERGE, {}, {}).shares["a.q"] == {"b.z": 0.5, "a.q": 0.5}


def test_a_split_is_exact_on_the_way_back():
    assert reverse(SPLIT, {"a.x": 4}, {}).shares == {"a.y": {"a.x": 1.0}, "b.z": {"a.x": 1.0}, "a.q": {"a.q": 1.0}}


def test_what_an_id_became_is_one_or_none():
    assert (SPLIT.one("a.q"), SPLIT.one("a.x"), MERGE.one("b.z")) == ("a.q", None, "a.q")
    assert SPLIT.changed == {"a.x": {"a.y": 0.75, "b.z": 0.25}}


@pytest.mark.parametrize("shares", [{"b": 0.5}, {"b": 0.6, "c": 0.5}, {"b": 1.5, "c": -0.5}, {}])
def test_shares_that_do_not_sum_to_one_are_refused(shares):
    with pytest.raises(CrosswalkError, match="sum to 1"):
        Crosswalk("1", "2", {"a": shares})


def test_an_unknown_id_is_refused():
    with pytest.raises(CrosswalkError, match=r"version 1 has no 'n\.o'"):
        crosswalk_counts({"n.o": 1}, SPLIT)


IDS = [f"c.l{n}" for n in range(5)]


@st.composite
def steps(draw, source, target):
    """Any crosswalk over five ids: each goes to one to three, with shares."""
    shares = {}
    for old in IDS:
        to = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True))
        weights = draw(st.lists(st.integers(1, 9), min_size=len(to), max_size=len(to)))
        shares[old] = {new: weight / sum(weights) for new, weight in zip(to, weights, strict=True)}
    return Crosswalk(source, target, shares)


COUNTS = st.dictionaries(st.sampled_from(IDS), st.integers(0, 1000))


@given(steps("1", "2"), steps("2", "3"), steps("3", "4"), COUNTS)
def test_no_complaint_is_lost_and_steps_compose(first, second, third, counts):
    after = crosswalk_counts(crosswalk_counts(counts, first), second)
    assert sum(after.values()) == pytest.approx(sum(counts.values()))
    assert crosswalk_counts(counts, compose(first, second)) == pytest.approx(after)
    left, right = compose(compose(first, second), third), compose(first, compose(second, third))
    assert all(left.shares[name] == pytest.approx(right.shares[name]) for name in IDS)
    assert compose(same("1", IDS), first).shares == {name: pytest.approx(first.shares[name]) for name in IDS}


@given(steps("1", "2"), COUNTS)
def test_there_and_back_gives_the_counts_of_before(step, counts):
    there = crosswalk_counts(counts, step)
    back = crosswalk_counts(there, reverse(step, counts, {}))
    assert {k: v for k, v in back.items() if v} == pytest.approx({k: v for k, v in counts.items() if v})
