"""How much of what is nearest the vector index finds, held against comparing every complaint."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.lance import at_version
from engine.search import retrieve

#: Complaints whose neighbours are asked for, and how many of each.
QUERIES, NEIGHBOURS = 100, 10

#: Rows compared at once.
_BLOCK_ROWS = 65_536


def check(table: Any, queries: int = QUERIES, condition: str | None = None) -> dict[str, Any]:
    """Measure recall on stored complaints.

    Args:
        table: a reader of serving.complaints.
        queries: how many are taken at random as queries; the same of the same table.
        condition: of engine.store.filters, to measure a filtered search.

    Returns:
        `indices` with rows they know and do not know yet; `recall_at_10`, 1 where all vectors are compared anyway, None
        of an empty table; `p50_ms` and `p95_ms` of a search; `rows`, `queries`, `version`.
    """
    table = at_version(table, int(table.version))
    rows = int(table.count_rows(condition))
    about: dict[str, Any] = {
        "version": int(table.version),
        "rows": rows,
        "indices": [
            {
                "name": index.name, "kind": index.index_type, "columns": list(index.columns),
                "indexed_rows": index.num_indexed_rows, "unindexed_rows": index.num_unindexed_rows,
                "segments": index.num_segments, "bytes": index.size_bytes,
            }
            for index in sorted(table.list_indices(), key=lambda one: one.name)
        ],
    }  # fmt: skip
    every = int(table.count_rows())
    asked = retrieve.sample(table, every, queries) if rows else np.zeros((0, 1), np.float32)
    asked = asked[np.linalg.norm(asked, axis=1) > 0]
    if not len(asked):
        return about | {"recall_at_10": None, "queries": 0, "p50_ms": None, "p95_ms": None}
    truth = exact(table, asked, NEIGHBOURS, condition)
    hits, seconds = 0.0, []
    for vector, least in zip(asked, truth, strict=True):
        started = time.perf_counter()
        _, cosines = retrieve.nearest(table, vector, condition, NEIGHBOURS)
        seconds.append(time.perf_counter() - started)
        hits += _found(cosines, least)
    return about | {
        "recall_at_10": round(hits / len(asked), 4),
        "queries": len(asked),
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1000, 2),
        "p95_ms": round(float(np.percentile(seconds, 95)) * 1000, 2),
    }


def exact(table: Any, asked: NDArray[np.float32], count: int, condition: str | None = None) -> NDArray[np.float32]:
    """(q, count) the greatest cosines of each query to all rows, descending; -1 where there are fewer rows.

    Args:
        table: serving.complaints.
        asked: (q, d) float32, unit rows.
        count: how many of each.
        condition: of engine.store.filters.
    """
    best = np.full((len(asked), count), -1, np.float32)
    query = table.search().select(["vector"])
    query = query.where(condition) if condition else query
    for batch in query.limit(2**31 - 1).to_batches(_BLOCK_ROWS):
        column = batch.column("vector").drop_null()
        flat = np.asarray(column.flatten(), np.float32).reshape(-1, asked.shape[1])
        if len(flat):
            both = np.concatenate([best, asked @ flat.T], axis=1)
            best = -np.partition(-both, count - 1, axis=1)[:, :count]
    return -np.sort(-best, axis=1)


def _found(cosines: NDArray[np.float32], least: NDArray[np.float32]) -> float:
    """Share of the nearest that were found, by their cosines: of equals any will do."""
    true = least[least > -1]
    return float((cosines >= true[-1] - 1e-4).sum()) / len(true) if len(true) else 1.0
