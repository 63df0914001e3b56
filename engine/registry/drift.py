"""Whether complaints, or what a model says of them, are other than they were, and whether the cause is known.

The last week is compared with the four before it, among complaints of one version of the model. Where a measure drifts,
it is taken again without the complaints of incidents that were open in that week: if it holds then, an outage explains
it. A mix of categories of two taxonomies is no drift of the model either.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.labels.book import AUDIT
from engine.quality.drift import distance, most_moved
from engine.registry.compare import abstained
from engine.registry.shadow import below
from engine.settings import Settings
from engine.stages.model import vectors_of
from engine.store import filters
from engine.surge.segments import DIMENSIONS, parse
from models.classifier.calibrate import calibration_error

WINDOW, REFERENCE = timedelta(days=7), timedelta(days=28)

#: Fewer complaints, or labels, say nothing.
_LEAST_ROWS, _LEAST_LABELS = 200, 50

#: Bounds. Distances of mixes as in configs/quality.yaml; the shift of the vectors in units of their spread; the rest in
#: points of probability. Beyond the bound and beyond what chance brings is drift.
_MOST = {"input": 0.1, "labels": 0.25, "confidence": 0.05, "abstention": 0.05, "calibration": 0.05}

#: Standard deviations that chance may bring; of calibration fewer, as a week has few labels. At two, one week in twenty
#: was called where nothing drifted (benchmarks.drift).
_SIGMAS, _SIGMAS_OF_LABELS = 4.0, 3.0

#: Complaints, and vectors, looked at of each side; of more a sample by their ids.
_MOST_ROWS, _MOST_VECTORS = 50_000, 5_000
_CHUNK = 1000

_READS = [
    "event_id", "received_at", *DIMENSIONS, "confidence", "category_reasons", "taxonomy_version",
]  # fmt: skip
_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Side:
    """Complaints of a time.

    Attributes:
        rows: as dicts of _READS.
        vectors: (n, d) float32, unit rows, of a sample of them.
        judged: (confidence, whether it was right) of those with an audit's label.
    """

    rows: Sequence[Mapping[str, Any]]
    vectors: NDArray[np.float32]
    judged: Sequence[tuple[float, bool]]


def standing(settings: Settings, which: str, now: datetime) -> dict[str, Any]:
    """How a version, `name/version`, does on live complaints.

    Returns:
        of and before, the complaints looked at of the week and of the weeks before it; drifts, how many measures do;
        measures, each with name, state (drift, explained, well or unknown), value, most, why, and cause (outage or
        taxonomy) where it is explained; incidents.
    """
    root, options = settings.zones_uri.rstrip("/"), settings.storage_options
    try:
        complaints = open_reader(f"{root}/serving", "complaints", options)
        incidents = open_reader(f"{root}/serving", "incidents", options)
        labels = open_reader(f"{root}/governance", "labels", options)
    except Transient:
        return {"of": 0, "before": 0, "measures": [], "incidents": []}
    start = now - WINDOW
    own = f"classifier_version = {filters.text(which)}"
    truth = _audit(labels)
    sides = [
        _side(
            complaints,
            f"{own} AND received_at >= {filters.moment(low)} AND received_at < {filters.moment(high)}",
            truth,
        )
        for low, high in ((start, now), (start - REFERENCE, start))
    ]
    found = incidents.search().select(["incident_id", "segment", "started_at", "ended_at"]).limit(_ALL).to_list()
    open_ones = [row for row in found if row["started_at"] and _overlaps(row, start, now)]
    return judge(sides[0], sides[1], {row["incident_id"]: row["segment"] for row in open_ones})


def judge(now: Side, before: Side, incidents: Mapping[str, str]) -> dict[str, Any]:
    """See `standing`; `incidents` are segments of those that were open."""
    measures = _measures(now, before)
    drifting = [one for one in measures if one["state"] == "drift"]
    if drifting and incidents:
        calm = {one["name"]: one for one in _measures(_without(now, incidents), _without(before, incidents))}
        for one in drifting:
            if calm[one["name"]]["state"] == "well":
                one |= {"state": "explained", "cause": "outage"}
                one["why"] += "; not so without the complaints of open incidents"
    if _taxonomies(now) != _taxonomies(before):
        for one in measures:
            if one["state"] == "drift" and one["name"] in ("labels", "calibration"):
                one |= {"state": "explained", "cause": "taxonomy"}
                one["why"] += f"; the taxonomy is {' and '.join(sorted(_taxonomies(now)))} by now"
    return {
        "of": len(now.rows),
        "before": len(before.rows),
        "drifts": sum(one["state"] == "drift" for one in measures),
        "measures": measures,
        "incidents": sorted(incidents),
    }


def _measures(now: Side, before: Side) -> list[dict[str, Any]]:
    if min(len(now.rows), len(before.rows)) < _LEAST_ROWS:
        few = f"{len(now.rows)} complaints this week, {len(before.rows)} in the four before, fewer than {_LEAST_ROWS}"
        return [_told(name, None, 0.0, few) for name in _MOST]
    return [
        _input(now, before),
        _labels(now, before),
        _confidence(now, before),
        _abstention(now, before),
        _calibration(now, before),
    ]


def _told(name: str, value: float | None, chance: float, why: str) -> dict[str, Any]:
    """A measure; it drifts beyond its bound and beyond what chance brings."""
    most = _MOST[name]
    state = "unknown" if value is None else "drift" if value > most and value > chance else "well"
    return {"name": name, "state": state, "value": None if value is None else round(value, 4), "most": most, "why": why}


def _input(now: Side, before: Side) -> dict[str, Any]:
    """How far the mean vector has moved, in units of the spread of single vectors."""
    n, m = len(now.vectors), len(before.vectors)
    if min(n, m) < _LEAST_ROWS:
        return _told("input", None, 0.0, f"{min(n, m)} vectors")
    one, other = now.vectors.mean(axis=0), before.vectors.mean(axis=0)
    spread = max(1e-9, 1 - float(other @ other))  # the variance of unit rows about their mean
    moved = float(((one - other) ** 2).sum())
    # Of two samples of the same texts it is about spread × (1/n + 1/m); a few directions carry most of the variance.
    chance = (1 / n + 1 / m) * (1 + _SIGMAS * math.sqrt(2 / 10))
    value = math.sqrt(moved / spread)
    return _told("input", value, math.sqrt(chance), f"the mean text has moved by {value:.3f} of the spread of texts")


def _labels(now: Side, before: Side) -> dict[str, Any]:
    one, other = (Counter(row["subcategory"] or "none" for row in side.rows) for side in (now, before))
    found, chance = distance(one, other)
    label, was, is_ = most_moved(one, other)
    return _told(
        "labels", found, chance, f"distance of the mixes {found:.3f}; {label} went from {was:.0%} to {is_:.0%}"
    )


def _confidence(now: Side, before: Side) -> dict[str, Any]:
    one, other = (np.array([row["confidence"] or 0.0 for row in side.rows]) for side in (now, before))
    error = math.sqrt(float(one.var()) / len(one) + float(other.var()) / len(other))
    moved = abs(float(one.mean() - other.mean()))
    return _told(
        "confidence", moved, _SIGMAS * error, f"mean confidence went from {other.mean():.3f} to {one.mean():.3f}"
    )


def _abstention(now: Side, before: Side) -> dict[str, Any]:
    one, other = (
        np.array([abstained(row["category_reasons"] or []) for row in side.rows], float) for side in (now, before)
    )
    error = math.sqrt(float(one.var()) / len(one) + float(other.var()) / len(other))
    moved = abs(float(one.mean() - other.mean()))
    return _told("abstention", moved, _SIGMAS * error, f"abstained on {other.mean():.1%}, and on {one.mean():.1%} now")


def _calibration(now: Side, before: Side) -> dict[str, Any]:
    if len(now.judged) < _LEAST_LABELS:
        return _told("calibration", None, 0.0, f"{len(now.judged)} complaints of the week have an audit's label")
    sides = [np.array(side.judged, float).reshape(-1, 2) for side in (now, before)]
    gaps = [abs(float((side[:, 0] - side[:, 1]).mean())) if len(side) else None for side in sides]
    error = float((sides[0][:, 0] - sides[0][:, 1]).std()) / math.sqrt(len(sides[0]))
    ece = calibration_error(sides[0][:, 0], sides[0][:, 1].astype(bool))
    was = "" if gaps[1] is None else f", {gaps[1]:.3f} before"
    why = f"confidence and accuracy differ by {gaps[0]:.3f} on {len(sides[0])} labels{was}; calibration error {ece:.3f}"
    return _told("calibration", gaps[0], _SIGMAS_OF_LABELS * error, why)


def _without(side: Side, incidents: Mapping[str, str]) -> Side:
    segments = [parse(segment) for segment in incidents.values()]
    kept = [not any(_in(row, segment) for segment in segments) for row in side.rows]
    rows = [row for row, keep in zip(side.rows, kept, strict=True) if keep]
    # Vectors stand in the order of the first rows.
    count = len(side.vectors)
    return Side(rows, side.vectors[np.array(kept[:count], bool)], side.judged)


def _in(row: Mapping[str, Any], segment: Mapping[str, str]) -> bool:
    return bool(segment) and all(row.get(name) == value for name, value in segment.items())


def _taxonomies(side: Side) -> set[str]:
    return {row["taxonomy_version"] for row in side.rows if row["taxonomy_version"]}


def _overlaps(incident: Mapping[str, Any], start: datetime, now: datetime) -> bool:
    ended = incident["ended_at"]
    return bool(incident["started_at"] < now and (ended is None or ended >= start))


def _audit(labels: Any) -> dict[str, frozenset[str]]:
    where = f"superseded_by IS NULL AND kind = {filters.text(AUDIT)}"
    rows = labels.search().where(where).select(["event_id", "labels"]).limit(_ALL).to_list()
    return {row["event_id"]: frozenset(row["labels"]) for row in rows if row["labels"]}


def _side(complaints: Any, where: str, truth: Mapping[str, frozenset[str]]) -> Side:
    count = int(complaints.count_rows(where))
    sampled = f"{where} AND event_id < {filters.text(below(min(1.0, _MOST_ROWS / max(count, 1))))}"
    table: pa.Table = complaints.search().where(sampled).select(_READS).limit(_ALL).to_arrow()
    rows = table.sort_by("event_id").to_pylist()  # a hash: the first ones are a sample
    return Side(rows, _vectors(complaints, sampled, rows), _judged(complaints, where, truth))


def _judged(complaints: Any, where: str, truth: Mapping[str, frozenset[str]]) -> list[tuple[float, bool]]:
    ids = sorted(truth)
    found = []
    for start in range(0, len(ids), _CHUNK):
        listed = ", ".join(filters.text(key) for key in ids[start : start + _CHUNK])
        query = complaints.search().where(f"{where} AND event_id IN ({listed})").select(_READS)
        for row in query.limit(_ALL).to_list():
            if not abstained(row["category_reasons"] or []):
                right = bool({row["category"], row["subcategory"]} & truth[row["event_id"]])
                found.append((float(row["confidence"] or 0.0), right))
    return found


def _vectors(complaints: Any, where: str, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
    if not rows:
        return np.zeros((0, 0), np.float32)
    last = rows[min(len(rows), _MOST_VECTORS) - 1]["event_id"]
    query = complaints.search().where(f"{where} AND event_id <= {filters.text(last)}").select(["event_id", "vector"])
    return vectors_of(query.limit(_ALL).to_arrow().sort_by("event_id")["vector"])
