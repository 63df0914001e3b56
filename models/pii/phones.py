"""Telephone numbers of all countries: certain ones by form, short ones beside a cue."""

from __future__ import annotations

import re
from collections.abc import Mapping

from models.pii.checks import country_code, grouped, international, lettered, mobile, national, not_a_date, spelt
from models.pii.rule import Finder, Rule, words

_SEP = r"[ .()/_-]{0,3}"
_JOIN = r"[ .()/_\n-]{0,3}"
_MONEY_WORDS = r"[₦$€£¥#]|\b(?:n|ngn|kes|ksh|usd|ghs|gbp|eur|rs|r|us|naira|amount|sum)\.?"
_MONEY = re.compile(rf"(?i)(?:{_MONEY_WORDS}) ?$")
#: Numbers of things, not of people.
THING = re.compile(
    rf"(?i)(?:{_MONEY_WORDS}|(?:\b|(?<=[\d_]))(?:tickets?|tkt|ref|reference|orders?|ord|complaint|case|request|req|transactions?|trans|txn|trx|trn"
    r"|session|receipt|invoice|inv|token|tracking|waybill|awb|rrr|incident|inc|serial|s/n|sn|batch|id|voucher|coupon|pnr|booking|parcel|package"
    r"|shipment|sr|job|model|imei|code|recharge pin|pin|balance|units?|version|build|chassis|sku|barcode|stan|rrn|tags?))\.?"
    r"(?:[ -]?(?:number|num|no|nr|id|code|is|was|be|na|#))?(?: (?:is|was|be|na))?[ .:=#/-]{0,3}$"
)
_WALL_BEFORE = r"(?<![\w₦$€£¥#*])(?<!\d[.,:/-])"
NOT_MONEY = r"(?!\d)(?! ?(?:naira|ngn|kes|ksh|usd|dollars?|shillings?|gb|mb|kb|tb|kwh|units?|million|billion)\b)"
_WALL_AFTER = r"(?![\w#*%])(?![.,:/-]\d)" + NOT_MONEY
_DIGIT_WORDS = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple|nought"


def phones(cues: Mapping[str, tuple[str, ...]]) -> tuple[Finder, ...]:
    """The rules, the most certain first, with `cues` by type."""
    call = re.compile(rf"(?i)(?<!\w)(?:{words(cues['PHONE'])})(?!\w)[^\d\n\ue000+]{{0,20}}$")
    forms = (
        _WALL_BEFORE
        + r"(?:\d{1,2}[ .-])?(?:\(\d{2,4}\) ?\d{3}|\d{3}[.-]\d{3}|\d{3} \d{3})[ .-]\d{3,4}(?: ?(?:x|ext\.?) ?\d{1,5})?"
        + _WALL_AFTER,
        _WALL_BEFORE
        + r"(?:\d{2}(?:[-.]\d{2}){3}|\d{2}(?: \d{2}){3,4}|\d{2} \d{3} \d{3}|\d{3} \d{2} \d{3}|\d{2} \d{3} \d{3,4} \d{4}|\d{3}-\d{4})"
        + _WALL_AFTER,
    )
    return (
        Rule("PHONE", re.compile(r"(?<!\w)\(?\+ ?\(?\d(?:" + _JOIN + r"\d){6,14}(?!\d)"), international, needs=("+",)),
        Rule("PHONE", re.compile(r"(?<![\w.,:/-])00[1-9](?:" + _SEP + r"\d){6,12}(?![\w%])"), international, unless_before=THING, needs=("00",)),
        Rule("PHONE", re.compile(r"(?<!\d)(?<![A-Z]-)(?:\(?234\)?" + _SEP + r"(?:\(0\))?" + _SEP + r"\(?0?|\(?0)" + _SEP + r"[789]" + _SEP + r"[01](?:" + _JOIN + r"\d){8}" + NOT_MONEY),
             mobile, unless_before=_CODE),
        Rule("PHONE", re.compile(r"(?<![\dA-Z])(?<![A-Z]-)\(?[789]" + _SEP + r"[01](?:[ .()_-]{0,3}\d){8}" + NOT_MONEY), mobile, unless_before=THING),
        Rule("PHONE", re.compile(r"(?<![A-Za-z0-9])(?:\+?234[ .-]{0,2}[0Oo]?|[0Oo])[ .-]{0,2}[789][ .-]{0,2}[01OoIl|](?:[ .-]{0,2}[0-9OoIl|]){8}(?![A-Za-z0-9])"), lettered),
        Rule("PHONE", re.compile(rf"(?i)(?<!\w)(?:{_DIGIT_WORDS})(?:[ ,.-]{{1,3}}(?:{_DIGIT_WORDS}|o)){{6,19}}(?!\w)"), spelt, needs=("zero", "oh", "eight", "seven", "nine")),
        Rule("PHONE", re.compile(r"(?<![\w.,:/-])\d(?:[ .-]?\d){10,14}(?!\w)(?![ .-]?\d)"), country_code, unless_before=THING),
        Rule("PHONE", re.compile(_WALL_BEFORE + r"\(?0[1-9]\d{0,4}\)?(?:[ .-]{0,2}\d{2,8}){1,4}" + _WALL_AFTER), national, unless_before=THING),
        *(Rule("PHONE", re.compile(form), grouped, unless_before=THING) for form in forms),
        Rule("PHONE", re.compile(_WALL_BEFORE + r"[1-9]\d{9,10}" + _WALL_AFTER), not_a_date, unless_before=THING),
        Rule("PHONE", re.compile(_WALL_BEFORE + r"\(?\d(?:[ .()-]{0,2}\d){6,14}" + _WALL_AFTER), grouped, before=call, unless_before=THING),
        Rule("PHONE", re.compile(_WALL_BEFORE + r"\(?\d(?:[ .()-]{0,2}\d){6,14}(?=[ -](?:office|fax|mobile|home|cell)\b)", re.I), grouped, needs=("office", "fax", "mobile", "home", "cell")),
    )  # fmt: skip


#: A letter code that a ticket or reference starts with, right before the digits.
_CODE = re.compile(r"(?i)(?:tkt|inc|ref|req|txn|trx|trn|ord|inv|cas|crm|sku|awb|rrr|nip|fbn|pos)[-_#:/]?$")
