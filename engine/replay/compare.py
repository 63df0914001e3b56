"""What a replay would change: rows as they are served beside rows as today's code makes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from engine.stages.model import vectors_of
from models.priority import is_circumstance

#: Columns that are no difference: the time of scoring, what the writer finds by the text's hash, and what other
#: jobs assign.
LEFT_OUT = ("event_id", "scored_at", "duplicate_of", "person_id", "cluster_id")

#: Scores differ in the last digits with the batch that a text was embedded in.
_FLOAT_TOLERANCE = 2e-3
_LEAST_COSINE = 0.999

_FIGURE = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Change:
    """One column of one row, with what it was and would be; values as analysts see them, masked."""

    event_id: str
    column: str
    before: Any
    after: Any


def compare(before: pa.Table, after: pa.Table) -> list[Change]:
    """Every change between rows of the same event ids.

    Vectors count as the same from a cosine of 0.999 on, scores within 0.002, and reasons but for the decimal
    figures in them, since the last digits depend on the batch that a text was embedded in.

    Args:
        before: rows of serving.complaints.
        after: rows as the pipeline makes them; those that are not in `before` are left out.

    Returns:
        The changes, row by row in the order of `after`.
    """
    place = {key: row for row, key in enumerate(before["event_id"].to_pylist())}
    keys = after["event_id"].to_pylist()
    both = [row for row, key in enumerate(keys) if key in place]
    if not both:
        return []
    old = before.take(pa.array([place[keys[row]] for row in both], pa.int64()))
    new = after.take(pa.array(both, pa.int64()))
    old = _alone(old, new)
    found: list[tuple[int, Change]] = []
    for field in before.schema:
        if field.name in LEFT_OUT or field.name not in new.column_names:
            continue
        pairs = _vectors if pa.types.is_fixed_size_list(field.type) else _values
        for row, was, now in pairs(old[field.name], new[field.name], field.type):
            found.append((row, Change(keys[both[row]], field.name, was, now)))
    return [change for _, change in sorted(found, key=lambda item: item[0])]


def _alone(old: pa.Table, new: pa.Table) -> pa.Table:
    """Rows without what the writer adds to their priority, unknown to a dry run; their level is then left out."""
    columns = ("priority", "priority_score", "priority_reasons")
    if not set(columns) <= set(old.column_names) & set(new.column_names):
        return old
    rows = list(zip(*(old[name].to_pylist() for name in columns), new["priority"].to_pylist(), strict=True))
    kept = []
    for level, score, reasons, now in rows:
        added = [line for line in reasons or () if is_circumstance(line)]
        points = sum(float(line.partition(" ")[0]) for line in added)
        left = [line for line in reasons or () if line not in added]
        kept.append((now, score - points, left) if added else (level, score, reasons))
    for place, name in enumerate(columns):
        kind = old.schema.field(name)
        old = old.set_column(old.column_names.index(name), kind, pa.array([row[place] for row in kept], kind.type))
    return old


def _vectors(old: pa.ChunkedArray, new: pa.ChunkedArray, kind: pa.DataType) -> list[tuple[int, Any, Any]]:
    if len(old) == 0 or old.type.list_size != new.type.list_size:
        return [(row, f"{old.type.list_size} numbers", f"{new.type.list_size} numbers") for row in range(len(old))]
    one, other = vectors_of(old), vectors_of(new)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosines = np.einsum("ij,ij->i", one, other) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return [
        (row, "a vector", f"cosine {cosines[row]:.4f}") for row in np.flatnonzero(~(cosines >= _LEAST_COSINE)).tolist()
    ]


def _values(old: pa.ChunkedArray, new: pa.ChunkedArray, kind: pa.DataType) -> list[tuple[int, Any, Any]]:
    same = _same_float if pa.types.is_floating(kind) else _same_list if pa.types.is_list(kind) else _same
    pairs = zip(old.to_pylist(), new.cast(kind).to_pylist(), strict=True)
    return [(row, was, now) for row, (was, now) in enumerate(pairs) if not same(was, now)]


Same = Callable[[Any, Any], bool]


def _same(was: Any, now: Any) -> bool:
    return bool(was == now)


def _same_float(was: float | None, now: float | None) -> bool:
    if was is None or now is None:
        return was is now
    return abs(was - now) <= _FLOAT_TOLERANCE


def _same_list(was: list[str] | None, now: list[str] | None) -> bool:
    return [_FIGURE.sub("#", v) for v in was or []] == [_FIGURE.sub("#", v) for v in now or []]
