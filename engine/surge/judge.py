"""From the volumes table to surges: a regular grid of counts, judged by the detector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.settings import SurgeSettings
from engine.surge.chains import joined
from models.surge import Episode, Found, SurgeParams, detect, threshold_for

#: How far back the baseline reaches.
HISTORY = timedelta(days=28)

_WEEK_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Grid:
    """Counts (T, S) int64 of complete buckets, oldest first."""

    segments: list[str]
    first: datetime
    bucket_s: int
    counts: NDArray[np.int64]

    def time(self, position: int) -> datetime:
        """Start of a bucket."""
        return self.first + timedelta(seconds=position * self.bucket_s)

    def hours(self) -> NDArray[np.int64]:
        """(T,) int64: hour of the week of each bucket, Monday 00 UTC is 0."""
        seconds = int(self.first.timestamp()) + np.arange(len(self.counts)) * self.bucket_s
        return ((seconds // 3600) + 72) % 168  # the epoch was a Thursday

    def column(self, segment: str) -> int:
        """Position of a segment."""
        return self.segments.index(segment)


def grid(volumes: pa.Table, now: datetime, settings: SurgeSettings, history: timedelta = HISTORY) -> Grid | None:
    """The complete buckets of the last 28 days; a bucket without a row is a zero.

    Args:
        volumes: segment, bucket, count; rows outside the time are left out.
        now: a bucket is complete when `lateness_s` have passed since its end.
        history: how far back, instead.

    Returns:
        None where there is no complaint in that time.
    """
    step = settings.bucket_s
    end = int((now.timestamp() - settings.lateness_s) // step) * step
    starts = np.asarray(volumes["bucket"].cast(pa.int64())) // 1_000_000
    amounts = np.asarray(volumes["count"])
    keep = (starts < end) & (starts >= end - history.total_seconds())
    if not (amounts[keep] > 0).any():
        return None
    first = int(starts[keep & (amounts > 0)].min())
    keep &= starts >= first
    names, codes = np.unique(np.asarray(volumes["segment"].to_pylist(), dtype=object)[keep], return_inverse=True)
    counts = np.zeros(((end - first) // step, len(names)), dtype=np.int64)
    np.add.at(counts, ((starts[keep] - first) // step, codes), amounts[keep])
    return Grid([str(n) for n in names], datetime.fromtimestamp(first, UTC), step, counts)


def params(segments: int, settings: SurgeSettings) -> SurgeParams:
    """The detector's parameters for this many segments."""
    step = settings.bucket_s
    return SurgeParams(
        threshold=threshold_for(segments, _WEEK_S / step, settings.false_incidents_per_week),
        half_life=3 * 86_400 / step,
        warmup=round(settings.warmup_s / step),
        quiet=max(2, round(settings.quiet_s / step)),
        least_excess=settings.least_excess,
    )


def judge(counts: Grid, settings: SurgeSettings) -> Found:
    """Every surge in the grid; one that comes back within `regress_s` goes on, see `Chain`."""
    found = detect(counts.counts, counts.hours(), params(len(counts.segments), settings))
    return replace(found, episodes=joined(found.episodes, round(settings.regress_s / settings.bucket_s)))


def recent(found: Found, counts: Grid, now: datetime, settings: SurgeSettings) -> list[Episode]:
    """Surges that still last, or were detected or ended so lately that an alert is of use."""
    horizon = now - timedelta(seconds=settings.alert_horizon_s)
    return [e for e in found.episodes if e.end is None or counts.time(max(e.detected, e.end)) >= horizon]
