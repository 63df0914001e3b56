import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from connectors.nats_stream import StreamState
from engine.reconcile.gaps import absent, balance, ranges, unexplained

sequences = st.lists(st.integers(0, 60))


def state(first=1, last=10, deleted=(), floor=10):
    return StreamState(first, last, frozenset(deleted), floor, 0)


def test_ranges_by_hand():
    assert ranges([]) == ()
    assert ranges([7, 3, 4, 4, 5, 9]) == ((3, 5), (7, 7), (9, 9))


@given(sequences)
def test_ranges_hold_exactly_what_was_given_in_order_and_apart(given_):
    found = ranges(given_)
    assert {seq for low, high in found for seq in range(low, high + 1)} == set(given_)
    assert all(low <= high for low, high in found)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(found))


def test_absent_by_hand():
    of = np.array([1, 2, 5, 6, 10, 11], np.uint64)
    assert absent(of, state(first=2, deleted={5})).tolist() == [True, False, True, False, False, True]


@given(sequences, st.integers(1, 30), st.integers(0, 40), st.frozensets(st.integers(1, 60)))
def test_a_sequence_is_absent_exactly_when_the_stream_does_not_hold_it(of, first, last, deleted):
    holds = set(range(first, last + 1)) - deleted
    found = absent(np.array(of, np.uint64), state(first, last, deleted))
    assert found.tolist() == [seq not in holds for seq in of]


def test_unexplained_by_hand():
    assert unexplained((1, 8), state(first=2, last=10, deleted={4}), [2, 3, 6]) == [5, 7, 8]
    assert unexplained((1, 99), state(last=3), []) == [1, 2, 3]


@given(st.integers(0, 60), st.integers(0, 60), sequences, st.frozensets(st.integers(1, 60)))
def test_nothing_held_and_not_in_raw_is_overlooked(low, high, in_raw, deleted):
    found = unexplained((low, high), state(3, 40, deleted), in_raw)
    expected = [s for s in range(3, 41) if low <= s <= high and s not in deleted and s not in in_raw]
    assert found == expected


def rows(**changes):
    return {"raw": 10, "curated": 8, "serving": 8, "dead_lettered": 2, "counted": 8} | changes


def test_tables_that_agree_are_no_gap():
    assert balance(rows()) == []


def test_tables_that_do_not_agree_are_named_with_their_sizes():
    (gap,) = balance(rows(curated=5))
    assert (gap.kind, gap.count) == ("tables", 3)
    assert "raw 10 less dead letters 2 is 8; curated has 5, serving 8" in gap.found
    (gap,) = balance(rows(counted=9))
    assert (gap.kind, gap.count) == ("volumes", 1)
    assert [gap.kind for gap in balance(rows(serving=7))] == ["tables", "volumes"]
