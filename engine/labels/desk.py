"""What a labeller works with, read from the tables: the queue, a complaint's neighbours, the labels and how they stand.

Nothing is written here: labels go through the writer.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.labels import ring
from engine.labels.book import AUDIT, KINDS
from engine.labels.metrics import accuracy
from engine.labels.queue import DRAWN, Item, choose
from engine.labels.suspects import suspects
from engine.settings import LabelSettings
from engine.store import filters

ASKED = "asked"

#: Complaints that are looked at for the queue; of more it is this many by chance.
MOST_ROWS = 50_000
#: Labels that are looked at for errors, the newest.
_MOST_JUDGED = 10_000
#: How far down the audit's order a complaint may stand for its label to be the audit's: those who label see the first
#: ones, and new complaints come between.
AUDIT_DEPTH = 1000

#: The pool is read again after this long, s: that takes longer than all the rest, and labels are looked up each time.
_KEEP_S = 30.0

_READS = [
    "event_id", "text_hash", "category", "subcategory", "confidence", "cluster_id", "language", "channel", "region",
]  # fmt: skip
_SHOWN = [
    "event_id", "text", "channel", "source", "language", "region", "product", "occurred_at", "received_at",
    "category", "subcategory", "confidence", "category_reasons", "cluster_id", "priority",
]  # fmt: skip
_PREDICTED = ("category", "subcategory", "confidence", "category_reasons", "cluster_id", "priority")


class Desk:
    """Reads what is to be labelled and what is.

    Args:
        complaints: serving.complaints.
        labels: governance.labels.
        settings: shares, window and seed.
    """

    def __init__(self, complaints: Any, labels: Any, settings: LabelSettings) -> None:
        self._complaints, self._labels, self._settings = complaints, labels, settings
        self._read: tuple[int, list[dict[str, Any]]] = (-1, [])
        self._pool: tuple[float, list[dict[str, Any]]] = (-_KEEP_S, [])
        self._judged: tuple[int, list[tuple[str, str, str]]] = (0, [])

    def history(self) -> list[dict[str, Any]]:
        """Every row of the labels, the newest first."""
        version = int(self._labels.version)
        if self._read[0] != version:
            found = self._labels.search().limit(2**31 - 1).to_list()
            newest = sorted(found, key=lambda row: (row["created_at"], row["label_id"]), reverse=True)
            self._read = (version, newest)
        return self._read[1]

    def next(self, limit: int, only: str | None = None, skip: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The next complaints to label, each with its strategy and the reason why.

        Those of the audit come without what the model makes of them, so that nobody leans on it.
        """
        history, settings = self.history(), self._settings
        live = _Live(self, history, limit + len(skip))
        chosen = choose(
            live, limit, seed=settings.seed, turn=len(history), audit_share=settings.audit_share, only=only, skip=skip
        )
        return self._told(chosen)

    def one(self, event_id: str) -> dict[str, Any] | None:
        """A complaint as `next` gives it, with the labels it has; None where it is not stored.

        One that was labelled for the audit, and whose label was taken back, is the audit's again.
        """
        rows = self._labels.search().where(f"event_id = {filters.text(event_id)}").limit(2**31 - 1).to_list()
        audited = any(row["kind"] == AUDIT for row in rows)
        item = Item(event_id, AUDIT, DRAWN) if audited else Item(event_id, ASKED, "asked for by its id")
        found = self._told([item])
        current = standing(rows).get(event_id)
        return found[0] | {"labels": current["labels"] if current else []} if found else None

    def pool(self) -> list[dict[str, Any]]:
        """Complaints of the window that may be asked for, MOST_ROWS at most; read again after half a minute."""
        if time.monotonic() - self._pool[0] > _KEEP_S:
            where, start = self._window(), ring.start_of(self._settings.seed, "pool")
            share = min(1.0, MOST_ROWS / max(1, int(self._complaints.count_rows(where))))
            query = self._complaints.search().where(f"({where}) AND {ring.part(start, share)}").select(_READS)
            self._pool = (time.monotonic(), query.limit(2**31 - 1).to_arrow().to_pylist())
        return self._pool[1]

    def audit(self, current: dict[str, dict[str, Any]], wanted: int) -> list[str]:
        """The first complaints in the audit's order that have no label of it."""
        done = {key for key, row in current.items() if row["kind"] == AUDIT}
        where, start = self._window(), ring.start_of(self._settings.seed, "audit")
        return ring.first(self._complaints, where, int(self._complaints.count_rows(where)), start, wanted, done)

    def in_audit(self, event_ids: Sequence[str]) -> set[str]:
        """Which of these the audit asks for now, or has asked for."""
        current = standing(self.history())
        done = {key for key, row in current.items() if row["kind"] == AUDIT}
        return set(event_ids) & (done | set(self.audit(current, AUDIT_DEPTH)))

    def alike(self, event_id: str, least: float, limit: int) -> list[dict[str, Any]]:
        """Complaints without a label whose vector is like this one's, the nearest first, with the cosine.

        Args:
            event_id: a stored complaint.
            least: cosine at least.
            limit: rows at most.
        """
        vectors = self._vectors([event_id])
        if event_id not in vectors:
            return []
        labelled = standing(self.history()).keys()
        found = self.near(vectors[event_id], 4 * limit + 200)
        return [
            row for row in found
            if row["similarity"] >= least and row["event_id"] != event_id and row["event_id"] not in labelled
        ][:limit]  # fmt: skip

    def near(self, vector: NDArray[np.float32], limit: int) -> list[dict[str, Any]]:
        """Complaints nearest to a unit vector, with the cosine as `similarity`."""
        query = self._complaints.search(vector, vector_column_name="vector").distance_type("cosine")
        table = query.select([*_SHOWN, "vector", "_distance"]).limit(limit).to_arrow()
        # Of a compressed index the distance is an estimate: the cosine is taken from the vectors.
        cosines = matrix(table["vector"]) @ vector
        rows = table.drop_columns(["vector", "_distance"]).to_pylist()
        told = [row | {"similarity": round(float(c), 4)} for row, c in zip(rows, cosines, strict=True)]
        return sorted(told, key=lambda row: (-row["similarity"], row["event_id"]))

    def examples(self, event_ids: Sequence[str]) -> list[dict[str, Any]]:
        """These complaints with text and vector, in the order given; those not stored are left out."""
        rows = {row["event_id"]: row for row in self._rows(event_ids, ["event_id", "text"])}
        vectors = self._vectors(event_ids)
        return [rows[key] | {"vector": vectors[key]} for key in event_ids if key in rows]

    def sample(self, most: int) -> tuple[list[str], NDArray[np.float32], int]:
        """(texts, (n, d) float32 unit rows, complaints in the window), of complaints by chance."""
        where = self._window()
        total = int(self._complaints.count_rows(where))
        condition = ring.part(ring.start_of(self._settings.seed, "sample"), min(1.0, most / max(1, total)))
        query = self._complaints.search().where(f"({where}) AND {condition}").select(["text", "vector"])
        found = query.limit(2**31 - 1).to_arrow()
        return found["text"].to_pylist(), matrix(found["vector"]), total

    def stats(self, known: Sequence[str]) -> dict[str, Any]:
        """How many labels there are of what, and how often the model is right where the audit looked."""
        history = self.history()
        current = list(standing(history).values())
        audited = [row for row in current if row["kind"] == AUDIT]
        columns = ["event_id", "category", "subcategory", "classifier_version", "scored_at"]
        served = {row["event_id"]: row for row in self._rows([row["event_id"] for row in audited], columns)}
        kinds = Counter(row["kind"] for row in current)
        counted = Counter(name for row in current for name in row["labels"])
        return {
            "labelled": len(current),
            "superseded": sum(row["superseded_by"] is not None for row in history),
            "by_kind": {kind: kinds[kind] for kind in KINDS},
            "by_label": {name: counted[name] for name in known},
            "not_in_taxonomy": sum(not set(row["labels"]) <= set(known) for row in current),
            "suspected": len(self.suspected(history, standing(history))),
            "audit": accuracy(audited, served, known),
        }

    def _window(self) -> str:
        return f"received_at >= {filters.moment(datetime.now(UTC) - timedelta(seconds=self._settings.window_s))}"

    def labelled_clusters(self, current: dict[str, dict[str, Any]]) -> set[int]:
        """Clusters that have a label."""
        rows = self._rows(list(current), ["event_id", "cluster_id"])
        return {row["cluster_id"] for row in rows if row["cluster_id"] is not None}

    def suspected(
        self, history: list[dict[str, Any]], current: dict[str, dict[str, Any]]
    ) -> list[tuple[str, str, str]]:
        """(event id, label, what it rather is) of labels that are probably wrong, the surest first.

        They are judged again with each new label, of many with each hundredth part more. What was looked at a second
        time is not asked a third.
        """
        if len(history) - self._judged[0] > self._judged[0] // 100:
            judged = [row["event_id"] for row in history if row["superseded_by"] is None and row["labels"]]
            vectors = self._vectors(judged[:_MOST_JUDGED])
            ids = [key for key in judged[:_MOST_JUDGED] if key in vectors]
            found = suspects([current[key]["labels"][0] for key in ids], np.array([vectors[key] for key in ids]))
            self._judged = (len(history), [(ids[one.row], one.label, one.rather) for one in found])
        twice = {
            row["event_id"] for row in history
            if row["superseded_by"] and current.get(row["event_id"], {}).get("labels") == row["labels"]
        }  # fmt: skip
        return [
            (key, label, rather) for key, label, rather in self._judged[1]
            if key not in twice and key in current and current[key]["labels"][0] == label
        ]  # fmt: skip

    def _told(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        rows = {row["event_id"]: row for row in self._rows([item.event_id for item in items], _SHOWN)}
        return [
            rows[item.event_id]
            | (dict.fromkeys(_PREDICTED) if item.strategy == AUDIT else {})
            | {"strategy": item.strategy, "reason": item.reason}
            for item in items
            if item.event_id in rows
        ]

    def _vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        found: dict[str, NDArray[np.float32]] = {}
        for condition in _by_id(ids):
            table = self._complaints.search().where(condition).select(["event_id", "vector"]).limit(len(ids)).to_arrow()
            found |= dict(zip(table["event_id"].to_pylist(), matrix(table["vector"]), strict=True))
        return found

    def _rows(self, ids: Sequence[str], columns: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for condition in _by_id(ids):
            found += self._complaints.search().where(condition).select(columns).limit(len(ids)).to_list()
        return found


class _Live:
    """What there is to choose from, read as it is needed."""

    def __init__(self, desk: Desk, history: list[dict[str, Any]], depth: int) -> None:
        self._desk, self._history, self._depth = desk, history, depth
        self.labelled = standing(history)
        self.rows = desk.pool()

    @cached_property
    def clusters(self) -> set[int]:
        return self._desk.labelled_clusters(self.labelled)

    @cached_property
    def suspected(self) -> list[tuple[str, str, str]]:
        return self._desk.suspected(self._history, self.labelled)

    @cached_property
    def audit(self) -> list[str]:
        return self._desk.audit(self.labelled, self._depth)


def standing(history: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The current label of each complaint that has one, by event id."""
    return {row["event_id"]: row for row in history if row["superseded_by"] is None and row["labels"]}


def for_training(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The current labels that a model may learn from: all but the audit's, which measure it, and copies of those."""
    current = standing(history).values()
    audited = {row["text_hash"] for row in current if row["kind"] == AUDIT}
    return [row for row in current if row["kind"] != AUDIT and row["text_hash"] not in audited]


def matrix(column: Any) -> NDArray[np.float32]:
    """(n, d) float32 of a column of vectors."""
    if not len(column):
        return np.zeros((0, 1), dtype=np.float32)
    return np.asarray(column.combine_chunks().flatten(), dtype=np.float32).reshape(len(column), -1)


def _by_id(ids: Sequence[str]) -> list[str]:
    return [
        f"event_id IN ({', '.join(filters.text(key) for key in ids[start : start + 1000])})"
        for start in range(0, len(ids), 1000)
    ]
