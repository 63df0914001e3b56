"""Times of providers as RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(value: str | None, pattern: str | None = None) -> str | None:
    """A time as RFC 3339, where it is an epoch (s, ms) or of the pattern; any other is left to the stages.

    A time without an offset is UTC.
    """
    if value is None:
        return None
    try:
        if pattern is not None:
            found = datetime.strptime(value, pattern)
        elif value.lstrip("-").replace(".", "", 1).isdecimal() and len(value) >= 9:
            seconds = float(value)
            found = datetime.fromtimestamp(seconds / 1000 if abs(seconds) > 1e11 else seconds, UTC)
        else:
            return value
    except (ValueError, OverflowError, OSError):
        return value
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
