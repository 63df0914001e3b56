"""Values of a mapping's types: what fits is given back in one form, what does not is named without showing it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from connectors.mapping import Column
from connectors.mapping.schema import matcher
from models.times import BadTime, parse_time

#: A value as text and the time of the batch -> the value in its type's form.
Check = Callable[[str, datetime], Any]


class Unfit(ValueError):
    """A value that is not what the mapping declares; `expected` says what that is."""

    def __init__(self, expected: str, code: str = "bad_value") -> None:
        super().__init__(expected, code)
        self.expected = expected
        self.code = code


def check(column: Column) -> Check | None:
    """What checks a column's values; None where every text fits.

    The check raises `Unfit`. What it returns is text but for integer, number and boolean.
    """
    bounds = _bounds(column)
    typed = _TYPES[column.type](column) if column.type != "text" else None
    if not bounds:
        return typed
    if column.type in ("integer", "number", "date", "time") or typed is None:
        return lambda text, now: _hold(bounds, text, typed(text, now) if typed else text)
    # Bounds on the text of a phone, e-mail or boolean are meant for its normal form.
    return lambda text, now: _hold(bounds, str(value := typed(text, now)), value)


Bound = Callable[[str, Any], None]


def _hold(bounds: list[Bound], text: str, value: Any) -> Any:
    for bound in bounds:
        bound(text, value)
    return value


def _bounds(column: Column) -> list[Bound]:
    """Every bound of a column: a function that raises Unfit."""
    found: list[Bound] = []
    if column.one_of:
        allowed = frozenset(column.one_of)
        found.append(_require(lambda text, value: text in allowed, f"one of {_listed(column.one_of)}"))
    if column.max_length is not None:
        most = column.max_length
        found.append(_require(lambda text, value: len(text) <= most, f"at most {most} characters"))
    if column.pattern is not None:
        matches = matcher(column.pattern).isinstance_python
        found.append(_require(lambda text, value: matches(text), f"the pattern {column.pattern}"))
    if column.min is not None:
        low = _limit(column, column.min)
        found.append(_require(lambda text, value: _comparable(value) >= low, f"{column.min} at least"))
    if column.max is not None:
        high = _limit(column, column.max)
        found.append(_require(lambda text, value: _comparable(value) <= high, f"{column.max} at most"))
    return found


def _require(holds: Callable[[str, Any], bool], expected: str) -> Bound:
    def bound(text: str, value: Any) -> None:
        if not holds(text, value):
            raise Unfit(expected)

    return bound


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _limit(column: Column, value: float | str) -> Any:
    """A bound in the form that values of the column have."""
    if column.type not in ("date", "time"):
        return value
    moment = datetime.fromisoformat(str(value))
    if column.type == "date":
        return moment.date()
    if moment.tzinfo is None:
        from zoneinfo import ZoneInfo

        moment = moment.replace(tzinfo=ZoneInfo(column.timezone or "UTC"))
    return moment


def _comparable(value: Any) -> Any:
    """A number as it is; a date or time out of its text form."""
    if not isinstance(value, str):
        return value
    return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)


_INTEGER = re.compile(r"[+-]?(?:[0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.0+)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}|[0-9]{1,30})?(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
_EMAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;.]{1,63}(?:\.[^@\s<>,;.]{1,63}){1,8}")
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "on"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "off"), False),
}


def _integer(column: Column) -> Check:
    def read(text: str, now: datetime) -> int:
        if not _INTEGER.fullmatch(text):
            raise Unfit("a whole number")
        return int(text.split(".")[0].replace(",", ""))

    return read


def _number(column: Column) -> Check:
    def read(text: str, now: datetime) -> float:
        if not _NUMBER.fullmatch(text) or not any(c.isdigit() for c in text.split("e")[0].split("E")[0]):
            raise Unfit("a number, with a point before its decimals")
        value = float(text.replace(",", ""))
        if not math.isfinite(value):
            raise Unfit("a finite number")
        return value

    return read


def _boolean(column: Column) -> Check:
    def read(text: str, now: datetime) -> bool:
        value = _BOOLEANS.get(text.casefold())
        if value is None:
            raise Unfit("yes or no, true or false, 1 or 0")
        return value

    return read


def _time(column: Column) -> Check:
    def read(text: str, now: datetime) -> str:
        return _moment(column, text, now).isoformat()

    return read


def _date(column: Column) -> Check:
    """The day as written; a time of day is read and left out."""
    local = column.model_copy(update={"timezone": "UTC"})

    def read(text: str, now: datetime) -> str:
        return _moment(local, text, now).date().isoformat()

    return read


def _moment(column: Column, text: str, now: datetime) -> datetime:
    try:
        return parse_time(
            text,
            timezone=column.timezone or "UTC",
            dayfirst=bool(column.dayfirst),
            formats=column.formats,
            now=now,
        )
    except BadTime as error:
        raise Unfit(expected_time(error.code, column.type, column.formats), f"bad_time_{error.code}") from error
    except (ValueError, OverflowError) as error:  # dateutil and strptime, on what nobody foresaw
        raise Unfit(f"a {column.type}", "bad_time_unparsable") from error


_TIME_EXPECTED = {
    "unparsable": "a {} written {}",
    "too_old": "a {} after 1990; is the format {} right?",
    "in_future": "a {} that is past; are the format {} and the time zone right?",
}


def expected_time(code: str, named: str, formats: Sequence[str]) -> str:
    """What was expected of a time that is bad for the reason `code` of BadTime, in words."""
    return _TIME_EXPECTED[code].format(named, " or ".join(formats) or "RFC 3339, e.g. 2026-11-24T08:00:00Z")


def _phone(column: Column) -> Check:
    @lru_cache(maxsize=4096)
    def normal(text: str) -> str | None:
        import phonenumbers

        try:
            number = phonenumbers.parse(text, column.country)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_possible_number(number):
            return None
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

    where = f" of {column.country} or with +" if column.country else " with + and country code"

    def read(text: str, now: datetime) -> str:
        found = normal(text) if len(text) <= 60 else None
        if found is None:
            raise Unfit(f"a phone number{where}")
        return found

    return read


def _email(column: Column) -> Check:
    def read(text: str, now: datetime) -> str:
        if len(text) > 254 or not _EMAIL.fullmatch(text):
            raise Unfit("an e-mail address")
        return text

    return read


_TYPES: dict[str, Callable[[Column], Check]] = {
    "integer": _integer, "number": _number, "boolean": _boolean, "date": _date, "time": _time,
    "phone": _phone, "email": _email,
}  # fmt: skip

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].{0,30})?|\d{1,2}[- ][A-Za-z]{3,9}[- ,]{1,2}\d{2,4}.{0,20}")
_PHONE = re.compile(r"\+?[\d ()./-]{7,20}")
_LINK = re.compile(r"https?://\S+")


def kind(text: str) -> str:
    """What a value looks like, in words that do not show it."""
    if len(text) <= 254:
        if not text.strip():
            return "nothing"
        if _INTEGER.fullmatch(text):
            return "a whole number"
        if _DATE.fullmatch(text):
            return "a date or time"
        if any(c.isdigit() for c in text) and _NUMBER.fullmatch(text):
            return "a number"
        if text.casefold() in _BOOLEANS:
            return "yes or no"
        if _EMAIL.fullmatch(text):
            return "an e-mail address"
        if _PHONE.fullmatch(text):
            return "a phone number"
        if _LINK.match(text):
            return "a link"
    return "text" if any(c.isalpha() for c in text) else "signs"
