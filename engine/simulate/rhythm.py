"""When people complain: little at night, most in the evening, less at weekends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

#: Weight of each local hour (Lagos is UTC+1 all year).
_HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 10, 10, 10, 10, 10, 11, 12, 14, 15, 14, 11, 7, 4)
_DAYS = (1.1, 1.05, 1.0, 1.0, 1.0, 0.8, 0.65)


def moments(random: Random, count: int, start: datetime, end: datetime) -> list[datetime]:
    """`count` times between `start` and `end` in this rhythm, sorted."""
    slots = list(_slots(start, end))
    chosen = random.choices(slots, [weight for _, _, weight in slots], k=count)
    return sorted(a + (b - a) * random.random() for a, b, _ in chosen)


def _slots(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, float]]:
    step, at = timedelta(hours=1), start
    while at < end:
        until = min(at + step, end)
        local = at.astimezone(UTC) + step
        share = (until - at) / step
        yield at, until, _HOURS[local.hour] * _DAYS[local.weekday()] * share
        at = until
