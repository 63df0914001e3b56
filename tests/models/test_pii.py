from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pii import Span, find, mask, placeholder
from models.pii.checks import card, iban, luhn
from models.pii.introduced import name_length

KEY = b"k" * 32

PHONE = "0803 123 4567"


def masked_values(text: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in find(text)]


@pytest.mark.parametrize(
    "value",
    [
        "0803 123 4567", "08031234567", "0803-123-4567", "0803.123.4567", "0803 - 123 - 4567", "0803_123_4567",
        "0 8 0 3 1 2 3 4 5 6 7", "+2348031234567", "+234 803 123 4567", "+234(0)803-123-4567", "234-803-123-4567",
        "00234 803 123 4567", "8031234567", "０８０３１２３４５６７", "٠٨٠٣١٢٣٤٥٦٧", "0803\u200b123\u200b4567",
        "0803\u2013123\u20134567",
    ],
)  # fmt: skip
def test_a_nigerian_number_is_masked_and_reads_the_same_however_written(value: str) -> None:
    text = f"call me on {value} today"

    result = mask(text, KEY)

    assert result.text == f"call me on {placeholder('PHONE', '08031234567', KEY)} today"
    assert [text[span.start : span.end] for span in result.spans] == [value]


@pytest.mark.parametrize(
    "value",
    [
        "+254 712 345678", "+254712345678", "0712 345 678", "0712345678", "(555) 123-4567", "555-123-4567",
        "555.123.4567", "+1 (555) 123-4567", "+44 20 7946 0958", "01 271 2345", "+33 1 23 45 67 89", "071-345-6789",
        "254712345678", "+233 24 123 4567",
    ],
)  # fmt: skip
def test_numbers_of_other_countries_are_phones(value: str) -> None:
    assert masked_values(f"reach me: {value}, please") == [("PHONE", value)]


def test_two_phones_parted_by_a_slash_or_comma_are_two_finds() -> None:
    assert masked_values("08031234567/0805 123 4567") == [("PHONE", "08031234567"), ("PHONE", "0805 123 4567")]
    assert masked_values("08031234567,08051234567") == [("PHONE", "08031234567"), ("PHONE", "08051234567")]


def test_a_phone_glued_to_words_or_inside_a_ussd_code_is_masked() -> None:
    assert masked_values("call08031234567now") == [("PHONE", "08031234567")]
    assert masked_values("I dialled *894*08031234567#") == [("PHONE", "08031234567")]


def test_a_short_number_is_a_phone_only_after_a_cue() -> None:
    assert masked_values("tel 451 5986") == [("PHONE", "451 5986")]
    assert masked_values("I saw 451 5986 times") == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("card 4111 1111 1111 1111 declined", "CARD", "4111 1111 1111 1111"),
        ("4111-1111-1111-1111 from 12/27", "CARD", "4111-1111-1111-1111"),
        ("378282246310005", "CARD", "378282246310005"),
        ("acct 0123456789", "ACCOUNT", "0123456789"),
        ("my account number is 0123456789", "ACCOUNT", "0123456789"),
        ("a/c no: 2012345678 GTB", "ACCOUNT", "2012345678"),
        ("ACCT/0123456789", "ACCOUNT", "0123456789"),
        ("NUBAN 3012345678", "ACCOUNT", "3012345678"),
        ("meter 04123456789", "ACCOUNT", "04123456789"),
        ("policy no 123456789012", "ACCOUNT", "123456789012"),
        ("iban GB82 WEST 1234 5698 7654 32", "IBAN", "GB82 WEST 1234 5698 7654 32"),
        ("gb82west12345698765432", "IBAN", "gb82west12345698765432"),
        ("from 192.168.1.10.", "IP", "192.168.1.10"),
        ("from 2001:db8:85a3::8a2e:370:7334", "IP", "2001:db8:85a3::8a2e:370:7334"),
        ("@mtnng fix it", "HANDLE", "@mtnng"),
        ("hey @john.doe!", "HANDLE", "@john.doe"),
        ("nin 12345678901", "NIN", "12345678901"),
        ("my BVN is 22123456789", "BVN", "22123456789"),
        ("SSN 460-89-9847", "SSN", "460-89-9847"),
        ("write john.doe+x@mail.co.uk, thanks", "EMAIL", "john.doe+x@mail.co.uk"),
        ("JOHN＠GMAIL．COM", "EMAIL", "JOHN＠GMAIL．COM"),
        ("jo\u200bhn@gmail.com", "EMAIL", "jo\u200bhn@gmail.com"),
        ("john at gmail dot com", "EMAIL", "john at gmail dot com"),
        ("john dot doe at gmail dot com", "EMAIL", "john dot doe at gmail dot com"),
        ("john [at] yahoo [dot] co [dot] uk", "EMAIL", "john [at] yahoo [dot] co [dot] uk"),
        ("john @ gmail . com", "EMAIL", "john @ gmail . com"),
        ("my name is Ada Obi and I wait", "PERSON", "Ada Obi"),
        ("my name is chidi okafor", "PERSON", "chidi okafor"),
        ("I am Mrs Bola Ade", "PERSON", "Bola Ade"),
        ("Kind regards,\nChidi Okafor", "PERSON", "Chidi Okafor"),
        ("agent name Tunde was rude", "PERSON", "Tunde"),
        ("my name na Kunle O'Brien, abeg", "PERSON", "Kunle O'Brien"),
        ("My name is Ṣọlá Adébáyọ̀", "PERSON", "Ṣọlá Adébáyọ̀"),
    ],
)
def test_each_type_is_found_with_its_value(text: str, kind: str, value: str) -> None:
    assert masked_values(text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "₦5,000", "N1500 gone", "$1000.00", "N1,500,000", "₦1500000", "N 2500000", "NGN 12000000", "2GB", "50mb",
        "10/12/2024", "2024-12-10", "12-12-2024", "10.12.2024", "2024-12-10 10:30:45", "10:30", "10:30:45 PM",
        "*312#", "*556*1#", "call 300", "text 131", "dial 180", "ticket 12345678", "ticket number 1234567890",
        "INC0012345678", "TKT-00123456789", "REF 12345678901", "25%", "100.5%", "2020-2024", "2023/2024", "24/7",
        "1 500 000 naira", "12 500 000", "500 000", "1000000 naira", "9000000000 naira", "KES 1,200,000", "v1.2.3",
        "sold @5000", "@N500 each", "look at the dot", "meet at noon", "I am Angry", "my name is not correct",
        "my name is on the list", "call me on 10/12/2024 at 10:30", "I called 5 times 3 days 2 weeks",
        "1704067200000", "Spoke to Customer Care", "4111 1111 1111 1112", "GB82 WEST 1234 5698 7654 33",
        "call 12 times on 2024-10-10 10:00", "",
    ],
)  # fmt: skip
def test_amounts_dates_codes_and_tickets_stay(text: str) -> None:
    assert mask(text, KEY).text == text


def test_offsets_hold_after_characters_outside_the_basic_plane() -> None:
    result = mask(f"😂😂 {PHONE} 😂", KEY)

    assert result.spans == (Span("PHONE", 3, 16),)
    assert result.text == f"😂😂 {placeholder('PHONE', PHONE, KEY)} 😂"


def test_other_keys_and_other_values_give_other_placeholders() -> None:
    assert placeholder("PHONE", PHONE, KEY) != placeholder("PHONE", PHONE, b"other")
    assert placeholder("PHONE", PHONE, KEY) != placeholder("PHONE", "0803 123 4568", KEY)
    assert placeholder("EMAIL", "A@B.com", KEY) == placeholder("EMAIL", "a at b dot com", KEY)


def test_a_masked_value_does_not_survive_in_another_form() -> None:
    text = "tel 451 5986. I repeat: 4515986! My name is Ada Obi, Ada Obi."

    result = mask(text, KEY)

    assert "4515986" not in result.text
    assert "Ada" not in result.text
    assert result.text.count(placeholder("PHONE", "451 5986", KEY)) == 2


def test_placeholders_stay_and_do_not_join_with_what_follows() -> None:
    text = "account <PHONE_a91c> is 12 and <EMAIL_0b0b>.com 123456"

    assert mask(text, KEY).text == text


PIECES = st.sampled_from(
    [
        "0803 123 4567", "+254 712 345678", "(555) 123-4567", "4111 1111 1111 1111", "acct 0123456789", "nin 12345678901",
        "a.b@c.com", "john at gmail dot com", "@mtn", "@", "/", "-", ".", ",", ":", "(", "*", "#", " ", "\n", "\u200b",
        "😂", "1", "12", "2024", "call", "ticket", "my name is ", "Ada", "Mr ", "regards,\n", "<PHONE_a91c>", "<PHONE_",
        "GB82 WEST 1234 5698 7654 32", "192.168.1.10", "a:b::c:d", "N", "₦", "\ue000", "é", "no", "is", "46 46 70",
        "No 12 Allen Avenue, Ikeja", "Flat 3", "dob 1/2/1990", "exp 12/27", "cvv 123", "GTB 0123456785", "born on ", "Street", "zip",
        "ABC-123DE", "plate ", "otp 481902", "zero eight zero three", "live at ", "33 Rue du Lac 4",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join))


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask(text, KEY).text

    assert mask(once, KEY).text == once


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_spans_are_sorted_apart_and_in_range_and_rebuild_the_text(text: str) -> None:
    result = mask(text, KEY)

    position, rebuilt = 0, ""
    for span in result.spans:
        assert position <= span.start < span.end <= len(text)
        rebuilt += text[position : span.start] + placeholder(span.type, text[span.start : span.end], KEY)
        position = span.end
    assert rebuilt + text[position:] == result.text


@pytest.mark.parametrize(
    "unit",
    ["1", "@", " ", "a", "a@", "@a", "1 ", "(", "+", ":", "ab:", "acct ", "no is ", "my name is ", "<PHONE_", "a at ",
     "a dot ", "\u200b", "234 ", "12-", "regards\n", "12 Allen ", "No 1 ", "zero ", "apt 1 ", "card 1", "password ", "street ", "Ab, ", "\u202e1", "\"'"],
)  # fmt: skip
def test_hostile_repetition_ends_and_stays_idempotent(unit: str) -> None:
    text = unit * (100_000 // len(unit))

    once = mask(text, KEY).text

    assert mask(once, KEY).text == once


def test_checksums_accept_published_examples_and_reject_a_changed_digit() -> None:
    assert luhn("4111 1111 1111 1111")
    assert not luhn("4111 1111 1111 1112")
    assert not luhn("0000000000000000")
    assert not card("1704067200000")
    assert iban("GB82WEST12345698765432")
    assert not iban("GB82WEST12345698765433")


def test_a_name_ends_at_the_first_word_that_is_none() -> None:
    assert name_length("Ada Obi and I") == len("Ada Obi")
    assert name_length("Ada called twice") == len("Ada")
    assert name_length("not known") == 0
    assert name_length("ada obi", capital=True) == 0
