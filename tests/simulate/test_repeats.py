from random import Random

from engine.simulate.repeats import edit, splice

TEXT = "network is down here, call me on 0803 001 2345. please send somebody quickly"
SPAN = {"type": "PHONE", "start": 33, "end": 46}


def test_a_splice_before_a_span_moves_it_and_one_behind_does_not():
    assert splice("ab 12", [{"type": "NIN", "start": 3, "end": 5}], 0, 2, "abcd") == (
        "abcd 12", [{"type": "NIN", "start": 5, "end": 7}],
    )  # fmt: skip
    assert splice("12 ab", [{"type": "NIN", "start": 0, "end": 2}], 3, 5, "x") == (
        "12 x", [{"type": "NIN", "start": 0, "end": 2}],
    )  # fmt: skip


def test_edits_change_the_text_and_never_what_is_personal():
    assert TEXT[33:46] == "0803 001 2345"
    for seed in range(300):
        text, (span,) = edit(Random(seed), TEXT, [SPAN])
        assert text != TEXT
        assert text[span["start"] : span["end"]] == "0803 001 2345"


def test_edits_leave_the_given_spans_alone():
    edit(Random(1), TEXT, [SPAN])
    assert SPAN == {"type": "PHONE", "start": 33, "end": 46}
