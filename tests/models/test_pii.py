import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.pii import find, luhn, mask

KEY = b"k" * 32


def types(text):
    return [(span.type, text[span.start : span.end]) for span in find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call 08031234567 now", [("PHONE", "08031234567")]),
        ("call 0803 123 4567", [("PHONE", "0803 123 4567")]),
        ("+234 803 123 4567 is me", [("PHONE", "+234 803 123 4567")]),
        ("(555) 123-4567", [("PHONE", "(555) 123-4567")]),
        ("０８０３１２３４５６７", [("PHONE", "０８０３１２３４５６７")]),
        ("mail a.obi+x@mail.example.com please", [("EMAIL", "a.obi+x@mail.example.com")]),
        ("ada at gmail dot com", [("EMAIL", "ada at gmail dot com")]),
        ("card 4111 1111 1111 1111", [("CARD", "4111 1111 1111 1111")]),
        ("acct 0123456789", [("ACCOUNT", "0123456789")]),
        ("my account number is 0123456789", [("ACCOUNT", "0123456789")]),
        ("NIN 12345678901", [("NIN", "12345678901")]),
        ("GB82 WEST 1234 5698 7654 32", [("IBAN", "GB82 WEST 1234 5698 7654 32")]),
        ("from 10.0.0.1", [("IP", "10.0.0.1")]),
        ("thanks @BeeTelNG", [("HANDLE", "@BeeTelNG")]),
        ("ssn 219-09-9999", [("SSN", "219-09-9999")]),
        ("My name is Ada Obi.", [("PERSON", "Ada Obi")]),
        ("😀😀 08031234567", [("PHONE", "08031234567")]),
    ],
)
def test_personal_data_is_found_where_it_stands(text, expected):
    assert types(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I paid N15,000 and $1000.00 for 2GB, 50mb",
        "on 2026-11-24 10:00, 24/11/2026 and 24.11.2026",
        "dial *312# or *556*2# or 131",
        "₦1,500,000 was taken, 100% of it, 3 times",
        "order 2015 of 1200 units in 2016",
        "ticket 211255",
    ],
)
def test_amounts_dates_and_short_codes_stay(text):
    assert types(text) == []


def test_the_same_value_has_the_same_placeholder_and_is_gone():
    text = mask("08031234567 and 0803 123 4567 and 08039999999", KEY).text
    first, second, third = re.findall(r"<PHONE_[0-9a-f]{4}>", text)
    assert first == second != third
    assert "0803" not in text


def test_another_key_gives_other_placeholders():
    assert mask("a@example.com", KEY).text != mask("a@example.com", b"z" * 32).text


@given(st.text(alphabet=st.sampled_from("a@.com 0123456789+-()<>_PHONEé😀\n"), max_size=80))
def test_masking_is_idempotent_and_spans_are_in_order(text):
    masked = mask(text, KEY)
    assert mask(masked.text, KEY).text == masked.text
    ends = 0
    for span in masked.spans:
        assert ends <= span.start < span.end <= len(text)
        ends = span.end


@pytest.mark.parametrize("unit", ["1", "@", " ", "a@", "1-", "A", "acct ", "1.", "aa at ", "1 ", "+", "a.", "(1"])
def test_hostile_text_is_no_trouble(unit):
    mask(unit * (60_000 // len(unit)), KEY)


def test_luhn_by_hand():
    # 79927398713 is the textbook number, too short for a card; with 16 digits: 4539 1488 0343 6467 passes.
    assert luhn("4539148803436467")
    assert not luhn("4539148803436468")
    assert not luhn("0000000000000000")


def test_recall_on_generated_sentences(data):
    """Half A of presidio-research's sentences, by template; half B stays unseen for the reports."""
    import json

    rows = [json.loads(line) for line in (data / "pii_presidio" / "synth.jsonl").read_text().splitlines()]
    found = total = 0
    for row in rows:
        if int(row["template_id"]) % 2:
            continue
        spans = find(row["full_text"])
        for truth in row["spans"]:
            if truth["entity_type"] in ("EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS"):
                total += 1
                start, end = truth["start_position"], truth["end_position"]
                found += any(s.start <= start and s.end >= end for s in spans)
    assert total > 30
    assert found / total > 0.9
