"""From surges of segments to incidents with a life: one per cause, however many segments it lifts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.settings import MaintenanceWindow
from engine.surge.chains import Chain
from engine.surge.judge import Grid
from engine.surge.segments import compatible, within
from models.surge import Episode, Found

NEW, ONGOING, ESCALATING, RESOLVED, REGRESSED = "new", "ongoing", "escalating", "resolved", "regressed"
ACKNOWLEDGED, ARCHIVED = "acknowledged", "archived"
OPEN = (NEW, ONGOING, ESCALATING, REGRESSED, ACKNOWLEDGED)

#: A surge that has come back more often than this is flapping: only a worse severity is told of it.
_FLAPPING = 3

#: Observed over expected from which on an incident has a severity, the worst first.
_SEVERITIES = (("critical", 10.0, 50), ("high", 5.0, 20), ("medium", 3.0, 10))


@dataclass(frozen=True, slots=True)
class Incident:
    """A surge's life; the columns of serving.incidents that the detector fills."""

    incident_id: str
    segment: str
    state: str
    severity: str
    started_at: datetime
    detected_at: datetime
    ended_at: datetime | None
    observed: int
    expected: float
    related: tuple[str, ...]
    regressions: int = 0
    muted: bool = False

    @property
    def event_id(self) -> str:
        """Of the event that tells its state: the same however often that is told, another for another state."""
        return f"{self.incident_id}:{self.state}:{self.severity}:{self.regressions}"

    def changed(self, before: dict[str, Any] | None) -> bool:
        """Whether it differs from the stored row in what a reader sees."""
        if before is None:
            return True
        mine = (self.state, self.severity, self.observed, self.ended_at, set(self.related), self.muted)
        return mine != (
            before["state"], before["severity"], before["observed"], before["ended_at"], set(before["related"] or ()),
            bool(before.get("muted")),
        )  # fmt: skip

    def alerts(self, before: dict[str, Any] | None) -> bool:
        """Whether the feed is told: a new one, a change of state, a worse severity; nothing while it is muted."""
        if self.muted:
            return False
        if before is None or before.get("muted"):
            # One that was over before it was seen, in late or replayed complaints, is listed and wakes nobody.
            return self.state in OPEN
        if severity_rank(self.severity) > severity_rank(before["severity"]):
            return True
        if self.regressions > _FLAPPING or before["state"] == ARCHIVED:
            return False
        return self.state != before["state"] and self.state in (RESOLVED, ESCALATING, REGRESSED)


def in_maintenance(segment: str, windows: Iterable[MaintenanceWindow], now: datetime) -> bool:
    """Whether a window is on whose segment is this one or a wider one."""
    return any(
        one.since <= now < one.until and (one.segment is None or within(segment, one.segment)) for one in windows
    )


def severity_rank(severity: str) -> int:
    """low 0 to critical 3."""
    return ("low", "medium", "high", "critical").index(severity)


def severity(observed: float, expected: float) -> str:
    """By how many times and by how many complaints the expected count is exceeded."""
    ratio, excess = observed / max(expected, 0.1), observed - expected
    return next((name for name, times, more in _SEVERITIES if ratio >= times and excess >= more), "low")


def incident_id(segment: str, started_at: datetime) -> str:
    """`inc_` and 16 hex digits, the same for the same surge however often it is judged."""
    text = f"{segment}\0{started_at.isoformat()}"
    return "inc_" + hashlib.sha256(text.encode()).hexdigest()[:16]


def reconcile(
    found: Found, episodes: Sequence[Episode], counts: Grid, stored: Iterable[dict[str, Any]]
) -> list[Incident]:
    """What incidents there are now.

    A stored incident keeps its id and segment as long as a surge of its segment overlaps it, also when
    late complaints move the beginning. Surges of segments that can share complaints, at the same time,
    are one incident, named by the segment with the strongest evidence.

    Args:
        found: the detector's output.
        episodes: those of interest.
        counts: the grid that was judged.
        stored: rows of serving.incidents.
    """
    left = sorted(episodes, key=lambda e: -e.score)
    groups: list[_Group] = []
    for row in sorted(stored, key=lambda r: r["detected_at"]):
        match = next((e for e in left if _continues(row, e, counts)), None)
        if match is not None:
            left.remove(match)
            groups.append((row, match, []))
    for episode in left:
        home = next((g for g in groups if _same_cause(g[1], episode, counts)), None)
        if home:
            home[2].append(episode)
        else:
            groups.append((None, episode, []))
    return [_incident(row, leader, others, counts) for row, leader, others in (_led(group, counts) for group in groups)]


_Group = tuple[dict[str, Any] | None, Episode, list[Episode]]

#: A narrower segment names the incident if it holds this share of the widest one's excess.
_MOST_OF_IT = 0.5


def _led(group: _Group, counts: Grid) -> _Group:
    """A new group with the narrowest segment that explains most of it in the lead; a stored one keeps its own."""
    row, leader, others = group
    if row is not None:
        return group
    everyone = [leader, *others]
    enough = _MOST_OF_IT * max(e.observed - e.expected for e in everyone)
    explaining = [e for e in everyone if e.observed - e.expected >= enough]
    best = max(explaining, key=lambda e: (_width(counts.segments[e.segment]), e.score, counts.segments[e.segment]))
    return None, best, [e for e in everyone if e is not best]


def _width(segment: str) -> int:
    return 2 * segment.count("|") + segment.count("subcategory")


def _continues(row: dict[str, Any], episode: Episode, counts: Grid) -> bool:
    if row["segment"] != counts.segments[episode.segment]:
        return False
    start, end = counts.time(episode.start), counts.time(episode.end or len(counts.counts))
    return bool(start <= (row["ended_at"] or end) and row["started_at"] <= end)


def _same_cause(leader: Episode, other: Episode, counts: Grid) -> bool:
    last = len(counts.counts)
    overlap = min(leader.end or last, other.end or last) - max(leader.start, other.start)
    return overlap > 0 and compatible(counts.segments[leader.segment], counts.segments[other.segment])


def _incident(row: dict[str, Any] | None, leader: Episode, others: Sequence[Episode], counts: Grid) -> Incident:
    segment, started = counts.segments[leader.segment], counts.time(leader.start)
    now = Incident(
        incident_id=row["incident_id"] if row else incident_id(segment, started),
        segment=segment,
        state=NEW,
        severity=severity(leader.observed, leader.expected),
        started_at=started,
        detected_at=row["detected_at"] if row else counts.time(leader.detected + 1),
        ended_at=counts.time(leader.end) if leader.end is not None else None,
        regressions=leader.returns if isinstance(leader, Chain) else 0,
        observed=leader.observed,
        expected=round(leader.expected, 3),
        related=tuple(sorted({counts.segments[e.segment] for e in others} | set(row["related"] or () if row else ()))),
    )
    return replace(now, state=_state(now, row))


def _state(incident: Incident, row: dict[str, Any] | None) -> str:
    if incident.ended_at is not None:
        return RESOLVED
    if row is None:
        return NEW
    worse = severity_rank(incident.severity) > severity_rank(row["severity"])
    if row["state"] == RESOLVED:
        # Where somebody resolved it while it lasted, it is over until it gets worse.
        return REGRESSED if worse or row["ended_at"] is not None else RESOLVED
    if worse:
        return ESCALATING
    return row["state"] if row["state"] in (ACKNOWLEDGED, ARCHIVED, ESCALATING, REGRESSED) else ONGOING
