"""Each kind of personal data in the forms people write it, and what only looks like it."""

from __future__ import annotations

import pytest

from benchmarks.processing.pii import FORMATS, read_formats
from models.pii import find, mask, placeholder
from models.pii.banks import nuban
from models.pii.checks import lettered, plate, spelt

KEY = b"k" * 32


def masked_values(text: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("router for No 12 Allen Avenue, Ikeja please", "ADDRESS", "No 12 Allen Avenue, Ikeja"),
        ("Block 4 Flat 6, Jakande Estate, Oke-Afa", "ADDRESS", "Block 4 Flat 6, Jakande Estate, Oke-Afa"),
        ("Plot 7B Admiralty Way, Lekki Phase 1", "ADDRESS", "Plot 7B Admiralty Way, Lekki Phase 1"),
        ("at 11 off Toyin Street", "ADDRESS", "11 off Toyin Street"),
        ("no 3 okigwe road, owerri", "ADDRESS", "no 3 okigwe road, owerri"),
        ("P.O. Box 2345, Ikeja", "ADDRESS", "P.O. Box 2345, Ikeja"),
        ("bill 1600 Pennsylvania Avenue, Washington, DC 20500", "ADDRESS", "1600 Pennsylvania Avenue, Washington, DC 20500"),
        ("10 Downing Street, London SW1A 2AA", "ADDRESS", "10 Downing Street, London SW1A 2AA"),
        ("my zip is 90210", "ADDRESS", "90210"),
        ("GTB 0123456785", "ACCOUNT", "0123456785"),
        ("send am to my aza 0123456789", "ACCOUNT", "0123456789"),
        ("nin wey dem give na 12345678901", "NIN", "12345678901"),
        ("vNIN AB123456789012CD", "NIN", "AB123456789012CD"),
        ("passport no. A12345678", "PASSPORT", "A12345678"),
        ("driver's licence GGE12345AA01", "LICENCE", "GGE12345AA01"),
        ("your van ABC-123DE", "PLATE", "ABC-123DE"),
        ("plate number abc 123 de", "PLATE", "abc 123 de"),
        ("my dob is 3rd March 1985", "DOB", "3rd March 1985"),
        ("born on 5 June 1978", "DOB", "5 June 1978"),
        ("OTP 481902 was used", "SECRET", "481902"),
        ("password: Naija@2024", "SECRET", "Naija@2024"),
        ("https://ada:s3cret@example.com/x", "URL", "https://ada:s3cret@example.com/x"),
        ("?token=abc123def", "SECRET", "abc123def"),
        ("facebook.com/tunde.b", "HANDLE", "tunde.b"),
        ("call O8O3 123 4567", "PHONE", "O8O3 123 4567"),
        ("zero eight zero three, one two three, four five six seven", "PHONE", "zero eight zero three, one two three, four five six seven"),
        ("0️⃣8️⃣0️⃣3️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣", "PHONE", "0️⃣8️⃣0️⃣3️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣"[:-2]),
    ],
)  # fmt: skip
def test_a_value_is_found_whole_with_its_type(text: str, kind: str, value: str) -> None:
    found = masked_values(text)

    assert [kind for kind, _ in found] == [kind]
    assert found[0][1].startswith(value)
    assert len(found[0][1]) <= len(value) + 2


def test_what_stands_beside_a_card_goes_with_it() -> None:
    text = mask("card 4111 1111 1111 1111 exp 09/27, cvv 123", KEY).text

    assert not set("0123456789/") & set(text.replace("CARD_", "").split("exp")[1].split("<")[0])
    assert "09/27" not in text and " 123" not in text


@pytest.mark.parametrize(
    "text",
    [
        "network dey bad for Allen Avenue", "my DOB is wrong", "plan expires 12/27", "I called 5 times on the way",
        "meter token 1234 5678 9012 3456 7890", "recharge card 1234 5678 9012 3456", "order no 0012345678",
        "FOR 200 MB", "ref ABC-123", "my NIN is not linked after 3 weeks", "licence fee 50000 naira", "one two three",
        "the drive took 2 hours on the road", "pin 500 naira", "change my password please", "2 way road 3 lanes",
        "card declined on 12/10/2024", "between 2019-2024", "KM 12",
    ],
)  # fmt: skip
def test_look_alikes_stay(text: str) -> None:
    assert mask(text, KEY).text == text


def test_a_state_at_the_end_of_an_address_stays() -> None:
    assert masked_values("15 Zik Avenue, Awka, Anambra State") == [("ADDRESS", "15 Zik Avenue, Awka")]
    assert masked_values("8 Oyinkan Street, Lagos Island")[0][1].endswith("Lagos Island")


def test_ways_to_write_a_number_share_a_placeholder() -> None:
    plain = placeholder("PHONE", "08031234567", KEY)

    for value in ("O8O3 123 4567", "zero eight zero three one two three four five six seven", "+234 803 123 4567"):
        assert placeholder("PHONE", value, KEY) == plain
    assert placeholder("PLATE", "abc 123 de", KEY) == placeholder("PLATE", "ABC-123DE", KEY)


def test_the_check_digit_of_a_nigerian_account() -> None:
    # 0*3+5*7+8*3 + 0*3+1*7+2*3 + 3*3+4*7+5*3 + 6*3+7*7+8*3 = 215; 220 - 215 = 5
    assert nuban("0123456785", "058")
    assert not nuban("0123456786", "058")


def test_letters_and_words_for_digits() -> None:
    assert lettered("O8O3l234567")
    assert not lettered("OOOOOOOOOOO")
    assert spelt("oh eight double oh three one two three")
    assert not spelt("one two three")


def test_a_reference_is_no_plate() -> None:
    assert plate("ABC-123DE")
    assert not plate("TKT-123AB")
    assert not plate("BUY100GB")


def test_our_own_cases_cover_what_they_claim() -> None:
    rows = [row for odd in (False, True) for row in read_formats(FORMATS, odd)]

    assert len(rows) >= 400
    assert sum(not row.spans for row in rows) >= 100
    assert {kind for row in rows for kind, _, _ in row.spans} >= {
        "PHONE",
        "ACCOUNT",
        "NIN",
        "BVN",
        "ADDRESS",
        "PLATE",
        "DOB",
    }
