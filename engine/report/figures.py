"""The figures of a report: counts of a day or a week against the one before, and the incidents in it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from connectors.errors import Terminal
from engine.counts import Counts
from engine.search import Search

#: Days of each kind, and the interval of its plots.
KINDS = {"daily": (1, "hour"), "weekly": (7, "day")}

#: What the period is told by.
_BY = ("category", "priority", "channel", "region", "product", "language")

_VALUES = 10


class BadPeriod(Terminal):
    """A report of this kind or date cannot be."""


def period(kind: str, day: date | None, now: datetime) -> tuple[datetime, datetime]:
    """Beginning and end of a report, in UTC.

    Args:
        kind: daily, or weekly: from Monday.
        day: in the period; default the last one that is over.
        now: the time.

    Raises:
        BadPeriod: an unknown kind, or the period is not over.
    """
    if kind not in KINDS:
        raise BadPeriod(f"report {kind[:40]!r}: expected one of {', '.join(KINDS)}")
    days = KINDS[kind][0]
    first = day if day is not None else now.astimezone(UTC).date() - timedelta(days=days)
    if kind == "weekly":
        first -= timedelta(days=first.weekday())
    since = datetime.combine(first, time(), UTC)
    until = since + timedelta(days=days)
    if until > now:
        raise BadPeriod(f"report of {first.isoformat()}: it is over at {until.isoformat()} only; give an earlier date")
    return since, until


def figures(counts: Counts, incidents: Any, kind: str, since: datetime, until: datetime) -> dict[str, Any]:
    """What a report says, for JSON; it holds no text of any complaint.

    Args:
        counts: of serving.complaints.
        incidents: a reader of serving.incidents.
        kind: see `KINDS`.
        since, until: see `period`.
    """
    wanted = Search(since=since, until=until)
    trends = {by: counts.trends(wanted, KINDS[kind][1], by, _VALUES) for by in _BY}
    whole = trends["category"]
    return {
        "kind": kind,
        "since": _iso(since),
        "until": _iso(until),
        "version": whole["version"],
        "buckets": [_iso(bucket) for bucket in whole["buckets"]],
        "all": whole["all"],
        "by": {by: found["series"] for by, found in trends.items()},
        "incidents": _incidents(incidents, since, until),
    }


def _incidents(table: Any, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Those that had begun before the end and were not over at the beginning, the gravest first."""
    names = ["incident_id", "segment", "state", "severity", "started_at", "ended_at", "observed", "expected"]
    rows = table.search().select(names).limit(100_000).to_list()
    kept = [row for row in rows if row["started_at"] < until and (row["ended_at"] is None or row["ended_at"] >= since)]
    kept.sort(key=lambda row: row["observed"] - row["expected"], reverse=True)
    return [{name: _iso(row[name]) if isinstance(row[name], datetime) else row[name] for name in names} for row in kept]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
