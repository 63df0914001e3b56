"""The shapes of a column's values: how many are dates and in which order, phones, e-mails, words; no value is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y",
    "%m-%d-%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S %z")
_WHOLE = ("%a %b %d %H:%M:%S %z %Y", "%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z")
_FORMATS = (*(date + time for date in _DATES for time in _TIMES), *_WHOLE)

#: A slip of the pen in a column does not change what the column is.
MOST = 0.95

_EPOCH = re.compile(r"1\d{9}(?:\d{3})?")
_LOOKS_DATED = re.compile(r"\d.*[-/.: ].*\d")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"(?:\+|00?)?[\d ()./-]{7,20}")
_NUMBER = re.compile(r"[+-]?[\d,]*\.?\d+(?:[eE][+-]?\d+)?%?")
_CODE = re.compile(r"[^\s]{1,64}")


@dataclass(frozen=True, slots=True)
class Times:
    """How a column writes times.

    Args:
        formats: strptime patterns that read all of them; empty for ISO 8601 and seconds since 1970.
        share: of the values, how many they read.
        clock: whether there is a time of day.
        order: `day`, `month` or `year` first as the values prove it; `unknown` where no day is over 12.
    """

    formats: tuple[str, ...]
    share: float
    clock: bool
    order: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What a column's values look like; shares are of the values that are not empty.

    Args:
        filled: share of the records with a value.
        distinct: share of the values that are different from one another; `kinds` is their number.
        words: mean number of words with a letter.
        length: mean number of characters.
    """

    filled: float
    values: int
    kinds: int
    distinct: float
    words: float
    length: float
    numbers: float
    emails: float
    phones: float
    codes: float
    times: Times | None


def shape(cells: Sequence[str]) -> Shape:
    """The shape of a column's cells; empty ones are ""."""
    values = [text for cell in cells if (text := cell.strip())]
    n = max(1, len(values))
    kinds = len(set(values))
    return Shape(
        filled=len(values) / max(1, len(cells)),
        values=len(values),
        kinds=kinds,
        distinct=kinds / n,
        words=sum(sum(any(c.isalpha() for c in word) for word in v.split()) for v in values) / n,
        length=sum(map(len, values)) / n,
        numbers=_share(_NUMBER, values),
        emails=_share(_EMAIL, values),
        phones=sum(bool(_PHONE.fullmatch(v)) and 8 <= sum(c.isdigit() for c in v) <= 15 for v in values) / n,
        codes=_share(_CODE, values),
        times=times(values),
    )


def _share(pattern: re.Pattern[str], values: Sequence[str]) -> float:
    return sum(bool(pattern.fullmatch(value)) for value in values) / max(1, len(values))


def times(values: Sequence[str]) -> Times | None:
    """How the values are written as times; None where fewer than 95 in 100 are any."""
    if not values:
        return None
    iso = [found for value in values if (found := _iso(value))]
    if len(iso) >= MOST * len(values):
        return Times((), len(iso) / len(values), any(_clock(value) for value in values), "year")
    dated = [v for v in values if len(v) <= 40 and _LOOKS_DATED.search(v)]
    if len(dated) < MOST * len(values):
        return None
    read: dict[str, set[int]] = {}
    for pattern in _FORMATS:
        if _reads(dated[0], pattern) or any(_reads(value, pattern) for value in dated[1:200]):
            read[pattern] = {index for index, value in enumerate(dated) if _reads(value, pattern)}
    chosen, left = [], set(range(len(dated)))
    while read and left:
        best = max(read, key=lambda p: len(read[p] & left))
        if not read[best] & left:
            break
        chosen.append(best)
        left -= read[best]
    share = (len(dated) - len(left)) / len(values)
    if share < MOST:
        return None
    return Times(tuple(chosen), share, any("%H" in p or "%I" in p for p in chosen), _order(chosen, read))


def _order(chosen: Sequence[str], read: dict[str, set[int]]) -> str:
    """Which of day and month comes first; `unknown` where the values fit both, or some one and some the other."""
    if "%d" not in chosen[0] or "%m" not in chosen[0] or chosen[0].startswith("%Y"):
        return "year" if chosen[0].startswith("%Y") else "day"
    other = chosen[0].translate(str.maketrans("dm", "md"))
    if other in chosen or read.get(other) == read[chosen[0]]:
        return "unknown"
    return "day" if chosen[0].startswith("%d") else "month"


def _iso(value: str) -> bool:
    if _EPOCH.fullmatch(value):
        return True
    if len(value) < 8 or not value[:4].isdigit() or "-" not in value:
        return False
    return _parses(value)


def _parses(value: str) -> bool:
    try:
        return 1990 <= datetime.fromisoformat(value).year <= 2100
    except ValueError:
        return False


def _clock(value: str) -> bool:
    return ":" in value or bool(_EPOCH.fullmatch(value))


def _reads(value: str, pattern: str) -> bool:
    try:
        return 1990 <= datetime.strptime(value, pattern).year <= 2100
    except ValueError:
        return False
