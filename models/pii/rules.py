"""The rules that find personal data, most certain first.

Every repetition in a pattern is bounded or starts only where a run of its characters starts, and no pattern
consumes FILLER: what was found before is a wall.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models.pii.checks import card, country_code, grouped, iban, international, ip, mobile, national, not_a_date
from models.pii.introduced import name_length


@dataclass(frozen=True, slots=True)
class Rule:
    """A type, a pattern whose group 1 (or the whole) is the value, and how much of the value to take."""

    type: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    length: Callable[[str], int] | None = None
    #: Takes a match only where what stands before it (40 characters) ends, or does not end, like this.
    before: re.Pattern[str] | None = None
    unless_before: re.Pattern[str] | None = None

    @property
    def numeric(self) -> bool:
        """Whether the value has digits, so that most texts need not be read."""
        return self.type not in ("EMAIL", "HANDLE", "PERSON", "IP")

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of each find, in order, not overlapping."""
        if self.numeric and not _DIGIT.search(text):
            return
        group = 1 if self.pattern.groups else 0
        for match in self.pattern.finditer(text):
            start, value = match.start(group), match.group(group)
            end = start + (self.length(value) if self.length else len(value))
            if (
                end > start
                and (self.check is None or self.check(value))
                and self._placed(text[max(0, start - 40) : start])
            ):
                yield start, end

    def _placed(self, before: str) -> bool:
        if self.before and not self.before.search(before):
            return False
        return not (self.unless_before and self.unless_before.search(before))


_DIGIT = re.compile(r"\d")
_MAIL = r"(?:gmail|googlemail|yahoo|ymail|hotmail|outlook|live|icloud|aol|protonmail|proton)"
_AT = r"(?: {0,2}[(\[{] ?(?:at|@) ?[)\]}] {0,2}| at | ?@ ?)"
_DOT = r"(?: {0,2}[(\[{] ?(?:dot|\.) ?[)\]}] {0,2}| dot | ?\. ?)"
_LOCAL = r"(?<![\w.%+-])(?:[\w%+-]{1,40} (?:dot|underscore) ){0,3}[\w.%+-]{1,256}"
_SEP = r"[ .()/_-]{0,3}"
_MONEY = re.compile(r"(?i)(?:[₦$€£¥#]|\b(?:n|ngn|kes|ksh|usd|ghs|gbp|eur|rs|r|us|naira|amount|sum)\.?) ?$")
#: Numbers of things, not of people.
_THING = re.compile(
    r"(?i)(?:[₦$€£¥#]|\b(?:n|ngn|kes|ksh|usd|ghs|gbp|eur|rs|tickets?|ref|reference|order|complaint|case|request|transaction|trans|txn|trx"
    r"|session|receipt|invoice|token|tracking|incident|serial|batch|amount|sum|id))\.?"
    r"(?: ?(?:number|num|no|nr|id|code|is|was|#))?(?: (?:is|was))?[ .:=#-]{0,3}$"
)
_CALL = re.compile(
    r"(?i)\b(?:phone|tel|telephone|call(?:ed|ing)?|mobile|cell|fax|whats ?app|contact|reach|dial|sms|msisdn|line|number|numbers"
    r"|text|messages|answering|ring|gsm|office|home|nomba|lamba|simu|nọmba)\b[^\d\n\ue000+]{0,20}$"
)
_WORD = r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f'’]){0,30}"
_NAME = rf"({_WORD}\.?(?:[ -]{_WORD}){{0,3}})"
_WALL_BEFORE = r"(?<![\w₦$€£¥#*])(?<!\d[.,:/-])"
_NOT_MONEY = r"(?!\d)(?! ?(?:naira|ngn|kes|ksh|usd|dollars?|shillings?|gb|mb|kb|million|billion)\b)"
_WALL_AFTER = r"(?![\w#*%])(?![.,:/-]\d)" + _NOT_MONEY
_NUMBER = r"(?:[^\w\ue000]{0,3}\b(?:number|num|no|nr|id|is|was|with|details?|my|bank|ending|the|to|of|for))"

RULES = (
    Rule("EMAIL", re.compile(r"(?<![\w.%+-])[\w.%+-]{1,256}@(?:[\w-]{1,63}\.){1,5}[^\W\d_]{2,24}")),
    Rule("EMAIL", re.compile(rf"(?i){_LOCAL}{_AT}{_MAIL}\b(?:{_DOT}(?:com|co|org|net|ng|fr|ke|uk)\b){{0,2}}")),
    Rule(
        "EMAIL",
        re.compile(
            r"(?i)(?<![\w.%+-])(?:[\w%+-]{1,40} (?:dot|underscore) ){0,3}[\w.%+-]{2,256}(?: at | ?[(\[{] ?at ?[)\]}] ?| ?@ ?)[a-z0-9-]{2,40}"
            r"(?: dot | ?[(\[{] ?dot ?[)\]}] ?)[a-z]{2,10}\b(?:(?: dot | ?[(\[{] ?dot ?[)\]}] ?)[a-z]{2,3}\b)?"
        ),
    ),
    Rule("IBAN", re.compile(r"(?i)(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"), iban),
    Rule("CARD", re.compile(r"(?<!\d)\d{4}(?:[ .-]{0,2}\d{4}){3}(?!\d)"), card),
    Rule("CARD", re.compile(r"(?<!\d)3[47]\d{2}[ .-]?\d{6}[ .-]?\d{5}(?!\d)"), card),
    Rule("CARD", re.compile(r"(?<![\w.+-])\d(?:[ .-]?\d){12,18}(?![\w])"), card),
    Rule(
        "CARD",
        re.compile(
            r"(?i)\b(?:debit|credit|atm|master|visa|verve|my)? ?cards?\b" + _NUMBER + r"{0,3}[ .:=#/-]{0,3}(\d(?:[ .-]{0,2}\d){12,18})(?!\d)"
        ),
    ),
    Rule("NIN", re.compile(r"(?i)\b(?:nin|national id(?:entity|entification)?(?: number| no)?)\b[^\d\n\ue000]{0,15}(\d(?:[ .-]?\d){10})(?!\d)")),
    Rule("BVN", re.compile(r"(?i)\bbvn\b[^\d\n\ue000]{0,15}(\d(?:[ .-]?\d){10})(?!\d)")),
    Rule("SSN", re.compile(r"(?<![\w-])(?!000|666)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")),
    Rule("SSN", re.compile(r"(?i)\b(?:ssn|social security)\b[^\d\n\ue000]{0,15}(\d{3}[ .-]?\d{2}[ .-]?\d{4})(?!\d)")),
    Rule(
        "ACCOUNT",
        re.compile(
            r"(?i)\b(?:acct?s?|accounts?|a/c|ac|nuban|meter|policy|customer|subscriber|smartcard|smart card|decoder|imei|iccid|iuc)\b\.?"
            + _NUMBER + r"{0,4}[ .:=#/-]{0,3}(\d(?:[ -]?\d){7,19})(?!\d)"
        ),
        not_a_date,
    ),
    Rule("IP", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), ip),
    Rule("IP", re.compile(r"(?<![\w:])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{6,39}(?![\w:])"), ip),
    Rule("PHONE", re.compile(r"(?<!\w)\(?\+ ?\(?\d(?:" + _SEP + r"\d){6,14}(?!\d)"), international),
    Rule("PHONE", re.compile(r"(?<![\w.,:/-])00[1-9](?:" + _SEP + r"\d){6,12}(?![\w%])"), international),
    Rule(
        "PHONE",
        re.compile(r"(?<![\dA-Z])(?<![A-Z]-)(?:\(?234\)?" + _SEP + r"(?:\(0\))?" + _SEP + r")?\(?(?:0" + _SEP + r")?[789]" + _SEP + r"[01](?:[ .()_-]{0,3}\d){8}"
            + _NOT_MONEY),
        mobile, unless_before=_MONEY,
    ),
    Rule("PHONE", re.compile(r"(?<![\w.,:/-])\d(?:[ .-]?\d){10,14}(?!\w)"), country_code, unless_before=_THING),
    Rule("PHONE", re.compile(_WALL_BEFORE + r"\(?0[1-9]\d{0,4}\)?(?:[ .-]{0,2}\d{2,8}){1,4}" + _WALL_AFTER), national, unless_before=_THING),
    Rule(
        "PHONE",
        re.compile(
            _WALL_BEFORE + r"(?:\d{1,2}[ .-])?(?:\(\d{2,4}\) ?\d{3}|\d{3}[.-]\d{3}|\d{3} \d{3})[ .-]\d{3,4}(?: ?(?:x|ext\.?) ?\d{1,5})?" + _WALL_AFTER
        ),
        grouped, unless_before=_THING,
    ),
    Rule(
        "PHONE",
        re.compile(_WALL_BEFORE + r"(?:\d{2}(?:[-.]\d{2}){3}|\d{2}(?: \d{2}){3,4}|\d{2} \d{3} \d{3}|\d{3} \d{2} \d{3}|\d{2} \d{3} \d{3,4} \d{4}|\d{3}-\d{4})" + _WALL_AFTER),
        grouped, unless_before=_THING,
    ),
    Rule("PHONE", re.compile(_WALL_BEFORE + r"[1-9]\d{9,10}" + _WALL_AFTER), not_a_date, unless_before=_THING),
    Rule("PHONE", re.compile(_WALL_BEFORE + r"\(?\d(?:[ .()-]{0,2}\d){6,14}" + _WALL_AFTER), grouped, before=_CALL, unless_before=_THING),
    Rule("PHONE", re.compile(_WALL_BEFORE + r"\(?\d(?:[ .()-]{0,2}\d){6,14}(?=[ -](?:office|fax|mobile|home|cell)\b)", re.I), grouped),
    Rule("HANDLE", re.compile(r"(?<![\w@])@(?!(?:N|NGN|Ksh|KES)?\d{1,9}\b)(?=\d{0,20}[^\W\d])\w+(?:[.@]\w+)*")),
    Rule(
        "PERSON",
        re.compile(
            r"(?i)\b(?:my (?:full |real |account )?names? (?:is|na|are|be)|agent'?s? name(?: is| was)?|sunana|oruko mi ni|aha m bu"
            r"|(?:agent|rep|representative|staff|lady|guy|man|woman|officer) (?:called|named|by name)"
            r"|i(?: am|'m) (?:mr|mrs|ms|miss|dr)\.?|jina langu ni|je m'appelle)"
            r":? " + _NAME
        ),
        length=name_length,
    ),
    Rule(
        "PERSON",
        re.compile(
            r"\b(?:Mr|Mrs|Ms|Dr|Prof|Engr|Barr|Alhaji|Alhaja|Hajiya|Mallam|Name:|NAME:|name:|[Ss]poke (?:to|with))\.? ?"
            + _NAME
        ),
        length=lambda value: name_length(value, capital=True),
    ),
    Rule(
        "PERSON",
        re.compile(
            r"(?i)\b(?:regards|sincerely|faithfully|signed|thanks|thank you|cheers|yours)[,.]? {0,3}\n\s{0,4}"
            + _NAME + r"(?=\s{0,4}(?:\n|$|,|\.))"
        ),
        length=lambda value: name_length(value, capital=True),
    ),
)  # fmt: skip
