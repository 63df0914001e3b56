import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sms import gsm7, udh

ALPHABET = [c for c in gsm7._BASIC if c != "\x1b"] + list(gsm7._EXTENDED.values())
words = st.text(st.sampled_from(ALPHABET), max_size=200)


def test_the_alphabet_is_the_standards():
    # 3GPP TS 23.038, table 6.2.1: a few from each column.
    assert len(gsm7._BASIC) == 128
    expected = {
        0x00: "@",
        0x02: "$",
        0x0A: "\n",
        0x10: "Δ",
        0x1B: "\x1b",
        0x1F: "É",
        0x24: "¤",
        0x40: "¡",
        0x5B: "Ä",
        0x60: "¿",
        0x7F: "à",
    }
    assert {code: gsm7._BASIC[code] for code in expected} == expected


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        ("e8329bfd06", "hello"),
        # H 48, e 65, l 6c, l 6c, o 6f, ! 21, written out as bits by hand.
        ("c8329bfd0e01", "Hello!"),
        # The escape, then 65; the rest of the second byte is nothing.
        ("9b32", "€"),
    ],
)
def test_known_packings(packed, text):
    assert gsm7.decode(gsm7.unpack(bytes.fromhex(packed))) == text


def test_eight_septets_of_which_the_last_is_padding_or_an_at():
    seven, eight = gsm7.encode("1234567"), gsm7.encode("1234567@")
    assert gsm7.pack(seven) == gsm7.pack(eight)
    assert gsm7.decode(gsm7.unpack(gsm7.pack(seven))) == "1234567"
    assert gsm7.decode(gsm7.unpack(gsm7.pack(eight), count=8)) == "1234567@"


def test_codes_that_no_phone_knows_are_shown_as_the_standard_asks():
    assert gsm7.decode(b"\x1b\x41") == "A"
    assert gsm7.decode(b"a\x1b") == "a "
    assert gsm7.decode(b"\x1b\x1b\x41") == " A"
    with pytest.raises(ValueError, match="not in the GSM"):
        gsm7.encode("ẹ")


@settings(deadline=None)
@given(words)
def test_unpacked_comes_back(text):
    assert gsm7.decode(gsm7.encode(text)) == text


@settings(deadline=None)
@given(words, st.integers(0, 6))
def test_packed_comes_back_after_any_fill(text, fill):
    septets = gsm7.encode(text)
    assert gsm7.unpack(gsm7.pack(septets, fill), len(septets), fill) == septets
    assert gsm7.unpack(gsm7.pack(septets, fill), fill=fill) in (septets, septets[:-1])


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 6))
def test_any_bytes_have_a_text(raw, fill):
    assert isinstance(gsm7.decode(gsm7.unpack(raw, fill=fill)), str)
    assert len(gsm7.decode(raw)) <= len(raw)


@settings(deadline=None)
@given(st.integers(0, 65_535), st.integers(2, 255), st.data())
def test_headers_come_back(reference, total, data):
    number = data.draw(st.integers(1, total))
    wide = bytes([0x08, 4]) + reference.to_bytes(2, "big") + bytes([total, number])
    port = bytes([0x04, 2, 1, 2])
    for header in (wide, port + wide, bytes([len(wide)]) + wide):
        assert udh.read(header) == udh.Part(f"16:{reference}", total, number)
    narrow = bytes([5, 0x00, 3, reference % 256, total, number])
    assert udh.read(narrow) == udh.Part(f"8:{reference % 256}", total, number)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_header_is_a_part_or_none(raw):
    found = udh.read(raw)
    assert found is None or 1 <= found.number <= found.total <= 255


@pytest.mark.parametrize("header", ["", "05", "0500030201", "050003020100", "050003020103", "050003020000", "00"])
def test_a_header_of_a_part_that_cannot_be_tells_of_none(header):
    assert udh.read(bytes.fromhex(header)) is None


def test_a_header_is_filled_to_a_septet():
    # 48 bits of header and one of fill make 49, seven septets.
    assert [udh.fill_bits(n) for n in (0, 6, 7, 8)] == [0, 1, 0, 6]
