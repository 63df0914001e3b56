"""Times as sources write them, to UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.time_words import GENERIC, OFFSETS_H, in_english, plain

#: Complaints older than this are taken for a misread date.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

#: How far a sender's clock may run ahead.
AHEAD = timedelta(hours=26)

#: Seconds since 1970, or thousandths, millionths or thousand-millionths of them.
_EPOCH = re.compile(r"(\d{10})(\d{3}|\d{6}|\d{9})?(?:\.(\d{1,9}))?")
#: Days since 1899-12-30 as spreadsheets count them, of 1990 to 2099.
_SERIAL = re.compile(r"(3287[4-9]|328[89]\d|329\d\d|3[3-9]\d{3}|[4-6]\d{4}|7[0-2]\d{3})(?:[.,](\d{1,10}))?")
_SERIAL_ZERO = datetime(1899, 12, 30)
#: What most tables have; read here since dateutil takes a tenth of a millisecond over it.
_NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_YEAR_DAY = re.compile(r"\d{4}-\d{3}")
_MIDNIGHT = re.compile(r"[T ]24:00(:00(\.0+)?)?$")
_ZONE_NAME = re.compile(r"\s*\b([A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?)$")
_DIGIT = re.compile(r"\d")


class BadTime(ValueError):
    """A time that cannot be used.

    `code` is `unparsable`, `too_old` or `in_future`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


def parse_time(
    value: str,
    *,
    timezone: str = "UTC",
    dayfirst: bool = False,
    formats: Sequence[str] = (),
    now: datetime,
) -> datetime:
    """A time in UTC.

    Args:
        value: the time as written; an offset in it wins over `timezone`.
        timezone: IANA zone of values without an offset or the name of a zone (WAT, PST, Africa/Lagos). Of a local time that occurs twice the first is
            meant; one that a clock change skips is read with the offset before the change.
        dayfirst: whether 04/05/2026 is 4 May.
        formats: strptime patterns to try, in order; with any given, nothing else is accepted.
        now: what "in the future" is measured against.

    Returns:
        An aware datetime in UTC.

    Raises:
        BadTime: it is no time, before 1990 or more than 26 hours ahead of `now`.
    """
    text = value.strip()
    found = _read(text, timezone, dayfirst, formats)
    if found is None:
        raise BadTime("unparsable", f"{text[:60]!r} is not a time; expected {_expected(formats)}")
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone(timezone))
    try:
        moment = found.astimezone(UTC)
    except OverflowError as error:
        raise BadTime("unparsable", f"{text[:60]!r} is out of the calendar's range") from error
    if moment < EARLIEST:
        raise BadTime("too_old", f"{text[:60]!r} is before 1990; is the format right?")
    if moment > now + AHEAD:
        raise BadTime("in_future", f"{text[:60]!r} lies ahead of now; is the format or time zone right?")
    return moment


def _read(text: str, timezone: str, dayfirst: bool, formats: Sequence[str]) -> datetime | None:
    if formats:
        forms = ((form, pattern) for pattern in formats for form in (text, plain(text[:_LONGEST])))
        return next((found for form, pattern in forms if (found := _strptime(form, pattern))), None)
    if not _DIGIT.search(text) or len(text) > _LONGEST:
        return None
    text = plain(text)
    if match := _EPOCH.fullmatch(text):
        whole, more, fraction = match.groups()
        parts = f"{more or ''}{fraction or ''}"[:6]
        return _EPOCH_ZERO + timedelta(seconds=int(whole), microseconds=int(parts.ljust(6, "0")))
    if match := _SERIAL.fullmatch(text):
        return _SERIAL_ZERO + timedelta(days=int(match[1]), seconds=round(float(f".{match[2] or 0}") * 86_400))
    if match := _NUMBERS.fullmatch(text):
        return _of_numbers(match, dayfirst)
    if match := _ZONE_NAME.search(text):
        return _at(_read(text[: match.start()], timezone, dayfirst, ()), match[1])
    if _MIDNIGHT.search(text):
        before = _read(_MIDNIGHT.sub("", text), timezone, dayfirst, ())
        return before and before + timedelta(days=1)
    try:
        return datetime.strptime(text, "%Y-%j") if _YEAR_DAY.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        return _fuzzy(in_english(text), timezone, dayfirst)


def _of_numbers(match: re.Match[str], dayfirst: bool) -> datetime | None:
    """Day and month in the order that is meant, or in the only one there can be."""
    day, month = (int(match[1]), int(match[3])) if dayfirst else (int(match[3]), int(match[1]))
    if month > 12:
        day, month = month, day
    try:
        hour, minute, second = (int(part or 0) for part in match.group(5, 6, 7))
        return datetime(int(match[4]), month, day, hour, minute, second)
    except ValueError:
        return None


_EPOCH_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 80


def _at(found: datetime | None, name: str) -> datetime | None:
    """A time without an offset in the zone that is written beside it."""
    if found is None or found.tzinfo is not None:
        return found
    try:
        return found.replace(tzinfo=zone(name))
    except ValueError:
        return None


def _strptime(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)
    except ValueError:
        return None


def _fuzzy(text: str, timezone: str, dayfirst: bool) -> datetime | None:
    from dateutil import parser

    def zone_of(name: str | None, offset_s: int | None) -> tzinfo:
        if name is None or offset_s is not None:
            return fixed(timedelta(seconds=offset_s or 0))
        for month in (1, 7):  # winter and summer: the source's own zone knows best what its name means
            if (there := datetime(2026, month, 1, tzinfo=zone(timezone))).tzname() == name:
                return fixed(there.utcoffset() or timedelta())
        if name in GENERIC:
            return zone(GENERIC[name])
        return fixed(timedelta(hours=OFFSETS_H[name]))  # KeyError: no name of a zone

    # dateutil fills what is missing from `default`; reading twice with two defaults tells a complete date.
    try:
        first, second = (
            parser.parse(text, dayfirst=dayfirst, default=default, tzinfos=zone_of) for default in (_DEFAULT, _OTHER)
        )
    except (ValueError, OverflowError, TypeError, AttributeError, KeyError):
        return None
    return first if first.date() == second.date() else None


_DEFAULT = datetime(2000, 1, 1)
_OTHER = datetime(2001, 2, 2)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA zone.

    Raises:
        ValueError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"time zone {name!r}: unknown; expected an IANA name such as Africa/Lagos") from error


def _expected(formats: Sequence[str]) -> str:
    return " or ".join(repr(pattern) for pattern in formats) if formats else "RFC 3339, e.g. 2026-11-24T08:00:00Z"
