"""Figures of the console's first page: volumes against the period before, what moved most, how fresh channels are."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.quality import checks
from engine.store import filters
from engine.surge.incidents import OPEN
from serve import alerts, quality
from serve.admin import overload_state
from serve.services import Services, call, iso

#: Period: its length and that of its buckets; buckets divide the period, so that the one before has the same ones.
PERIODS = {
    "24h": (timedelta(hours=24), timedelta(hours=1)),
    "7d": (timedelta(days=7), timedelta(hours=1)),
    "28d": (timedelta(days=28), timedelta(days=1)),
}

_MOVERS = ("category", "region", "product")
_FACETS = ("category", "priority", "channel", "language")
_COLUMNS = [*dict.fromkeys((*_MOVERS, *_FACETS)), "occurred_at", "received_at"]

#: A value has moved where its two counts differ by so many standard deviations of their difference.
_SIGMAS = 3.0
_MOST_MOVERS, _MOST_VALUES = 5, 12

#: Figures are counted again after so long, s; where nothing was written meanwhile after a minute.
_KEPT_S, _KEPT_CALM_S = 2.0, 60.0


class Overview:
    """See serve.console.pages.Backend; `_services` gives the replica's services."""

    _services: Callable[[], Services]

    def __init__(self) -> None:
        self._counted: dict[str, tuple[int, float, dict[str, Any]]] = {}
        self._counting = threading.Lock()

    async def overview(self, period: str) -> dict[str, Any]:
        """Figures of a period of PERIODS, and what is open now."""
        served, now = self._services(), datetime.now(UTC)
        status = await call("status")
        known = await asyncio.to_thread(alerts.incidents, served.incidents)
        standing = await asyncio.to_thread(quality.standing, served)
        found = await asyncio.to_thread(self._count, period, now)
        silent = {
            row["scope"] for row in standing["checks"] if row["state"] == checks.OPEN and row["kind"] == "freshness"
        }
        return found | {
            "stored": status["stored"],
            "dead_lettered": status["dead_lettered"],
            "overload": await overload_state(served),
            "open_incidents": sum(row["state"] in OPEN for row in known),
            "open_quality": standing["open"],
            "channels": [row | {"silent": row["channel"] in silent} for row in found["channels"]],
        }

    def _count(self, period: str, now: datetime) -> dict[str, Any]:
        table = self._services().complaints
        with self._counting:
            version, at = int(table.version), time.monotonic()
            kept = self._counted.get(period)
            if kept is None or at - kept[1] > (_KEPT_CALM_S if kept[0] == version else _KEPT_S):
                since = now - 2 * PERIODS[period][0]
                where = f"occurred_at >= {filters.moment(since)} OR received_at >= {filters.moment(since)}"
                rows = table.search().where(where).select(_COLUMNS).limit(2**31 - 1).to_arrow()
                kept = (version, at, figures(rows, now, period))
                self._counted[period] = kept
            return kept[2]


def figures(rows: pa.Table, now: datetime, period: str) -> dict[str, Any]:
    """What the page shows of complaints.

    Args:
        rows: _COLUMNS; nulls where not known. Those outside of the two periods count for channels alone.
        now: the end of the period.
        period: of PERIODS.

    Returns:
        `count` and `before`, complaints of the period and of the one before, `change` between them (None from none);
        `series`, each bucket with both; `moved`, by dimension the values that changed by more than chance, with
        count, before and change; `by_` of each facet; `channels`, each with the time of its `newest` complaint,
        `minutes` ago.
    """
    span, bucket = PERIODS[period]
    times = np.asarray(rows["occurred_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy())
    end, length = _us(now), span // timedelta(microseconds=1)
    inside, earlier = (times >= end - length) & (times < end), (times >= end - 2 * length) & (times < end - length)
    count, before = int(inside.sum()), int(earlier.sum())
    recent, past = rows.filter(pa.array(inside)), rows.filter(pa.array(earlier))
    return {
        "period": period,
        "since": iso(now - span),
        "count": count,
        "before": before,
        "change": _change(count, before),
        "series": _series(times, end, length, bucket // timedelta(microseconds=1)),
        "moved": {name: _moved(recent[name], past[name]) for name in _MOVERS},
        **{f"by_{name}": _commonest(recent[name]) for name in _FACETS},
        "channels": _channels(rows, now),
    }


def _us(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def _change(count: int, before: int) -> float | None:
    return (count - before) / before if before else None


def _series(times: np.ndarray[Any, Any], end: int, length: int, bucket: int) -> list[dict[str, Any]]:
    first, last = (end - length) // bucket, (end - 1) // bucket
    places = times // bucket
    found = []
    for shift in (0, length // bucket):
        mine = places[(places >= first - shift) & (places <= last - shift)] - first + shift
        found.append(np.bincount(mine.astype(np.int64), minlength=last - first + 1))
    return [
        {"bucket": iso(datetime.fromtimestamp(int(first + n) * bucket / 1e6, UTC)), "count": int(a), "before": int(b)}
        for n, (a, b) in enumerate(zip(*found, strict=True))
    ]


def _counts(column: pa.ChunkedArray) -> dict[Any, int]:
    return {one["values"]: one["counts"] for one in pc.value_counts(column).to_pylist()}


def _commonest(column: pa.ChunkedArray) -> list[dict[str, Any]]:
    found = sorted(_counts(column).items(), key=lambda one: (-one[1], str(one[0])))
    return [{"value": value, "count": count} for value, count in found[:_MOST_VALUES]]


def _moved(recent: pa.ChunkedArray, past: pa.ChunkedArray) -> list[dict[str, Any]]:
    now, then = _counts(recent), _counts(past)
    found = []
    for value in now.keys() | then.keys():
        a, b = now.get(value, 0), then.get(value, 0)
        sigmas = (a - b) / math.sqrt(a + b)
        if value is not None and abs(sigmas) >= _SIGMAS:
            found.append((abs(sigmas), {"value": value, "count": a, "before": b, "change": _change(a, b)}))
    found.sort(key=lambda one: (-one[0], one[1]["value"]))
    return [one for _, one in found[:_MOST_MOVERS]]


def _channels(rows: pa.Table, now: datetime) -> list[dict[str, Any]]:
    found = rows.group_by("channel").aggregate([("received_at", "max")]).to_pylist()
    return [
        {
            "channel": row["channel"],
            "newest": iso(row["received_at_max"]),
            "minutes": max(0, int((now - row["received_at_max"]) / timedelta(minutes=1))),
        }
        for row in sorted(found, key=lambda row: str(row["channel"]))
        if row["received_at_max"] is not None
    ]
