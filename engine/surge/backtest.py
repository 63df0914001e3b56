"""Replays stored counts through the detector: what it would have told, when, and what that was worth.

The detector judges each bucket by those before it alone, so that a replay tells what a watcher with the same settings
would have told live, but for complaints that came late.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from connectors.errors import Terminal
from engine.settings import SurgeSettings
from engine.surge.incidents import Incident, reconcile
from engine.surge.judge import HISTORY, Grid, grid, judge
from engine.surge.segments import compatible, parse
from models.surge import Found

#: Cells of buckets by segments that are judged at once at most: some 2 GB.
_MOST_CELLS = 80_000_000


class BadBacktest(Terminal):
    """A backtest that cannot be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A surge that is known to have been: its segment and time; see `read_truths`."""

    segment: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Backtest:
    """Incidents in the order of their detection, with the counts that were judged; None where there are none."""

    incidents: list[Incident]
    counts: Grid | None
    found: Found | None


def run(volumes: pa.Table, since: datetime, until: datetime, settings: SurgeSettings) -> Backtest:
    """Judge the counts between two times, and the history before that the baseline needs.

    Args:
        volumes: segment, bucket (UTC) and count; see `reads_from` for how far back they are needed.
        since: incidents are told that were detected from here on.
        until: the end, as if it were now.
        settings: of the detector; a longer `bucket_s` than that of the stored counts adds them up.

    Raises:
        BadBacktest: the time is empty, or too much for one run.
    """
    if since >= until:
        raise BadBacktest(f"--since {since.isoformat()}: expected before --until {until.isoformat()}")
    late = timedelta(seconds=settings.lateness_s)
    counts = grid(volumes, until + late, settings, history=until - reads_from(since))
    if counts is None:
        return Backtest([], None, None)
    if counts.counts.size > _MOST_CELLS:
        raise BadBacktest(
            f"{len(counts.counts):,} buckets of {len(counts.segments):,} segments: more than {_MOST_CELLS:,} counts; "
            "take a shorter time, or a longer surge.bucket_s by --config"
        )
    found = judge(counts, settings)
    episodes = [one for one in found.episodes if counts.time(one.detected + 1) >= since]
    incidents = sorted(reconcile(found, episodes, counts, ()), key=lambda one: (one.detected_at, one.incident_id))
    return Backtest(incidents, counts, found)


def reads_from(since: datetime) -> datetime:
    """From where on counts are needed for incidents from `since` on."""
    return since - HISTORY


def read_truths(path: Path) -> list[Truth]:
    """Known surges from a csv file with the columns segment, start and end (RFC 3339).

    Raises:
        BadBacktest: the file cannot be read; names the line and the field.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadBacktest(f"{path}: cannot be read ({error})") from error
    return [_truth(path, line, row) for line, row in enumerate(rows, 2)]


def _truth(path: Path, line: int, row: dict[str, Any]) -> Truth:
    times = []
    for name in ("start", "end"):
        try:
            moment = datetime.fromisoformat(row.get(name) or "")
        except ValueError as error:
            given = str(row.get(name))[:40]
            raise BadBacktest(f"{path}: line {line}: {name} {given!r}: expected a time in RFC 3339") from error
        times.append(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if not row.get("segment"):
        raise BadBacktest(f"{path}: line {line}: segment: expected a name such as category=network|region=Lagos")
    return Truth(str(row["segment"]), times[0], times[1])


def held_against(incidents: Sequence[Incident], truths: Sequence[Truth]) -> dict[str, Any]:
    """How the incidents do against known surges.

    A surge is found by the first incident in its time whose segment, or a related one, has a value in common with its
    own and none that contradicts it; an incident that belongs to no surge is a false alarm.

    Returns:
        `surges`, `found` of them, `median_delay_s` (None where none is), `false_alarms`, and `delays`, for each surge
        its segment, start, and the incident and seconds after which it was detected, None where it was missed.
    """
    delays: list[dict[str, Any]] = []
    true: set[str] = set()
    for truth in truths:
        mine = [one for one in incidents if _meets(one, truth)]
        true |= {one.incident_id for one in mine}
        first = min(mine, key=lambda one: one.detected_at, default=None)
        seconds = max(0.0, (first.detected_at - truth.start).total_seconds()) if first else None
        delays.append(
            {"segment": truth.segment, "start": truth.start.isoformat(), "delay_s": seconds,
             "incident_id": first.incident_id if first else None}
        )  # fmt: skip
    known = [one["delay_s"] for one in delays if one["delay_s"] is not None]
    return {
        "surges": len(truths),
        "found": len(known),
        "median_delay_s": median(known) if known else None,
        "false_alarms": sum(one.incident_id not in true for one in incidents),
        "delays": delays,
    }


def _meets(incident: Incident, truth: Truth) -> bool:
    wanted = _values(truth.segment)
    segments = (incident.segment, *incident.related)
    same = any(compatible(one, truth.segment) and _values(one) & wanted for one in segments)
    ended = incident.ended_at or incident.detected_at
    return same and incident.started_at <= truth.end and max(ended, incident.detected_at) >= truth.start


def _values(segment: str) -> set[tuple[str, str]]:
    values = parse(segment)
    leaf = values.get("subcategory")
    return {*values.items(), *([("category", leaf.partition(".")[0])] if leaf else [])}


def public(incident: Incident) -> dict[str, Any]:
    """For JSON."""
    return {
        "incident_id": incident.incident_id,
        "segment": incident.segment,
        "started_at": incident.started_at.isoformat(),
        "detected_at": incident.detected_at.isoformat(),
        "ended_at": incident.ended_at.isoformat() if incident.ended_at else None,
        "observed": incident.observed,
        "expected": incident.expected,
    }
