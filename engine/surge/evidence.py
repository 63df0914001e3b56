"""An incident's evidence: what drives it, who and what it is made of, what it is not, and the counts behind it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.store import filters
from engine.surge import causes
from engine.surge.incidents import Incident
from engine.surge.judge import Grid
from engine.surge.segments import parse
from engine.surge.words import alike, drivers, words
from models.surge import Found

_ROWS = 2000
_SHARED = ("category", "subcategory", "region", "channel", "product", "language", "cluster_id")
_COLUMNS = list(dict.fromkeys(("text", "priority", "repeat_of", *_SHARED, *causes.READS)))

#: Values of a dimension, and past incidents, that are told.
_MOST = 5

#: Points of the series before the surge's start.
_LEAD = 24


def collect(
    complaints: Any,
    incident: Incident,
    counts: Grid,
    found: Found,
    past: Iterable[dict[str, Any]] = (),
    late_s: float = 600.0,
) -> dict[str, Any]:
    """Terms, exemplars, shares, people, causes, past incidents and series; of at most 2,000 complaints of the incident.

    Args:
        complaints: a reader of serving.complaints.
        incident: whose evidence.
        counts: the grid that was judged.
        found: the detector's output over it.
        past: rows of serving.incidents.
        late_s: see engine.surge.causes.
    """
    end = incident.ended_at or counts.time(len(counts.counts))
    inside = _rows(complaints, {k: [v] for k, v in parse(incident.segment).items()}, incident.started_at, end)
    around = _rows(complaints, {}, counts.first, incident.started_at)
    terms = drivers([row["text"] for row in inside], [row["text"] for row in around])
    known = _looked_up(complaints, inside, around, incident.started_at)
    column, first, last = _span(incident, counts)
    counted = int(counts.counts[first:last, column].sum())
    return {
        "terms": terms,
        "exemplars": _exemplars(inside),
        "shares": {name: _shares(name, inside, around) for name in _SHARED},
        "people": {
            "complaints": len(inside),
            "customers": len({row["customer_id"] for row in inside if row["customer_id"]}),
            "repeats": sum(row["repeat_of"] is not None for row in inside),
            "duplicates": sum(row["duplicate_of"] is not None for row in inside),
        },
        "causes": causes.checked(inside, known, counted, late_s) if len(inside) < _ROWS else [],
        "past": _nearest(incident, [term["term"] for term in terms], past),
        "series": _series(incident, counts, found),
    }


def _rows(complaints: Any, equals: dict[str, list[str]], since: datetime, until: datetime) -> list[dict[str, Any]]:
    condition = filters.where(equals, since, until)
    rows: list[dict[str, Any]] = complaints.search().where(condition).select(_COLUMNS).limit(_ROWS).to_list()
    return rows


def _exemplars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Up to three complaints, the most urgent first, no two alike."""
    chosen: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda r: (r["priority"] or "P9", r["occurred_at"])):
        mine = words(row["text"])
        if all(len(mine & words(c["text"])) < 0.6 * max(len(mine), 1) for c in chosen):
            chosen.append({"event_id": row["event_id"], "text": row["text"][:400]})
        if len(chosen) == 3:
            break
    return chosen


def _looked_up(
    complaints: Any, inside: list[dict[str, Any]], around: list[dict[str, Any]], start: datetime
) -> list[dict[str, Any]]:
    """`around`, and one complaint of before for what is in it of neither, so that rare values do not seem new."""
    found = list(around)
    for columns in causes.NEW:
        seen = {tuple(row[name] for name in columns) for row in around}
        for values in {tuple(row[name] for name in columns) for row in inside} - seen:
            parts = [
                f"{name} IS NULL" if value is None else f"{name} = {filters.text(value)}"
                for name, value in zip(columns, values, strict=True)
            ]
            where = f"{' AND '.join(parts)} AND occurred_at < {filters.moment(start)}"
            found += complaints.search().where(where).select(list(causes.READS)).limit(1).to_list()
    return found


def _shares(name: str, inside: list[dict[str, Any]], around: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The commonest values inside, with their share inside and before."""
    here, there = Counter(row[name] for row in inside), Counter(row[name] for row in around)
    return [
        {"value": value, "share": round(n / len(inside), 4), "before": round(there[value] / max(len(around), 1), 4)}
        for value, n in sorted(here.items(), key=lambda one: (-one[1], str(one[0])))[:_MOST]
        if value is not None
    ]


def _nearest(incident: Incident, terms: list[str], past: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Incidents before this one that have a segment or terms in common with it, the most alike first."""
    mine, found = {incident.segment, *incident.related}, []
    for row in past:
        if row["incident_id"] == incident.incident_id or row["started_at"] >= incident.started_at:
            continue
        proof = json.loads(row["evidence"] or "{}")
        said = alike(terms, [term["term"] for term in proof.get("terms", [])])
        likeness = (alike(sorted(mine), [row["segment"], *(row["related"] or ())]) + said) / 2
        if likeness > 0:
            found.append((likeness, row))
    found.sort(key=lambda one: (one[0], one[1]["started_at"]), reverse=True)
    return [
        {"incident_id": row["incident_id"], "segment": row["segment"], "state": row["state"],
         "started_at": row["started_at"].isoformat(), "likeness": round(likeness, 3), "reason": row.get("reason")}
        for likeness, row in found[:_MOST]
    ]  # fmt: skip


def interval(incident: Incident, counts: Grid, found: Found) -> tuple[float, float]:
    """Where 95 % of counts lie without a surge, by the detector's own mean and deviation of the incident's buckets."""
    column, first, last = _span(incident, counts)
    mean = float(found.expected[first:last, column].sum())
    spread = 1.96 * float((found.deviation[first:last, column].astype(float) ** 2).sum()) ** 0.5
    return max(0.0, mean - spread), mean + spread


def _span(incident: Incident, counts: Grid) -> tuple[int, int, int]:
    """The segment's column, and the incident's first bucket and the one after its last."""
    times = (incident.started_at, incident.ended_at or counts.time(len(counts.counts)))
    first, last = (int((one - counts.first).total_seconds() // counts.bucket_s) for one in times)
    return counts.column(incident.segment), max(0, first), last


def _series(incident: Incident, counts: Grid, found: Found) -> list[dict[str, Any]]:
    column = counts.column(incident.segment)
    start = int((incident.started_at - counts.first).total_seconds() // counts.bucket_s)
    last = len(counts.counts)
    if incident.ended_at is not None:
        last = min(last, int((incident.ended_at - counts.first).total_seconds() // counts.bucket_s) + _LEAD // 2)
    return [
        {
            "bucket": counts.time(t).isoformat(),
            "count": int(counts.counts[t, column]),
            "expected": round(float(found.expected[t, column]), 3),
        }
        for t in range(max(0, start - _LEAD), last)
    ]
