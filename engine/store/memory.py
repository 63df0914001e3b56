"""What the curated table says of duplicates, read back after a restart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from connectors.lance import Table
from engine.store import duplicate_rows, filters
from engine.store.duplicate_kinds import REPEAT
from engine.store.seen import MOST_HEADS, Seen
from models import near_duplicates as near

#: Rows read at once, about.
_SLICE_ROWS = 50_000

_COLUMNS = [
    *duplicate_rows.READS,
    "minhash",
    "stream_seq",
    "duplicate_of",
    "duplicate_kind",
    "duplicate_score",
    "repeat_of",
]


def load(table: Table, window_s: float) -> Seen:
    """The complaints of the last `window_s` before the newest, numbered by when they were received.

    A row of an older version has no signature; it is given one from its text.
    """
    seen = Seen()
    times = table.scan(["received_at"])["received_at"].drop_null().combine_chunks().sort()
    if not len(times):
        return seen
    bounds = [time.as_py() for time in times[::_SLICE_ROWS]] + [times[-1].as_py() + timedelta(microseconds=1)]
    oldest = times[-1].as_py() - timedelta(seconds=window_s)
    for since, until in itertools.pairwise(bounds):
        if until > oldest:
            _add(seen, _slice(table, max(since, oldest), until))
    _count_voices(seen)
    return seen


def find(table: Table, ids: Sequence[str], columns: list[str]) -> pa.Table:
    """Rows by their event ids, unordered."""
    parts = [table.schema.empty_table().select(columns)]
    for start in range(0, len(ids), 1000):
        listed = ", ".join(map(filters.text, ids[start : start + 1000]))
        parts.append(table.scan(columns, f"event_id IN ({listed})"))
    return pa.concat_tables(parts)


def _slice(table: Table, since: datetime, until: datetime) -> pa.Table:
    where = f"received_at >= {filters.moment(since)} AND received_at < {filters.moment(until)}"
    found = table.scan(_COLUMNS, where)
    order = [(name, "ascending") for name in ("received_at", "stream_seq", "event_id")]
    found = found.sort_by(order)
    without = pc.is_null(found["minhash"])
    if pc.any(without).as_py():
        ids = found["event_id"].filter(without).to_pylist()
        texts = find(table, ids, ["event_id", "text"])
        texts = dict(zip(texts["event_id"].to_pylist(), texts["text"].to_pylist(), strict=True))
        made = dict(zip(ids, near.signatures([texts[key] for key in ids]), strict=True))
        blobs = zip(found["event_id"].to_pylist(), found["minhash"].to_pylist(), strict=True)
        column = pa.array([blob or made[key].tobytes() for key, blob in blobs], pa.binary())
        found = found.set_column(found.column_names.index("minhash"), "minhash", column)
    return found


def _add(seen: Seen, part: pa.Table) -> None:
    if not part.num_rows:
        return
    first = seen.count
    made = np.frombuffer(b"".join(part["minhash"].to_pylist()), "<u4").reshape(part.num_rows, -1)
    rows = duplicate_rows.rows(part, made)
    seen.append(rows)
    verdicts = part.select(["duplicate_of", "duplicate_kind", "duplicate_score", "repeat_of"]).to_pylist()
    copies = {place: target for place, verdict in enumerate(verdicts) if (target := _target(verdict))}
    heads = np.array([place for place in range(part.num_rows) if place not in copies], np.int64)
    keys = duplicate_rows.keys(made[heads], rows["text"][heads])
    seen.index(first, *_with_room(seen, keys, first + heads))
    ids = np.frombuffer(bytes.fromhex("".join(copies.values())), np.uint8).reshape(-1, 32)
    here = seen.by_id(ids[:, :8].copy().view(">u8").ravel().astype(np.uint64), ids)
    for at, place in enumerate(copies):
        if at in here:
            seen[first + place]["head"] = seen[here[at]]["head"]


def _target(verdict: dict[str, Any]) -> str | None:
    """Whose text a row has: its head's, or that of the complaint it repeats word for word."""
    if verdict["duplicate_kind"] == REPEAT and verdict["duplicate_score"] >= near.LEAST_JACCARD:
        return str(verdict["repeat_of"])
    target: str | None = verdict["duplicate_of"]
    return target


def _with_room(
    seen: Seen, keys: NDArray[np.uint64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The keys that have few enough heads to take another one, and its row."""
    flat, owners = keys.ravel(), np.repeat(rows, keys.shape[1])
    order = np.argsort(flat, kind="stable")
    ranks = np.empty(len(flat), np.int64)
    starts = np.flatnonzero(np.concatenate([[True], flat[order][1:] != flat[order][:-1]])) if len(flat) else order
    ranks[order] = np.arange(len(flat)) - np.repeat(starts, np.diff([*starts, len(flat)]))
    free = (ranks + seen.taken(flat) < MOST_HEADS) | (np.arange(len(flat)) % keys.shape[1] == near.BANDS)
    return flat[free], owners[free]


def _count_voices(seen: Seen) -> None:
    """Known senders of each head's text."""
    rows = np.arange(seen.count)
    senders = seen.take(rows, "senders").astype(np.uint64).max(axis=1)
    known = senders != 0
    pairs = np.unique(np.stack([seen.take(rows[known], "head").astype(np.uint64), senders[known]]), axis=1)
    heads, counts = np.unique(pairs[0], return_counts=True)
    for head, count in zip(heads[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
        seen[head]["voices"] = min(count, 65_535)
