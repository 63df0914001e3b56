"""Amounts of money in a text, with their currency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """A value in a currency (ISO 4217), and where it stands: character offsets, end exclusive."""

    value: float
    currency: str
    start: int
    end: int


def amounts(text: str, home: str = "NGN") -> list[Amount]:
    """Every amount that has a currency with it, in order.

    Args:
        text: any text; only its first 20,000 characters are read.
        home: what "#500" is, where people write so, and the shilling, dollar or pound of `home` where it has one.

    Returns:
        Values as numbers: "N2.5k" is 2500, "1.234,56 €" is 1234.56, "five hundred naira" is not read.
    """
    return list(_found(text[:_ENOUGH], home))


def main_amount(text: str, home: str = "NGN") -> Amount | None:
    """The largest amount in the currency that is named first: what a complaint is about, mostly."""
    found = amounts(text, home)
    if not found:
        return None
    return max((a for a in found if a.currency == found[0].currency), key=lambda a: a.value)


def _found(text: str, home: str) -> Iterator[Amount]:
    if not any(c.isdecimal() for c in text):
        return
    for match in _AMOUNT.finditer(text):
        number = match["after"] or match["before"]
        sign = (match["sign"] or match["word"]).casefold().rstrip(".")
        if sign == "#" and (home != "NGN" or not _is_naira(number, text[max(0, match.start() - 20) : match.start()])):
            continue
        value = _number(number)
        if value is None:
            continue
        scale = _SCALES.get((match["scale1"] or match["scale2"] or "").casefold(), 1.0)
        minor = 0.01 if sign in _MINOR else 1.0
        if 0 < (whole := value * scale * minor) < _MOST:
            yield Amount(round(whole, 2), _currency(sign, home), match.start(), match.end())


def _is_naira(number: str, before: str) -> bool:
    """Whether "#500" is an amount and no number of a ticket."""
    return number[0] != "0" and len(number) > 1 and not _NUMBERED.search(before)


def _currency(sign: str, home: str) -> str:
    if sign in _SHARED and home in _SHARED[sign]:
        return home
    return _SIGNS[sign]


def _number(text: str) -> float | None:
    """A number with its separators: three digits after one are thousands, one or two after the last decimals."""
    plain = text.replace("'", "").replace("\u00a0", " ").replace(" ", "")
    last = max(plain.rfind("."), plain.rfind(","))
    if last >= 0:
        decimals = len(plain) - last - 1
        repeated = plain.count(plain[last]) > 1
        whole = plain[:last].replace(".", "").replace(",", "")
        tail = plain[last + 1 :]
        plain = f"{whole}{tail}" if decimals == 3 or repeated else f"{whole}.{tail}"
    try:
        return float(plain)
    except ValueError:
        return None


_SIGNS = {
    "₦": "NGN", "n": "NGN", "ngn": "NGN", "#": "NGN", "naira": "NGN", "kobo": "NGN",
    "$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "bucks": "USD",
    "cent": "USD", "cents": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP", "quid": "GBP",
    "kes": "KES", "ksh": "KES", "kshs": "KES", "shilling": "KES", "shillings": "KES", "bob": "KES",
    "ugx": "UGX", "ush": "UGX", "tzs": "TZS", "tsh": "TZS", "ghs": "GHS", "gh₵": "GHS", "₵": "GHS", "cedi": "GHS",
    "cedis": "GHS", "zar": "ZAR", "rand": "ZAR", "₹": "INR", "rs": "INR", "inr": "INR", "rupee": "INR",
    "rupees": "INR", "xof": "XOF", "fcfa": "XOF", "cfa": "XOF", "¥": "JPY", "r$": "BRL", "reais": "BRL",
}  # fmt: skip
#: Words that more than one currency goes by; the home currency's where it is one of them.
_SHARED = {
    "$": {"USD", "CAD", "AUD"}, "dollar": {"USD", "CAD", "AUD"}, "dollars": {"USD", "CAD", "AUD"},
    "shilling": {"KES", "UGX", "TZS"}, "shillings": {"KES", "UGX", "TZS"}, "pound": {"GBP", "EGP"},
    "pounds": {"GBP", "EGP"}, "cfa": {"XOF", "XAF"}, "fcfa": {"XOF", "XAF"},
}  # fmt: skip
_MINOR = frozenset({"kobo", "cent", "cents"})
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "mil": 1e6, "bn": 1e9, "billion": 1e9}
_NUMBER = r"\d{1,3}(?:[ ,.'\u00a0]\d{3}){1,4}(?:[.,]\d{1,2})?|\d{1,13}(?:[.,]\d{1,2})?"
_SCALE = r"(?: ?(?P<scale{}>k|thousand|million|mil|m|bn|billion))?"
_BEFORE = (
    r"US\$|R\$|GH₵|[₦$€£₵₹¥]|(?:NGN|USD|EUR|GBP|KES|Kshs?|UGX|Ush|TZS|Tsh|GHS|ZAR|INR|XOF|F?CFA|Rs)\.?|N(?=\d)|\#(?=\d)"
)
_WORDS = (
    r"naira|kobo|ngn|dollars?|usd|bucks|cents?|euros?|eur|pounds?|gbp|quid|shillings?|kes|kshs?|bob|ugx|tzs|cedis?|ghs|rand|zar"
    r"|rupees?|inr|xof|f?cfa|reais|[₦€£₹]"
)
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?P<sign>{_BEFORE}) ?(?P<after>{_NUMBER}){_SCALE.format(1)}(?![\w%]|[.,-]\d)"
    rf"|(?P<before>{_NUMBER}){_SCALE.format(2)} ?(?P<word>{_WORDS})(?!\w))",
    re.I,
)
_NUMBERED = re.compile(
    r"(?i)\b(?:tickets?|no|number|order|case|ref|reference|room|flights?|flt|invoice|unit|apt|suite|episode|top|day)\W{0,3}$"
)
_ENOUGH = 20_000
#: A number beyond this is no amount of a complaint.
_MOST = 1e12
