"""What is known of a channel's hour, counted once a row, and a channel's hours together: its past."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.quality.rules import Completed

HOUR_S = 3600
DAY_H, WEEK_H = 24, 168

#: How far the past reaches: eight weeks, so that an hour of the week has eight of its like.
HISTORY_H = 8 * WEEK_H

#: Weeks of which a median is taken: with fewer, days are compared whatever the day of the week.
_LEAST_WEEKS, _LEAST_DAYS, _MOST_DAYS = 4, 7, 28

#: What is read of a complaint.
COLUMNS = (
    "channel", "received_at", "occurred_at", "customer_id", "account_id", "region", "product", "language", "category",
    "quality_flags",
)  # fmt: skip

#: A complaint tells no time where its time is that of its receipt (engine.stages.clean).
_GIVEN: tuple[Completed, ...] = ("customer_id", "account_id", "region", "product")


@dataclass(slots=True)
class Hour:
    """A channel's hour, by the time of receipt.

    Args:
        hour: hours since the epoch.
        watched: the engine took complaints the whole hour, so that a missing one is the channel's doing.
        rows: complaints stored.
        live: those that arrived soon after they happened; backfills are not among them.
        rejected: records that went to the dead letters at their first attempt.
        newest: when the newest live complaint happened, s since the epoch; 0 where there is none.
        last: when the last live one was received, likewise.
        given: complaints with a value, by column.
        flags: complaints by flag.
        language: live complaints by language.
        category: live complaints by category.
    """

    channel: str
    hour: int
    watched: bool = False
    rows: int = 0
    live: int = 0
    rejected: int = 0
    newest: float = 0.0
    last: float = 0.0
    given: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    language: Counter[str] = field(default_factory=Counter)
    category: Counter[str] = field(default_factory=Counter)

    @property
    def key(self) -> tuple[str, int]:
        """Channel and hour."""
        return self.channel, self.hour

    def add(self, other: Hour) -> None:
        """What came in besides."""
        self.rows += other.rows
        self.live += other.live
        self.rejected += other.rejected
        self.newest, self.last = max(self.newest, other.newest), max(self.last, other.last)
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))

    def to_row(self) -> dict[str, Any]:
        """As a row of serving.quality_hours."""
        row = {name: getattr(self, name) for name in ("channel", "watched", "rows", "live", "rejected")}
        return row | {
            "hour_id": f"{self.channel}@{self.hour * HOUR_S}",
            "hour": datetime.fromtimestamp(self.hour * HOUR_S, UTC),
            "newest": datetime.fromtimestamp(self.newest, UTC) if self.newest else None,
            "last": datetime.fromtimestamp(self.last, UTC) if self.last else None,
            "counts": json.dumps({name: getattr(self, name) for name in _COUNTERS}),
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Hour:
        """The reverse of `to_row`."""
        made = cls(row["channel"], int(row["hour"].timestamp()) // HOUR_S, row["watched"])
        made.rows, made.live, made.rejected = row["rows"], row["live"], row["rejected"]
        made.newest, made.last = (row[name].timestamp() if row[name] else 0.0 for name in ("newest", "last"))
        for name, found in json.loads(row["counts"]).items():
            setattr(made, name, Counter(found))
        return made


_COUNTERS = ("given", "flags", "language", "category")


def count(complaints: pa.Table, late_s: float) -> Iterator[Hour]:
    """The hours of these complaints, each row looked at a fixed number of times, in Arrow.

    Args:
        complaints: COLUMNS.
        late_s: a complaint that is received later than this after it happened is not live.
    """
    if complaints.num_rows == 0:
        return
    received, occurred = (complaints[name].cast(pa.int64()) for name in ("received_at", "occurred_at"))
    table = complaints.append_column("hour", pc.divide(received, HOUR_S * 1_000_000))
    live = pc.less_equal(pc.subtract(received, occurred), int(late_s * 1e6))
    table = table.append_column("live", live).append_column("given_time", pc.not_equal(received, occurred))
    found: dict[tuple[str, int], Hour] = {}
    for row in _grouped(table, [([], "count_all"), *[(name, "count") for name in _GIVEN], ("given_time", "sum")]):
        one = found[row["channel"], row["hour"]] = Hour(row["channel"], row["hour"], rows=row["count_all"])
        one.given.update({name: row[f"{name}_count"] for name in _GIVEN} | {"time_given": row["given_time_sum"]})
    lively = table.filter(table["live"])
    for row in _grouped(lively, [([], "count_all"), ("occurred_at", "max"), ("received_at", "max")]):
        one = found[row["channel"], row["hour"]]
        one.live, one.newest = row["count_all"], row["occurred_at_max"].timestamp()
        one.last = row["received_at_max"].timestamp()
    for name in ("language", "category"):
        for row in _grouped(lively.filter(pc.is_valid(lively[name])), [([], "count_all")], name):
            getattr(found[row["channel"], row["hour"]], name)[row[name]] = row["count_all"]
    parents = pc.list_parent_indices(table["quality_flags"])
    flagged = table.select(["channel", "hour"]).take(parents)
    flagged = flagged.append_column("flag", pc.list_flatten(table["quality_flags"]))
    for row in _grouped(flagged, [([], "count_all")], "flag"):
        found[row["channel"], row["hour"]].flags[row["flag"]] = row["count_all"]
    yield from found.values()


def _grouped(table: pa.Table, aggregates: list[Any], *more: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.group_by(["channel", "hour", *more]).aggregate(aggregates).to_pylist()
    return rows


def count_rejected(letters: Iterable[dict[str, Any]]) -> Iterator[Hour]:
    """The hours of these dead letters, (channel, received_at, attempt); a retry that fails again is not counted."""
    counts = Counter(
        (row["channel"], int(row["received_at"].timestamp()) // HOUR_S) for row in letters if (row["attempt"] or 1) == 1
    )
    for (channel, hour), number in counts.items():
        yield Hour(channel, hour, rejected=number)


class Past:
    """The hours of all channels, the open ones too; an hour that is not there brought nothing or was not watched.

    Args:
        hours: in any order.
    """

    def __init__(self, hours: Iterable[Hour] = ()) -> None:
        self._hours: dict[str, dict[int, Hour]] = {}
        self._days: dict[tuple[str, int], Hour] = {}
        for one in hours:
            self.put(one)

    def put(self, one: Hour) -> None:
        """Take an hour in, or replace it."""
        self._days.pop((one.channel, one.hour // DAY_H), None)
        self._hours.setdefault(one.channel, {})[one.hour] = one

    def add(self, one: Hour) -> None:
        """Count an hour in."""
        self._days.pop((one.channel, one.hour // DAY_H), None)
        present = self._hours.setdefault(one.channel, {}).get(one.hour)
        if present is None:
            self.put(one)
        else:
            present.add(one)

    def forget(self, before: int) -> None:
        """Drop hours before this one, and channels that have none left."""
        self._days = {key: one for key, one in self._days.items() if key[1] > before // DAY_H}
        for channel, hours in list(self._hours.items()):
            for hour in [hour for hour in hours if hour < before]:
                del hours[hour]
            if not any(one.rows or one.rejected for one in hours.values()):
                del self._hours[channel]

    def channels(self) -> list[str]:
        """Those that have hours."""
        return sorted(self._hours)

    def of(self, channel: str) -> dict[int, Hour]:
        """A channel's hours by their number; not to be changed."""
        return self._hours.get(channel, {})

    def since(self, hour: int) -> list[Hour]:
        """The hours from this one on."""
        return [one for hours in self._hours.values() for number, one in hours.items() if number >= hour]

    def window(self, channel: str, first: int, last: int) -> Hour:
        """The sum of a channel's hours from `first` to before `last`."""
        whole, hours = Hour(channel, first), self.of(channel)
        for number in range(first, last):
            if number in hours:
                whole.add(hours[number])
        return whole

    def days(self, channel: str, before: int, most: int) -> list[Hour]:
        """The sums of the whole days (UTC) before an hour, the last one first; those without a record are left out."""
        found = []
        for day in range(before // DAY_H - 1, before // DAY_H - 1 - most, -1):
            if (channel, day) not in self._days:
                self._days[channel, day] = self.window(channel, day * DAY_H, (day + 1) * DAY_H)
            if self._days[channel, day].rows:
                found.append(self._days[channel, day])
        return found

    def alike(self, channel: str, hour: int) -> list[int]:
        """Live complaints of the hours like this one before it: the same of the week, or else of the day.

        Only hours that were watched; fewer than can be judged by are none.
        """
        hours = self.of(channel)

        def counts(step: int, most: int) -> list[int]:
            seen = (hours.get(hour - step * back) for back in range(1, most + 1))
            return [one.live for one in seen if one is not None and one.watched]

        weekly = counts(WEEK_H, HISTORY_H // WEEK_H)
        if len(weekly) >= _LEAST_WEEKS:
            return weekly
        daily = counts(DAY_H, _MOST_DAYS)
        return daily if len(daily) >= _LEAST_DAYS else []
