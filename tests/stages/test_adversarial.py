"""Texts made to hurt: each takes time in proportion to its length, and crashes nothing."""

import json
import signal
from dataclasses import replace

import pytest

from engine.intake.envelope import Envelope, to_table
from engine.stages.pipeline import clean
from tests.conftest import NOW

SIZE = 100_000
#: A stage that is quadratic takes much longer over such a text; this ends it, s.
GIVE_UP_S = 120


def filled(unit, end=""):
    return (unit * (SIZE // len(unit) + 1))[: SIZE - len(end)] + end


TEXTS = {
    "one letter": "a" * 1_000_000,
    "one capital": filled("A"),
    "one digit": filled("7"),
    "digits with separators": filled("0-8 0.3 "),
    "phone after phone": filled("08031234567 "),
    "at signs": filled("a@"),
    "nearly a mail": filled("a.") + "@",
    "nearly a mail, written out": filled("ada at gmail dot "),
    "nearly an address": filled("No 12 Allen Avenue, "),
    "colons": filled("a:"),
    "nested quotes": filled("> " * 50 + "x\n"),
    "nested brackets": filled("(") + ")",
    "entities of entities": filled("&amp;"),
    "tags that never end": filled("<div "),
    "placeholders that are none": filled("<PHONE_"),
    "placeholders": filled("<PHONE_a91c> "),
    "titles": filled("Mr Ada Obi, "),
    "my name is": filled("my name is "),
    "names in a row": filled("Chinedu Okafor "),
    "right to left": filled("\u202e\u05d0\u0627"),
    "zero width": filled("a\u200b"),
    "combining marks": filled("e\u0301\u0323"),
    "one mark many times": "e" + "\u0301" * SIZE,
    "family emoji": filled("\U0001f468\u200d\U0001f469\u200d\U0001f467"),
    "full width digits": filled("\uff10\uff18\uff10"),
    "lone surrogates": filled("a\ud83d"),
    "new lines": filled("\n") + "a",
    "spaces": "a" + filled(" ") + "a",
    "amounts": filled("N2,000,"),
    "misspelt": filled("teh recieve adress "),
    "hashtags": filled("#a"),
    "backslashes": filled("\\"),
    "random words": filled("network no dey work since morning for Ikeja abeg "),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_made_to_hurt_is_cleaned_in_time(context, name):
    text = TEXTS[name].encode("utf-8", "replace").decode()
    payload = json.dumps({"text": text}).encode()
    envelope = Envelope("sms", "s", name, payload, "application/json", NOW)

    def give_up(signum, frame):
        pytest.fail(f"{name}: not done after {GIVE_UP_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(GIVE_UP_S)
    try:
        done = clean(to_table([(envelope.event_id, envelope, 1)]), replace(context, max_text_chars=10_000_000))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert done["error_code"].to_pylist()[0] in (None, "empty_text")
