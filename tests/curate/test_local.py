from engine.curate.local import found_in
from models.pii import mask
from models.text import repair

KEY = b"p" * 32


def test_spans_are_offsets_into_the_text_as_given():
    text = "  Hello&nbsp;there,\u200b donâ€™t   call 0803&#49;234567 &amp; write to ada@example.com"
    found = {one["type"]: text[one["start"] : one["end"]] for one in found_in(text, KEY)}
    assert found == {"PHONE": "0803&#49;234567", "EMAIL": "ada@example.com"}


def test_spans_of_a_clean_text_are_those_of_masking():
    text = "call 08031234567 now"
    assert repair(text).edits == ()
    assert [(one["start"], one["end"]) for one in found_in(text, KEY)] == [(5, 16)]
    assert [(s.start, s.end) for s in mask(text, KEY).spans] == [(5, 16)]
