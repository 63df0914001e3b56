"""The labels that people gave, kept with their history: a newer one supersedes the older, nothing is overwritten.

A complaint's current label is its row that nothing supersedes. A row without labels takes the label back. Once a
complaint was labelled for the audit, later labels of it are the audit's too: it must not be trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from engine.labels.vocabulary import split
from engine.store import filters

if TYPE_CHECKING:
    from connectors.lance import Table

HUMAN, BULK, AUDIT, IMPORT = "human", "bulk", "audit", "import"
KINDS = (HUMAN, BULK, AUDIT, IMPORT)

_CHUNK = 1000


class Book:
    """The table of labels, written by the one writer.

    Args:
        labels: governance.labels.
        complaints: serving.complaints, for the hashes of the texts.
    """

    def __init__(self, labels: Table, complaints: Table) -> None:
        self._labels, self._complaints = labels, complaints

    def put(self, given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep labels, durably; a label that stands already is not kept twice.

        Args:
            given: event_id, labels (the first is the complaint's category or leaf), labeller, kind and
                taxonomy_version of each; labels are known to be right. With `confirm` a label that stands is kept
                once more, as its confirmation.

        Returns:
            For each in order: event_id, state (new, superseded, unchanged or unknown, where no such complaint is
            stored), and label_id.
        """
        ids = list(dict.fromkeys(one["event_id"] for one in given))
        hashes = {r["event_id"]: r["text_hash"] for r in self._rows(self._complaints, ["event_id", "text_hash"], ids)}
        standing = {row["event_id"]: row for row in self._current(ids)}
        changed: dict[str, dict[str, Any]] = {}
        told = []
        # What was given at once carries one time, by which a bulk accept is told from the next.
        now = datetime.now(UTC)
        for one in given:
            key, before = one["event_id"], standing.get(one["event_id"])
            if key not in hashes:
                told.append({"event_id": key, "state": "unknown", "label_id": None})
                continue
            row = _row(one, hashes[key], before, now)
            if before is not None and _same(before, row) and not one.get("confirm"):
                told.append({"event_id": key, "state": "unchanged", "label_id": before["label_id"]})
                continue
            if before is not None:
                changed[before["label_id"]] = before | {"superseded_by": row["label_id"]}
            changed[row["label_id"]] = standing[key] = row
            told.append({"event_id": key, "state": "superseded" if before else "new", "label_id": row["label_id"]})
        self._write(changed)
        return told

    def withdraw(self, event_id: str, labeller: str) -> dict[str, Any] | None:
        """Take the current label back, durably: what it superseded stands again, as a row of its own.

        Returns:
            The row that stands now, without labels where there was none before; None where there is nothing to
            take back.
        """
        current = next(iter(self._current([event_id])), None)
        if current is None or not current["labels"]:
            return None
        (row,) = self._take_back([current], labeller)
        return row

    def withdraw_bulk(self, labeller: str) -> list[dict[str, Any]]:
        """Take back what the labeller accepted in bulk last and still stands, all in one commit; see `withdraw`.

        Returns:
            The rows that stand now; none where nothing of a bulk stands.
        """
        where = f"superseded_by IS NULL AND kind = {filters.text(BULK)} AND labeller = {filters.text(labeller)}"
        found = [row for row in self._labels.scan(self._labels.schema.names, where).to_pylist() if row["labels"]]
        if not found:
            return []
        last = max(row["created_at"] for row in found)
        return self._take_back([row for row in found if row["created_at"] == last], labeller)

    def _take_back(self, standing: Sequence[dict[str, Any]], labeller: str) -> list[dict[str, Any]]:
        names, now = self._labels.schema.names, datetime.now(UTC)
        ids = [row["label_id"] for row in standing]
        older = {row["superseded_by"]: row for row in self._rows(self._labels, names, ids, column="superseded_by")}
        changed, rows = {}, []
        for current in standing:
            restored = older.get(current["label_id"]) or current | {"labels": [], "kind": HUMAN}
            given = {name: restored[name] for name in ("event_id", "labels", "kind", "taxonomy_version")}
            row = _row(given | {"labeller": labeller}, current["text_hash"], current | {"kind": HUMAN}, now)
            changed[current["label_id"]] = current | {"superseded_by": row["label_id"]}
            changed[row["label_id"]] = row
            rows.append(row)
        self._write(changed)
        return rows

    def _current(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        return self._rows(self._labels, self._labels.schema.names, ids, " AND superseded_by IS NULL")

    def _rows(
        self, table: Table, columns: list[str], ids: Sequence[str], more: str = "", column: str = "event_id"
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), _CHUNK):
            listed = ", ".join(filters.text(key) for key in ids[start : start + _CHUNK])
            found += table.scan(columns, f"{column} IN ({listed}){more}").to_pylist()
        return found

    def _write(self, changed: dict[str, dict[str, Any]]) -> None:
        """One merge: a label and what it supersedes change together."""
        if changed:
            self._labels.upsert(pa.Table.from_pylist(list(changed.values()), schema=self._labels.schema), update=True)
            self._labels.make_durable()


def _row(one: dict[str, Any], text_hash: str | None, before: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    labels = list(one["labels"])
    category, leaf = split(labels[0]) if labels else (None, None)
    kind = AUDIT if before is not None and before["kind"] == AUDIT else one["kind"]
    parts = (
        one["event_id"], before["label_id"] if before else "", *labels, one["labeller"], kind, one["taxonomy_version"],
    )  # fmt: skip
    return {
        "label_id": "label_" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24],
        "event_id": one["event_id"],
        "text_hash": text_hash,
        "category": category,
        "subcategory": leaf,
        "labels": labels,
        "labeller": one["labeller"],
        "kind": kind,
        "taxonomy_version": one["taxonomy_version"],
        "created_at": now,
        "superseded_by": None,
    }


def _same(before: dict[str, Any], row: dict[str, Any]) -> bool:
    return all(before[name] == row[name] for name in ("labels", "labeller", "kind", "taxonomy_version"))
