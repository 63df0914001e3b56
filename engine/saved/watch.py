"""Finds complaints that are new between two versions of the table, and what of the saved searches matches them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from connectors.lance import VersionGone
from connectors.lance_read import fragments_at
from engine.saved.book import Book
from engine.saved.standing import READS, Match, Saved, Standing

#: Complaints that are in memory at once.
_BATCH = 4096

#: What of a complaint goes out with a match: no text.
_TOLD = ("category", "priority", "channel", "region", "product", "occurred_at")


def added(reader: Any, before: int, after: int, columns: Sequence[str] = READS) -> Iterator[pa.Table]:
    """Complaints of version `after` that version `before` had not, by their ids, whatever was compacted meanwhile.

    Raises:
        VersionGone: one of the versions is no longer kept.
    """
    old, old_keys = fragments_at(reader, before)
    new, new_keys = fragments_at(reader, after)
    changed = [fragment for key, fragment in new_keys.items() if key not in old_keys]
    if not changed:
        return
    gone = [fragment for key, fragment in old_keys.items() if key not in new_keys]
    known: set[str] = set()
    if gone:
        known = set(old.scanner(columns=["event_id"], fragments=gone).to_table()["event_id"].to_pylist())
    scanner = new.scanner(columns=list(columns), fragments=changed, batch_size=_BATCH, scan_in_order=True)
    for batch in scanner.to_batches():
        fresh = pa.array([key not in known for key in batch["event_id"].to_pylist()], pa.bool_())
        rows = pa.Table.from_batches([batch]).filter(fresh)
        if rows.num_rows:
            yield rows


def step(reader: Any, saved: Sequence[Saved], book: Book, now: datetime) -> int:
    """Hold what is new against all saved searches; returns how many matches are new.

    At the first time, and where the version that was seen last is no longer kept, it begins with the table as it is.
    """
    version, seen = int(reader.version), book.cursor("seen")
    if seen is None:
        book.put([], version)
        return 0
    if seen[0] >= version:
        return 0
    standing = Standing(saved)
    try:
        matches = [told for rows in added(reader, seen[0], version) for told in about(rows, standing.match(rows), now)]
    except VersionGone:
        matches = []
    return book.put(matches, version)


def about(rows: pa.Table, matches: Iterable[Match], now: datetime) -> Iterator[dict[str, Any]]:
    """Matches as rows of the book."""
    bare = rows.select(["event_id", *_TOLD])
    for one in matches:
        row = bare.slice(one.row, 1).to_pylist()[0]
        facts = {name: v.isoformat() if isinstance(v := row[name], datetime) else v for name in _TOLD}
        yield {
            "search_id": one.search_id, "event_id": row["event_id"], "score": one.score,
            "about": json.dumps(facts, ensure_ascii=False), "matched_at": now.isoformat(),
        }  # fmt: skip


def replay(
    reader: Any, version: int, saved: Sequence[Saved], condition: str | None
) -> Iterator[tuple[Match, dict[str, Any]]]:
    """What saved searches match among stored complaints, with the same code as what is new: preview and replay.

    Args:
        reader: of serving.complaints.
        version: of the table.
        saved: the searches.
        condition: of engine.store.filters.
    """
    dataset, _ = fragments_at(reader, version)
    standing = Standing(saved)
    for batch in dataset.scanner(columns=list(READS), filter=condition, batch_size=_BATCH).to_batches():
        rows = pa.Table.from_batches([batch])
        for match in standing.match(rows):
            yield match, rows.slice(match.row, 1).select(["event_id", "occurred_at"]).to_pylist()[0]
