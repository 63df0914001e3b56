"""Mask personal data: find it by pattern, cue and checksum, put a typed placeholder in its place.

A placeholder is `<TYPE_xxxx>` with four hex digits of a keyed hash, so that the same value reads the
same and nobody can go back. All patterns are bounded: the time is linear in the text.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data at `start` to `end` (exclusive), character offsets."""

    type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without personal data, and where it stood in the original, in order, not overlapping."""

    text: str
    spans: tuple[Span, ...]


def mask(text: str, key: bytes) -> Masked:
    """Replace personal data; masking what is masked changes nothing.

    Args:
        text: any text.
        key: the installation's pseudonym key.
    """
    spans = find(text)
    parts, position = [], 0
    for span in spans:
        parts += [text[position : span.start], placeholder(span.type, text[span.start : span.end], key)]
        position = span.end
    return Masked("".join(parts) + text[position:], tuple(spans))


def placeholder(kind: str, value: str, key: bytes) -> str:
    """`<KIND_xxxx>`; spaces, dashes and case of the value do not matter."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", value).casefold() if c.isalnum() or c in "@.")
    digest = hmac.new(key, f"{kind}\0{plain}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return f"<{kind}_{digest[:4]}>"


def find(text: str) -> list[Span]:
    """Where personal data stands; of overlapping finds the earlier rule wins."""
    folded = _folded(text)
    taken = bytearray(len(text))
    for match in _PLACEHOLDER.finditer(folded):
        taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    spans = []
    for rule in _RULES:
        for start, end in rule.spans(folded):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                spans.append(Span(rule.type, start, end))
    return sorted(spans, key=lambda span: span.start)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A type, a pattern whose group 1 (or the whole) is the value, and a check of the value."""

    type: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = lambda value: True

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        group = 1 if self.pattern.groups else 0
        for match in self.pattern.finditer(text):
            if self.check(match.group(group)):
                yield match.span(group)


def _folded(text: str) -> str:
    """The text with every character replaced by a plain one of length one, where it has one."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _plain(c) for c in text)


def _plain(character: str) -> str:
    if character in "‐‑‒–—―−﹘﹣－":
        return "-"
    if character in "\u200b\u200c\u200d\u2060\ufeff\u00a0\u2007\u202f":
        return " "
    digit = unicodedata.digit(character, None)
    if digit is not None and character.isdecimal():
        return str(digit)
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


def _digits(value: str) -> str:
    return "".join(c for c in value if c.isdigit())


def luhn(value: str) -> bool:
    """Whether 13 to 19 digits pass the check of ISO/IEC 7812-1."""
    digits = [int(c) for c in _digits(value)]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _iban(value: str) -> bool:
    """ISO 13616: moved and read as base 36, the remainder by 97 is 1."""
    plain = "".join(value.split()).upper()
    if not 15 <= len(plain) <= 34:
        return False
    number = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4])
    return int(number) % 97 == 1


def _phone(value: str) -> bool:
    """7 to 15 digits that a numbering plan knows, or that stand in a telephone's form."""
    digits = _digits(value)
    if not 7 <= len(digits) <= 15 or len(set(digits)) == 1 or _DATE.fullmatch(value.strip()):
        return False
    if re.fullmatch(r"0[789][01]\d{8}|0[17]\d{8}", digits) or value.lstrip("( ").startswith(("+", "00")):
        return True
    if len(digits) == 13 and digits.startswith("234"):
        return True
    return bool(_GROUPED.fullmatch(value.strip())) or _known(value)


def _known(value: str) -> bool:
    import phonenumbers

    if len(_digits(value)) < 10:
        return False
    for region in ("NG", "KE", "GH", "ZA"):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(value, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _ip(value: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


_PLACEHOLDER = re.compile(r"<[A-Z]{2,12}_[0-9a-f]{4}>")
_DATE = re.compile(r"(?:\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}|\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2})(?:[ T]\d{0,2}:?\d{0,2})?")
#: 555-123-4567, (555) 123 4567, 555.123.4567 x89: groups as telephones are written.
_GROUPED = re.compile(r"(?:\d{1,3}[-. ])?\(?\d{3}\)?[-. ]{1,2}\d{3}[-. ]\d{4}|\d{3}-\d{4}|\d{4}[-. ]\d{3}[-. ]\d{3,4}")
_NOT_AMOUNT = r"(?<![\w₦$€£*#./:,-])"
_ENDS = r"(?![\w#*%]|[.,:/-]\d)"

_RULES = (
    _Rule("EMAIL", re.compile(r"(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}(?![\w-])")),
    _Rule(
        "EMAIL",
        re.compile(
            r"(?i)(?<![\w.+-])[a-z0-9._%+-]{2,64} ?[(\[]? ?\bat\b ?[)\]]? ?(?:gmail|yahoo|hotmail|outlook|[a-z0-9-]{2,40})"
            r" ?[(\[]? ?\bdot\b ?[)\]]? ?(?:com|org|net|ng|co)\b"
        ),
    ),
    _Rule("IBAN", re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"), _iban),
    _Rule("CARD", re.compile(r"(?<![\w.+-])\d(?:[ .-]?\d){12,18}(?![\w-])"), luhn),
    _Rule(
        "NIN", re.compile(r"(?i)\b(?:nin|bvn|national id(?:entity)?(?: number| no)?)\b[^\d\n]{0,15}(\d(?:[ -]?\d){10})(?!\d)")
    ),
    _Rule("SSN", re.compile(r"(?<![\w-])(\d{3}-\d{2}-\d{4})(?![\w-])")),
    _Rule(
        "ACCOUNT",
        re.compile(
            r"(?i)\b(?:acct?s?|account|a/c|acc|nuban|meter|policy|customer id)\b\.?(?: ?(?:number|num|no|nr|#))?\.?"
            r"(?: (?:is|was|with|ending))?[ :=#.-]{0,3}(\d(?:[ -]?\d){7,16})(?!\d)"
        ),
    ),
    _Rule("PHONE", re.compile(_NOT_AMOUNT + r"(?:\+|00)?\(?\+?\d(?:[ .()-]{0,2}\d){6,14}" + _ENDS), _phone),
    _Rule("IP", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"), _ip),
    _Rule("IP", re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:])"), _ip),
    _Rule("HANDLE", re.compile(r"(?<![\w@./])@[A-Za-z0-9_]{2,30}(?![\w@])")),
    _Rule(
        "PERSON",
        re.compile(
            r"\b(?:[Mm]y (?:full )?name is|[Ii] am (?:Mr|Mrs|Ms|Miss|Dr|Chief|Alhaji|Alhaja|Prof)\.?|[Tt]his is (?:Mr|Mrs|Ms|Dr)\.?"
            r"|(?:Mr|Mrs|Ms|Dr|Alhaji|Alhaja|Chief)\.?|[Rr]egards,?|[Ss]incerely,?) ?\n?"
            r"([A-Z][a-zà-ỹ'’-]{1,20}(?: [A-Z][a-zà-ỹ'’-]{1,20}){0,2})"
        ),
    ),
)  # fmt: skip
