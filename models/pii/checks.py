"""Whether a candidate is what its form says, and the form that equal values share."""

from __future__ import annotations

import ipaddress
import re


def digits_of(value: str) -> str:
    """The value's digits, 0 to 9."""
    return "".join(c for c in value if "0" <= c <= "9")


def canonical(kind: str, value: str) -> str:
    """What two ways to write a value share.

    Args:
        kind: a type of personal data.
        value: the value in plain characters.

    Returns:
        Digits for numbers, a Nigerian number without +234 or 0; letters and digits, lower case, for the rest.
    """
    if kind == "PHONE":
        digits = _spoken(value) or digits_of(re.split(r"(?i)x|ext", value)[0].translate(_LETTERS))
        nigerian = _NIGERIAN.fullmatch(digits)
        return nigerian.group(1) if nigerian else digits.removeprefix("00")
    if kind in ("CARD", "ACCOUNT", "BVN", "SSN"):
        return digits_of(value)
    if kind in ("NIN", "PASSPORT", "LICENCE", "PLATE", "VOTER", "TIN", "IBAN", "ADDRESS", "DOB"):
        return "".join(c for c in value.casefold() if c.isalnum())
    if kind == "EMAIL":
        plain = _SPELT_AT.sub("@", _SPELT_DOT.sub(".", value.casefold()))
        return "".join(plain.split())
    return "".join(c for c in value.casefold() if c.isalnum() or c in ":._")


def luhn(value: str, shortest: int = 13) -> bool:
    """Whether `shortest` to 19 digits pass the check of ISO/IEC 7812-1."""
    digits = [int(c) for c in digits_of(value)]
    if not shortest <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def short_card(value: str) -> bool:
    """Twelve digits that pass Luhn, as old Maestro cards have; only beside a cue."""
    return luhn(value, 12)


def card(value: str) -> bool:
    """A card number: Luhn, and a first digit that payment networks use (ISO/IEC 7812 major industry 3 to 6)."""
    return bool(_ISSUER.match(digits_of(value))) and luhn(value)


def iban(value: str) -> bool:
    """ISO 13616: moved and read as base 36, the remainder by 97 is 1."""
    plain = "".join(c for c in value if c.isalnum()).upper()
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def ip(value: str) -> bool:
    """An address of IPv4, or of IPv6 with at least three groups written out (`::1` names nobody)."""
    try:
        # Some systems pad the groups of IPv4 with zeros, which ipaddress refuses.
        address = ipaddress.ip_address(re.sub(r"(?<![\dA-Fa-f:])0+(?=\d)", "", value) if "." in value else value)
    except ValueError:
        return False
    return address.version == 4 or sum(map(bool, value.split(":"))) >= 3


def not_a_date(value: str) -> bool:
    """Whether no date, time or range of years stands in the digits, and they are not all the same."""
    return not _DATE.search(value) and len(set(digits_of(value))) > 1


def mobile(value: str) -> bool:
    """A Nigerian mobile number, with or without 0 and 234."""
    return bool(_NIGERIAN.fullmatch(digits_of(value)))


def lettered(value: str) -> bool:
    """A Nigerian mobile number in which letters stand for some digits: O for 0, I or l for 1."""
    return sum(c.isdigit() for c in value) >= 7 and mobile(value.translate(_LETTERS))


def spelt(value: str) -> bool:
    """Seven to fifteen digits in words."""
    return 7 <= len(_spoken(value)) <= 15


def _spoken(value: str) -> str:
    """The digits of "zero eight double oh …"; empty where a word is none."""
    digits, times = "", 1
    for word in re.split(r"[ ,.-]+", value.casefold()):
        if word in _TIMES:
            times = _TIMES[word]
        elif word in _WORDS:
            digits, times = digits + _WORDS[word] * times, 1
        else:
            return ""
    return digits


def plate(value: str) -> bool:
    """A vehicle's plate, no reference or amount: neither end is a code or unit that those are written with."""
    first, last = value[:3], value[-2:]
    return first not in _CODES and last not in _UNITS and len(set(digits_of(value))) > 0


def international(value: str) -> bool:
    """7 to 15 digits after + or 00 (ITU-T E.164), not all the same."""
    digits = digits_of(value)
    number = digits.removeprefix("00") if not value.lstrip("( ").startswith("+") else digits
    return 7 <= len(number) <= 15 and len(set(number)) > 1


def country_code(value: str) -> bool:
    """Digits that with a + would be a valid number of a country that our callers live in."""
    import phonenumbers

    digits = digits_of(value)
    if not digits.startswith(_COUNTRIES):
        return False
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse("+" + digits)))
    except phonenumbers.NumberParseException:
        return False


def national(value: str) -> bool:
    """9 to 12 digits after a trunk prefix 0."""
    return 9 <= len(digits_of(value)) <= 12 and grouped(value)


def grouped(value: str) -> bool:
    """Digits in groups as telephones are written: no date, and no round amount with spaces for thousands."""
    thousands = _THOUSANDS.fullmatch(value)
    return not_a_date(value) and not (thousands and value.endswith("00"))


_LETTERS = str.maketrans("OoIl|", "00111")
_WORDS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3}
_CODES = frozenset(
    [
        "TKT",
        "REF",
        "INV",
        "ORD",
        "TRX",
        "TXN",
        "TRN",
        "SRV",
        "CRM",
        "INC",
        "REQ",
        "CAS",
        "SKU",
        "MTN",
        "GLO",
        "USD",
        "NGN",
        "KES",
        "GHS",
        "GBP",
        "EUR",
        "PIN",
        "OTP",
        "FOR",
        "GOT",
        "BUY",
        "PAY",
        "ERR",
    ]
)
_UNITS = frozenset(["MB", "GB", "KB", "TB", "NG", "KM", "KG", "CM", "MM", "HZ"])
_NIGERIAN = re.compile(r"(?:00)?(?:234)?0?([789][01]\d{8})")
_COUNTRIES = ("234", "254", "233", "255", "256", "250", "27", "44", "91", "1")
_ISSUER = re.compile(r"[3-6]|2[2-7]|2131|1800")
_THOUSANDS = re.compile(r"\d{1,3}(?: \d{3})+")
_SPELT_AT = re.compile(r"\s*[(\[{]?\s*(?:@|\bat\b)\s*[)\]}]?\s*")
_SPELT_DOT = re.compile(r"\s*[(\[{]?\s*(?:\bdot\b|\.)\s*[)\]}]?\s*")
_DATE = re.compile(
    r"(?<!\d)(?:(?:0?[1-9]|[12]\d|3[01])([-/. ])(?:0?[1-9]|[12]\d|3[01])\1(?:19|20)\d{2}"
    r"|(?:19|20)\d{2}([-/. ])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:19|20)\d{2} ?[-/ ] ?(?:19|20)\d{2})(?!\d)"
)
