"""`beejan bench facets`: five facets over a filter of 10 %, beside DuckDB over the same Lance table."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from benchmarks.machine import machine
from connectors.lance import open_reader
from engine.counts import Counts
from engine.search import Search
from engine.tables import TIME, serving

#: The facets that are counted, and how many values each has.
FACETS = {"category": 12, "subcategory": 60, "priority": 4, "channel": 6, "product": 20}

#: What one of is filtered on: a tenth of the rows.
REGIONS = 10

_ROWS, _REPEATS, _DIMENSIONS, _SEED = 1_000_000, 21, 64, 1
_START = datetime(2026, 1, 1, tzinfo=UTC)


def run(rows: int = _ROWS) -> dict[str, Any]:
    """Measure in one process, turn about; see docs/facets.md.

    Returns:
        Milliseconds, ratios, whether all ways count the same, time and memory of the projection.
    """
    with tempfile.TemporaryDirectory(prefix="beejan-bench-") as folder:
        import lance

        path = f"{folder}/serving/complaints.lance"
        for first in range(0, rows, 100_000):
            mode = "append" if first else "create"
            lance.write_dataset(_rows(first, min(100_000, rows - first)), path, mode=mode)
        return _measure(f"{folder}/serving", path, rows)


def _rows(first: int, count: int) -> pa.Table:
    dice = np.random.default_rng(_SEED + first)
    schema = serving(_DIMENSIONS).schema
    made: dict[str, Any] = {
        name: pa.array([f"{name}-{n}" for n in range(size)]).take(pa.array(_skewed(dice, size, count)))
        for name, size in FACETS.items()
    }
    made["region"] = pa.array([f"region-{n}" for n in range(REGIONS)]).take(pa.array(dice.integers(0, REGIONS, count)))
    made["event_id"] = pa.array([f"{n:064x}" for n in range(first, first + count)])
    made["text"] = pa.array([f"complaint {n} " + "about the network " * 12 for n in range(first, first + count)])
    seconds = dice.integers(0, 60 * 86_400, count)
    made["occurred_at"] = pa.array(int(_START.timestamp() * 1e6) + seconds * 1_000_000, TIME)
    made["cluster_id"] = pa.array(dice.integers(-1, 200, count))
    flat = dice.standard_normal(count * _DIMENSIONS, np.float32)
    made["vector"] = pa.FixedSizeListArray.from_arrays(flat, _DIMENSIONS)
    return pa.table(
        [made[one.name].cast(one.type) if one.name in made else pa.nulls(count, one.type) for one in schema],
        schema=schema,
    )


def _skewed(dice: np.random.Generator, size: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    weights = 1 / np.arange(1, size + 1)
    return dice.choice(size, count, p=weights / weights.sum())


def _measure(uri: str, path: str, rows: int) -> dict[str, Any]:
    import lance

    reader = open_reader(uri, "complaints")
    before = psutil.Process().memory_info().rss
    counts = Counts(None, reader)
    built = _seconds(counts.projection.newest)
    memory = psutil.Process().memory_info().rss - before
    wanted = Search(equals={"region": ["region-3"]})
    until = _START + timedelta(days=60)
    ways: dict[str, Callable[[], Any]] = {
        "ours": lambda: counts.facets(wanted, list(FACETS), 1000),
        "ours_with_own_filter": lambda: counts.facets(wanted, ["region", *list(FACETS)[:4]], 1000),
        "ours_trend_by_category": lambda: counts.trends(
            Search(equals=wanted.equals, since=until - timedelta(days=30), until=until), "day", "category"
        ),
    } | _peers(path, {"region": "region-3"})
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_REPEATS):
        for name, way in ways.items():
            times[name].append(_seconds(way) * 1000)
    same = all(_as_counts(ways["ours"]()) == _of_sql(ways[name]()) for name in ways if name.endswith("_five"))
    p50 = {name: round(float(np.median(one)), 2) for name, one in times.items()}
    lance.write_dataset(_rows(rows, 1000), path, mode="append")
    fresh = _seconds(counts.projection.newest)
    return {
        "machine": machine(),
        "rows": rows,
        "seed": _SEED,
        "p50_ms": p50,
        "p95_ms": {name: round(float(np.percentile(one, 95)), 2) for name, one in times.items()},
        "ratio": {name: round(p50[name] / p50["ours"], 1) for name in ways if name.startswith("duckdb")},
        "equal": same,
        "projection": {
            "built_s": round(built, 2),
            "memory_mb": round(memory / 1e6, 1),
            "1000_rows_more_ms": round(fresh * 1000, 1),
        },
    }


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _peers(path: str, filtered: dict[str, str]) -> dict[str, Callable[[], Any]]:
    import duckdb
    import lance

    names = list(FACETS)
    (column, value), listed = next(iter(filtered.items())), ", ".join(names)
    chosen = f"SELECT {listed} FROM {{table}} WHERE {column} = '{value}'"  # noqa: S608 -- our own names
    sets = ", ".join(f"({name})" for name in names)
    each = " UNION ALL ".join(f"SELECT '{name}', {name}, count(*) FROM chosen GROUP BY 2" for name in names)  # noqa: S608
    forms = {
        "five": f"WITH chosen AS MATERIALIZED ({chosen}) {each}",
        "sets": f"SELECT {listed}, count(*) FROM ({chosen}) GROUP BY GROUPING SETS ({sets})",  # noqa: S608
    }
    connection = duckdb.connect(config={"threads": "2"})
    dataset = lance.dataset(path)
    connection.register("lance", dataset)
    connection.register("arrow", dataset.to_table(columns=[*names, column]))

    def asked(text: str) -> Callable[[], Any]:
        return lambda: connection.execute(text).fetchall()

    return {
        f"duckdb_over_{table}_{form}": asked(text.format(table=table))
        for table in ("lance", "arrow")
        for form, text in forms.items()
    }


def _as_counts(answer: dict[str, Any]) -> dict[tuple[str, Any], int]:
    return {(n, v["value"]): v["count"] for n, one in answer["facets"].items() for v in one["values"]}


def _of_sql(rows: list[tuple[str, Any, int]]) -> dict[tuple[str, Any], int]:
    return {(name, value): count for name, value, count in rows}
