"""Numbers that papers, banks and states give to a person: cards, accounts, identity numbers, plates, birth dates."""

from __future__ import annotations

import re
from collections.abc import Mapping

from models.pii.banks import BankAccount
from models.pii.checks import card, iban, not_a_date, plate, short_card
from models.pii.rule import GAP, Finder, Rule, cued

_ELEVEN = r"\d(?:[ .-]?\d){10}(?!\d)"
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = (
    rf"(?:\d{{1,4}} ?[-/.] ?\d{{1,2}} ?[-/.] ?\d{{2,4}}|{_DAY}[ -]?(?:of |day of )?{_MONTH}(?:[ ,/-]{{1,3}}(?:\d{{4}}|'?\d{{2}}))?"
    rf"|{_MONTH}[ -]?{_DAY}(?:[ ,-]{{1,3}}\d{{2,4}})?|{_MONTH}[ ,]{{1,2}}\d{{4}}|\d{{1,2}} \d{{1,2}} \d{{2,4}}|\d{{8}}|\d{{1,2}}/\d{{1,2}}|(?:19|20)\d{{2}})(?![\d/])"
)


def documents(cues: Mapping[str, tuple[str, ...]]) -> tuple[Finder, ...]:
    """The rules, with `cues` by type."""
    return (
        Rule("IBAN", re.compile(r"(?i)(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)"), iban),
        Rule("LICENCE", re.compile(r"(?<![A-Za-z0-9])[A-Z]{3}[ -]?\d{5}[ -]?[A-Z]{2}[ -]?\d{2}(?![A-Za-z0-9])")),
        Rule("LICENCE", re.compile(r"(?<![A-Za-z0-9])[A-Z9]{5}\d{6}[A-Z9]{2}\d[A-Z]{2}(?![A-Za-z0-9])")),
        cued("NIN", cues["NIN"], _ELEVEN, GAP),
        cued("NIN", cues["NIN"], r"[A-Z]{2}[ -]?\d{12}[ -]?[A-Z]{2}(?!\w)"),
        cued("BVN", cues["BVN"], _ELEVEN, GAP),
        Rule("CARD", re.compile(r"(?<!\d)(?<!\d[ -])\d{4}(?:[ .-]{0,2}\d{4}){3}(?!\d)(?![ -]\d{4}(?![\d/]))"), card),
        Rule("CARD", re.compile(r"(?<!\d)3[47]\d{2}[ .-]?\d{6}[ .-]?\d{5}(?!\d)"), card),
        Rule("CARD", re.compile(r"(?<![\w.+-])\d(?:[ .-]?\d){12,18}(?![\w])(?![ .-]\d{4}(?![\d/]))"), card, unless_before=_TOKEN),
        cued("CARD", cues["CARD"], r"\d(?:[ .-]{0,2}\d){12,18}(?!\d)"),
        cued("CARD", cues["CARD"], r"\d{12}(?!\d)", check=short_card),
        cued("CARD", cues["CARD"], r"[\dXx*]{4}(?:[ -]?[\dXx*]{4}){2}[ -]?\d{4}(?!\d)"),
        # Beside a card that is masked by now: when it expires and its code.
        Rule("CARD", re.compile(r"(?i)\ue000[^\d\n\ue000]{0,12}\b(?:exp\w{0,8}|valid(?: thru| till| until)?|good thru)[^\d\n\ue000]{0,8}(\d{1,2} ?[/-] ?\d{2,4})(?![\d/-])"), needs=("exp", "valid", "good")),
        Rule("CARD", re.compile(r"\ue000[ ,;|/]{1,3}(\d{1,2}[/-]\d{2,4}[ ,;|/]{1,3}\d{3,4})(?![\d/-])"), needs=("/", "-")),
        Rule("SSN", re.compile(r"(?<![\w-])(?!000|666)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")),
        cued("SSN", cues["SSN"], r"\d{3}[ .-]?\d{2}[ .-]?\d{4}(?!\d)", GAP),
        cued("PASSPORT", cues["PASSPORT"], r"(?:[A-Z]{1,2}[ -]?\d{6,8}|\d{8,9})(?!\w)", _REACH),
        cued("LICENCE", cues["LICENCE"], r"(?=[A-Z-]{0,8}\d)[A-Z0-9](?:-?[A-Z0-9]){5,17}(?![\w-])", _REACH, _licence),
        cued("VOTER", cues["VOTER"], r"(?=[A-Z0-9 ]{0,6}\d)[A-Z0-9]{2,4}(?: ?[A-Z0-9]{4}){3,4}(?: ?[A-Z0-9]{1,3})?(?!\w)", _REACH, _licence),
        cued("TIN", cues["TIN"], r"\d{8,10}(?:-\d{4})?(?!\d)", _REACH),
        cued("DOB", cues["DOB"], _DATE, r"(?: (?:is|was|on|in|be|na|ni|the|year|mi ni|mi|m|ta|dina))?[\s:=.-]{0,3}(?:on |in |the |is |as |for ){0,2}"),
        Rule("DOB", re.compile(rf"(?i)(?<![\d/])({_DATE})(?=[^\w\n]{{1,3}}(?:is|na) my (?:dob|birthday|date of birth|birth date)\b|[ ]?\((?:dob|date of birth)\))"), needs=("birth", "dob")),
        cued("PLATE", cues["PLATE"], r"(?:[A-Z]{2,3}[ -]?\d{2,4}[ -]?[A-Z]{2,3}|[A-Z]{2}\d{2}[ ]?[A-Z]{3}|\d{2}[A-Z][ -]?\d{2,3}[ -]?[A-Z]{2})(?!\w)", _REACH),
        Rule("PLATE", re.compile(r"(?<![\w-])[A-Z]{3}(?:-\d{2,3}[ -]?| ?\d{3})[A-Z]{2}(?![\w-])"), plate),
        Rule("PLATE", re.compile(r"(?<![\w-])[A-Z]{2}\d{3}-?[A-Z]{3}(?![\w-])"), plate),
        cued("ACCOUNT", cues["ACCOUNT"], r"\d(?:(?:-| (?!0[789][01]))?\d){7,19}(?!\d)", check=not_a_date),
        BankAccount(),
    )  # fmt: skip


def _licence(value: str) -> bool:
    """At least four digits, and a capital or nothing but digits: no word."""
    return sum(c.isdigit() for c in value) >= 4


#: What may stand between "passport" and its number: a few short words, so that "ABC123" may follow.
_REACH = (
    r"(?:[^\w\ue000]{0,3}\b(?:numbers?|num|no|nr|id|is|was|be|na|with|the|of|card|my|reg|registration|plate|vehicle|car|driving|driver|ni|it's|its))"
    r"{0,4}[\s.:=#/(-]{0,4}"
)
_TOKEN = re.compile(
    r"(?i)\b(?:tokens?|units?|pin|meter|recharge|voucher|imei|order|tracking|waybill|rrr|session|ref|reference|txn|transaction)\b[^\d\n\ue000]{0,20}$"
)
