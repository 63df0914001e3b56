"""Complaints like one complaint, told apart: a probable duplicate, of the same incident, customer or topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.lance import at_version
from engine.search import rank, retrieve
from engine.search.searcher import COLUMNS
from engine.store import filters
from engine.surge.segments import DIMENSIONS, of

Floats = NDArray[np.float32]

#: The strongest relation first; a neighbour is shown under the first that it has.
RELATIONS = ("probable_duplicate", "same_incident", "same_customer", "same_topic")

#: From this cosine on two texts say the same in nearly the same words.
_NEARLY_THE_SAME = 0.95

#: Neighbours by meaning, and others of the same text or person, that are looked at.
_NEAR, _BESIDE = 200, 100

#: Complaints taken at random to tell what a cosine by chance is.
_SAMPLED = 1000

_READS = tuple(dict.fromkeys((*COLUMNS, *DIMENSIONS, "customer_id", "person_id", "text_hash", "repeat_of")))


@dataclass(frozen=True, slots=True)
class Incident:
    """A surge: the segments it touches, and when it was."""

    incident_id: str
    segments: frozenset[str]
    since: datetime
    until: datetime

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a complaint is of it."""
        mine = set(of({name: row[name] for name in DIMENSIONS}))
        return bool(mine & self.segments) and self.since <= _utc(row["occurred_at"]) <= self.until


def incidents(rows: Iterable[Mapping[str, Any]], slack_s: float) -> list[Incident]:
    """Incidents of rows of serving.incidents; one that goes on has no end.

    Args:
        rows: with incident_id, segment, related, started_at, ended_at.
        slack_s: how far beyond its end a complaint may be, s.
    """
    endless = datetime.max.replace(tzinfo=UTC)
    return [
        Incident(
            row["incident_id"],
            frozenset({row["segment"], *(row["related"] or ())}),
            _utc(row["started_at"]),
            _utc(row["ended_at"]) + timedelta(seconds=slack_s) if row["ended_at"] else endless,
        )
        for row in rows
    ]


def similar(
    table: Any, event_id: str, known: Sequence[Incident], limit: int = 20, relation: str | None = None
) -> dict[str, Any] | None:
    """Complaints like this one.

    Args:
        table: a reader of serving.complaints.
        event_id: whole; 64 hex digits.
        known: incidents that neighbours may share with it.
        limit: how many at most, of each relation alike.
        relation: one of RELATIONS, to have those alone.

    Returns:
        `similar`, the nearest first, each with `relation`, all its `relations`, `cosine` and `why`; `counts` by
        relation of all that were found. None where there is no such complaint.
    """
    table = at_version(table, int(table.version))
    me = _by(table, f"event_id = {filters.text(event_id)}", 1, [*_READS, "vector"])
    if not me:
        return None
    (row,) = me
    vector = np.array(row.pop("vector") or [], np.float32)
    ids, cosines = _around(table, row, vector)
    rows = retrieve.rows(table, ids, _READS).to_pylist()
    unrelated = (
        retrieve.sample(table, int(table.count_rows()), 1000) @ vector if len(ids) and vector.any() else cosines[:0]
    )
    on_topic = rank.relevant(cosines, np.zeros_like(cosines), unrelated)
    mine = [incident for incident in known if incident.has(row)]
    found = []
    for other, cosine, near in zip(rows, cosines.tolist(), on_topic.tolist(), strict=True):
        why = relations(row, other, cosine, near, mine)
        if other["event_id"] != row["event_id"] and why:
            found.append(
                {name: other[name] for name in COLUMNS}
                | {"degraded": other["degraded"] or [], "cosine": round(cosine, 4)}
                | {"relation": next(iter(why)), "relations": list(why), "why": list(why.values())}
            )
    counts = {name: sum(one["relation"] == name for one in found) for name in RELATIONS}
    order = {name: place for place, name in enumerate(RELATIONS)}
    found.sort(key=lambda one: (order[one["relation"]], -one["cosine"], one["event_id"]))
    kept = [one for one in found if relation in (None, one["relation"])]
    return {"event_id": row["event_id"], "similar": _fairly(kept, limit), "counts": counts}


def relations(
    row: Mapping[str, Any], other: Mapping[str, Any], cosine: float, near: bool, mine: Sequence[Incident]
) -> dict[str, str]:
    """How a complaint is related to another, the strongest first, each with why; empty where it is not.

    Args:
        row: the one that is asked about.
        other: a neighbour.
        cosine: of their vectors.
        near: whether that is more than chance.
        mine: incidents that `row` is of.
    """
    why: dict[str, str] = {}
    heads = [one["duplicate_of"] or one["event_id"] for one in (row, other)]
    if row["text_hash"] and row["text_hash"] == other["text_hash"]:
        why["probable_duplicate"] = "the same text"
    elif heads[0] == heads[1]:
        why["probable_duplicate"] = "copies of one text"
    elif cosine >= _NEARLY_THE_SAME:
        why["probable_duplicate"] = f"nearly the same words (cosine {cosine:.2f})"
    shared = next((incident.incident_id for incident in mine if incident.has(other)), None)
    if shared is not None and near:
        why["same_incident"] = f"incident {shared}"
    for column, name in (("person_id", "person"), ("customer_id", "customer")):
        if row[column] and row[column] == other[column]:
            why["same_customer"] = f"the same {name}"
            break
    if row["cluster_id"] is not None and row["cluster_id"] >= 0 and row["cluster_id"] == other["cluster_id"]:
        why["same_topic"] = f"cluster {row['cluster_id']} (cosine {cosine:.2f})"
    elif near and row["subcategory"] and row["subcategory"] == other["subcategory"]:
        why["same_topic"] = f"{row['subcategory']} (cosine {cosine:.2f})"
    return why


def _around(table: Any, row: Mapping[str, Any], vector: Floats) -> tuple[retrieve.Ids, Floats]:
    """Rows that may be related, and their cosines: the nearest, the same text's, the same person's."""
    near = retrieve.nearest(table, vector, None, _NEAR)[0] if vector.any() else np.zeros(0, np.uint64)
    head = row["duplicate_of"] or row["event_id"]
    same = [f"duplicate_of = {filters.text(head)}", f"event_id = {filters.text(head)}"]
    same += [f"{name} = {filters.text(row[name])}" for name in ("person_id", "customer_id") if row[name]]
    parts = [near]
    for condition in same:
        found = table.search().with_row_id(True).select(["_rowid"]).where(condition).limit(_BESIDE).to_arrow()
        parts.append(np.asarray(found["_rowid"], np.uint64))
    ids = np.unique(np.concatenate(parts))
    return ids, retrieve.vectors(table, ids) @ vector if vector.any() else np.zeros(len(ids), np.float32)


def _fairly(found: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """`limit` of them in their order, none of the relations crowded out by another."""
    groups = {name: [one for one in found if one["relation"] == name] for name in RELATIONS}
    share: dict[str, int] = dict.fromkeys(groups, 0)
    left = min(limit, len(found))
    while left:
        for name, group in groups.items():
            if left and share[name] < len(group):
                share[name] += 1
                left -= 1
    return [one for name, group in groups.items() for one in group[: share[name]]]


def _by(table: Any, condition: str, limit: int, columns: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.search().where(condition).select(list(columns)).limit(limit).to_list()
    return found


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
