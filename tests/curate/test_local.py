from engine.curate.local import found_in
from models.pii import mask
from models.text import repair


def test_spans_are_offsets_into_the_text_as_given(context):
    text = "  Hello&nbsp;there,\u200b donâ€™t   call 0803&#49;234567 &amp; write to ada@example.com"
    found = {one["type"]: text[one["start"] : one["end"]] for one in found_in(text, context)}
    assert found == {"PHONE": "0803&#49;234567", "EMAIL": "ada@example.com"}


def test_spans_of_a_clean_text_are_those_of_masking(context):
    text = "call 08031234567 now"
    assert repair(text).edits == ()
    assert [(one["start"], one["end"]) for one in found_in(text, context)] == [(5, 16)]
    assert [(s.start, s.end) for s in mask(text, context.pseudonym_key).spans] == [(5, 16)]
