import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.offsets import apply, compose, to_original


def test_an_edit_is_where_it_stands_and_how_long_it_is_and_was():
    assert apply("A &amp; B  C", [(2, 7, "&"), (9, 11, " ")]) == ("A & B C", (2, 1, 5, 5, 1, 2))
    assert apply("abc", []) == ("abc", ())


def test_deletions_side_by_side_are_one():
    assert apply("a123b", [(1, 2, ""), (2, 4, "")]) == ("ab", (1, 0, 3))


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0, 1), (0, 1)),  # A
        ((2, 3), (2, 7)),  # & was &amp;
        ((4, 5), (8, 9)),  # B
        ((0, 7), (0, 12)),  # all
        ((6, 7), (11, 12)),  # C
    ],
)
def test_a_span_leads_back(span, expected):
    # A &amp; B  C -> A & B C
    assert to_original((2, 1, 5, 5, 1, 2), *span) == expected


def test_a_span_that_cuts_an_edit_takes_all_of_it():
    # call 08031234567 now -> call <PHONE_a91c> now
    edits = (5, 12, 11)
    assert to_original(edits, 7, 9) == (5, 16)
    assert to_original(edits, 0, 6) == (0, 16)
    assert to_original(edits, 17, 21) == (16, 20)


def test_what_was_deleted_at_the_ends_of_a_span_stays_out():
    # a<b>bc</b>d -> abcd
    edits = (1, 0, 3, 3, 0, 4)
    assert to_original(edits, 1, 3) == (4, 6)
    assert to_original(edits, 0, 4) == (0, 11)
    assert to_original(edits, 3, 4) == (10, 11)


def test_maps_are_composed_and_edits_that_meet_become_one():
    # "call  0803&#49;234567" -> "call 08031234567" -> "call <PHONE_a91c>"
    inner = (4, 1, 2, 9, 1, 5)
    outer = (5, 12, 11)
    assert compose(outer, inner) == (4, 1, 2, 5, 12, 15)
    assert compose((), inner) == inner and compose(outer, ()) == outer


def test_a_deletion_before_a_replaced_value_stays_apart_from_it():
    # "x <b>0803</b>" -> "x 0803" -> "x <N>"
    assert compose((2, 3, 4), (2, 0, 3, 6, 0, 4)) == (2, 0, 3, 2, 3, 4, 5, 0, 4)


@st.composite
def edited(draw, text):
    """`text` changed at random places."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pairs = [pair for pair in zip(cuts[::2], cuts[1::2], strict=False) if pair[0] < pair[1]]
    return [(start, end, draw(st.text("XYZ", max_size=4))) for start, end in pairs]


@given(st.data(), st.text("abcdef", max_size=30))
def test_composed_maps_lead_the_same_way_as_one_after_the_other(data, old):
    middle, inner = apply(old, data.draw(edited(old)))
    new, outer = apply(middle, data.draw(edited(middle)))
    both = compose(outer, inner)
    touched = set()
    for at, length, _ in zip(both[::3], both[1::3], both[2::3], strict=True):
        touched |= set(range(at, at + length))
    lengths = sum(was - now for now, was in zip(both[1::3], both[2::3], strict=True))
    assert len(new) + lengths == len(old)
    for at in set(range(len(new))) - touched:
        start, end = to_original(both, at, at + 1)
        assert end - start == 1 and old[start] == new[at]
        assert to_original(inner, *to_original(outer, at, at + 1)) == (start, end)
    starts = [to_original(both, at, at + 1) for at in range(len(new))]
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(starts))
