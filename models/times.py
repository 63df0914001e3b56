"""Times as sources write them, to UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Complaints older than this are taken for a misread date.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

#: How far a sender's clock may run ahead.
AHEAD = timedelta(hours=26)

_EPOCH = re.compile(r"\d{10}(\d{3})?(\.\d+)?")
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
        timezone: IANA zone of values without an offset. Of a local time that occurs twice the first is
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
    found = _read(text, dayfirst, formats)
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


def _read(text: str, dayfirst: bool, formats: Sequence[str]) -> datetime | None:
    if formats:
        return next((found for pattern in formats if (found := _strptime(text, pattern))), None)
    if not _DIGIT.search(text) or len(text) > 60:
        return None
    if _EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if len(text.split(".")[0]) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _fuzzy(text, dayfirst)


def _strptime(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)
    except ValueError:
        return None


def _fuzzy(text: str, dayfirst: bool) -> datetime | None:
    from dateutil import parser

    # dateutil fills what is missing from `default`; reading twice with two defaults tells a complete date.
    try:
        first, second = (parser.parse(text, dayfirst=dayfirst, default=default) for default in (_DEFAULT, _OTHER))
    except (ValueError, OverflowError, TypeError, AttributeError):
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
