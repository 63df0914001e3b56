"""What is written of each cluster: its row in serving.clusters, with what happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from engine.cluster.emerging import Growth
from engine.cluster.keep import ACTIVE, ENDED, MERGED, with_event
from engine.tables import clusters as spec
from models.clusters.assign import Clusters
from models.clusters.match import Event
from models.clusters.terms import name_of


@dataclass(frozen=True, slots=True)
class About:
    """Of each of `clusters`, in their order: complaints, growth, terms and the ids of exemplars."""

    clusters: Clusters
    sizes: Sequence[int]
    growth: Sequence[Growth]
    terms: Sequence[Sequence[str]]
    exemplars: Sequence[Sequence[str]]


def rows_of(about: About, stored: Sequence[dict[str, Any]], happened: Sequence[Event], now: datetime) -> pa.Table:
    """Rows of serving.clusters: those that are, and of those that are no more what became of them.

    Args:
        about: the clusters of this run, by their ids.
        stored: rows of the table as it is.
        happened: events of this run.
        now: its time.
    """
    before = {row["cluster_id"]: row for row in stored}
    events = {event.cluster_id: event for event in happened}
    found = about.clusters
    rows = [
        _active(about, place, before.get(key), events.get(key), now) for place, key in enumerate(found.ids.tolist())
    ]
    ids = set(found.ids.tolist())
    for key, row in before.items():
        if row["state"] == ACTIVE and key not in ids:
            rows.append(_gone(row, events.get(key), now))
    return pa.Table.from_pylist(rows, schema=spec(found.centroids.shape[1]).schema)


def _active(about: About, place: int, row: dict[str, Any] | None, event: Event | None, now: datetime) -> dict[str, Any]:
    found, grown = about.clusters, about.growth[place]
    events = row["events"] if row else None
    if event is not None:
        events = with_event(events, event.kind, now, event.other)
    if grown.emerging and not (row and row["emerging"]):
        events = with_event(events, "emerging", now)
    return {
        "cluster_id": int(found.ids[place]),
        "name": name_of(about.terms[place]),
        "kind": found.kinds[place],
        "state": ACTIVE,
        "other": event.other if event else (row or {}).get("other"),
        "terms": list(about.terms[place]),
        "exemplars": list(about.exemplars[place]),
        "size": int(about.sizes[place]),
        "recent": grown.recent,
        "growth": grown.growth,
        "emerging": grown.emerging,
        "centroid": found.centroids[place],
        "gate": float(found.gates[place]),
        "embedding_model": found.model[0],
        "embedding_revision": found.model[1],
        "events": events or "[]",
        "born_at": row["born_at"] if row else now,
        "updated_at": now,
    }


def _gone(row: dict[str, Any], event: Event | None, now: datetime) -> dict[str, Any]:
    merged = event is not None and event.kind == MERGED
    other = event.other if event is not None and merged else None
    return row | {
        "state": MERGED if merged else ENDED,
        "other": other,
        "size": 0,
        "emerging": False,
        "events": with_event(row["events"], MERGED if merged else ENDED, now, other),
        "updated_at": now,
    }
