"""Speed and recall of search on synthetic complaints, in process, beside FAISS where that can be imported.

Simulated complaints are embedded; rows are drawn from them: a vector near one of theirs, and its text with some words
of another. Query vectors are made before, so no figure holds the time of embedding.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.machine import machine
from connectors.lance import Table, open_reader
from engine import tables
from engine.search import Search, Searcher, retrieve
from engine.search.check import exact
from engine.store import rows as stored_rows
from engine.store.upkeep import Upkeep
from models.embedder import Embedder

Floats = NDArray[np.float32]

ROWS = 1_000_000

_BASE, _QUERIES, _SEED = 2_000, 200, 11
_CHUNK = 100_000
_NEW = 10_000
#: Length of the noise that makes a row's vector of a complaint's, and share of words that are another's.
_NOISE, _OTHERS = 0.6, 0.3
_START = datetime(2026, 1, 1, tzinfo=UTC)
_THROUGHPUT_S = 10.0
_THREADS = 4

#: Regions with the share of rows that has them: filters of 1 % and 10 %.
_REGIONS = {"one": 0.01, "ten": 0.1, "rest": 0.89}


def run(embedder: Embedder, rows: int = ROWS) -> dict[str, Any]:
    """All of it; needs about 4 GB of disk for each million rows.

    Args:
        embedder: of the simulated complaints.
        rows: in the table.
    """
    from engine.simulate.generate import generate

    made = generate(_BASE, seed=_SEED, start=_START, end=_START + timedelta(days=30))
    texts = [one.fields["text"] for one in made]
    world = _World(texts, embedder.encode(texts))
    asked, said = world.queries()
    with tempfile.TemporaryDirectory(prefix="beejan-bench-search-") as folder:
        table, built = _build(Path(folder), world, rows, embedder.dimensions)
        reader = open_reader(f"{folder}/serving", "complaints")
        report: dict[str, Any] = {"machine": machine(), "rows": rows, "queries": len(asked), "seed": _SEED} | built
        report["vector"] = _vectors(reader, asked, None)
        for name, condition in (("filter_1_percent", "region = 'one'"), ("filter_10_percent", "region = 'ten'")):
            report[name] = _vectors(reader, asked, condition)
        report["hybrid"] = _hybrid(reader, asked, said)
        report["peers"] = {"faiss": _faiss(reader, asked)}
        report["fold"] = _fold(Path(folder), table, world, rows, embedder.dimensions)
    return report


class _World:
    """Draws rows and queries from a few complaints, the same of the same seed."""

    def __init__(self, texts: Sequence[str], vectors: Floats) -> None:
        self._words, self._vectors = [text.split() for text in texts], vectors
        self._random = np.random.default_rng(_SEED)

    def near(self, chosen: NDArray[np.int64]) -> Floats:
        """(n, d) unit vectors near those of complaints."""
        size = self._vectors.shape[1]
        noise = self._random.standard_normal((len(chosen), size)).astype(np.float32) * np.float32(_NOISE / size**0.5)
        found: Floats = self._vectors[chosen] + noise
        unit: Floats = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit

    def queries(self) -> tuple[Floats, list[str]]:
        """Vectors, and five words each."""
        chosen = self._random.integers(0, len(self._words), _QUERIES)
        said = []
        for n in chosen.tolist():
            words = self._words[n]
            start = int(self._random.integers(0, max(1, len(words) - 5)))
            said.append(
                " ".join("".join(c for c in word if c.isalnum()) for word in words[start : start + 5]) or "bill"
            )
        return self.near(chosen), said

    def rows(self, start: int, count: int) -> pa.Table:
        """Rows with ids from `start` on."""
        chosen = self._random.integers(0, len(self._words), (count, 2))
        texts = []
        for n, other in chosen.tolist():
            words, others = list(self._words[n]), self._words[other]
            for place in np.flatnonzero(self._random.random(len(words)) < _OTHERS).tolist():
                words[place] = others[place % len(others)]
            texts.append(" ".join(words))
        regions = self._random.choice(list(_REGIONS), count, p=list(_REGIONS.values()))
        vectors = self.near(chosen[:, 0])
        seconds = self._random.integers(0, 90 * 86_400, count)
        return pa.table(
            {
                "event_id": [f"{n:064x}" for n in range(start, start + count)],
                "text": texts,
                "search_text": texts,
                "region": regions.tolist(),
                "channel": [("sms", "email", "social")[n % 3] for n in range(count)],
                "category": [f"category {n % 12}" for n in chosen[:, 0].tolist()],
                "priority": [f"P{1 + n % 4}" for n in range(count)],
                "language": ["eng"] * count,
                "occurred_at": pa.array([_START + timedelta(seconds=int(s)) for s in seconds], tables.TIME),
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
            }
        )


def _build(folder: Path, world: _World, rows: int, dimensions: int) -> tuple[Table, dict[str, Any]]:
    spec = tables.serving(dimensions)
    table = Table(f"{folder}/serving", spec.name, spec.key, spec.schema, spec.version, text_index=spec.text_index)
    started = time.perf_counter()
    for start in range(0, rows, _CHUNK):
        table.upsert(stored_rows.conform(world.rows(start, min(_CHUNK, rows - start)), spec.schema))
    written = time.perf_counter()
    kept = Upkeep([table], table, 3600)
    kept.compact()
    kept.index()
    folded = time.perf_counter()
    kept.settle()
    kept.compact()
    kept.index()
    done = time.perf_counter()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return table, {
        "write_s": round(written - started, 1),
        "words_and_filters_s": round(folded - written, 1),
        "vector_index_s": round(done - folded, 1),
        "bytes": size,
    }


def _vectors(reader: Any, asked: Floats, condition: str | None) -> dict[str, Any]:
    """Latency and recall@10 of searches by vector alone, of ids."""
    truth = exact(reader, asked, 10, condition)
    hits = 0.0
    for vector, least in zip(asked, truth, strict=True):
        _, cosines = retrieve.nearest(reader, vector, condition, 10)
        hits += float((cosines >= least[-1] - 1e-4).sum()) / 10
    times = _timed([lambda v=v: retrieve.nearest(reader, v, condition, 10) for v in asked])  # type: ignore[misc]
    return {"recall_at_10": round(hits / len(asked), 4)} | times


class _Known:
    """Query vectors that were made before."""

    name, revision = "known", "0"

    def __init__(self, vectors: dict[str, Floats]) -> None:
        self._vectors = vectors
        self.dimensions = len(next(iter(vectors.values())))

    def encode(self, texts: Sequence[str]) -> Floats:
        """See models.embedder.Embedder; a corrected query has the vector of none."""
        empty = np.zeros(self.dimensions, np.float32)
        return np.stack([self._vectors.get(text, empty) for text in texts])

    def windows(self, texts: Sequence[str]) -> list[int]:
        """See models.embedder.Embedder."""
        return [1] * len(texts)


def _hybrid(reader: Any, asked: Floats, said: Sequence[str]) -> dict[str, Any]:
    """Whole searches as the API runs them, 20 hits each with why they matched, but for embedding."""
    searcher = Searcher(reader, _Known(dict(zip(said, asked, strict=True))), b"bench")
    times = _timed([lambda text=text: searcher.run(Search(text)) for text in said])  # type: ignore[misc]
    found = [searcher.run(Search(text))["total"] for text in said[:20]]
    with ThreadPoolExecutor(_THREADS) as pool:
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < _THROUGHPUT_S:
            done += sum(1 for _ in pool.map(lambda text: searcher.run(Search(text)), said[:40]))
        per_s = done / (time.perf_counter() - started)
    return times | {"queries_per_s": round(per_s, 1), "threads": _THREADS, "median_total": float(np.median(found))}


def _timed(calls: Sequence[Callable[[], Any]]) -> dict[str, float]:
    for call in calls[:20]:
        call()
    seconds = []
    for call in calls:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2)}


def _faiss(reader: Any, asked: Floats) -> dict[str, Any] | None:
    """IVF with product quantisation and refinement in memory; the fewest probes with a recall of .99."""
    try:
        import faiss  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    column = reader.search().select(["vector"]).limit(2**31 - 1).to_arrow()["vector"].combine_chunks()
    vectors = np.ascontiguousarray(column.flatten().to_numpy(zero_copy_only=False).reshape(-1, asked.shape[1]))
    lists = max(16, min(1024, len(vectors) // 1000))
    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},PQ48x8,RFlat", faiss.METRIC_INNER_PRODUCT)
    started = time.perf_counter()
    index.train(vectors[:: max(1, len(vectors) // (64 * lists))])
    index.add(vectors)
    built = time.perf_counter() - started
    index.k_factor = 10
    truth = exact(reader, asked, 10)
    for probes in (8, 16, 32, 64, 128, 256):
        faiss.extract_index_ivf(index.base_index if hasattr(index, "base_index") else index).nprobe = probes
        hits = sum(
            float((index.search(vector[None], 10)[0][0] >= least[-1] - 1e-4).sum()) / 10
            for vector, least in zip(asked, truth, strict=True)
        )
        recall = hits / len(asked)
        if recall >= 0.99:
            break
    times = _timed([lambda v=v: index.search(v[None], 10) for v in asked])  # type: ignore[misc]
    return {"recall_at_10": round(recall, 4), "probes": probes, "lists": lists, "build_s": round(built, 1)} | times


def _fold(folder: Path, table: Table, world: _World, rows: int, dimensions: int) -> dict[str, Any]:
    """New rows folded into the indices, by us and, in a copy, by LanceDB's optimize()."""
    import lancedb

    new = stored_rows.conform(world.rows(rows, _NEW), table.schema)
    table.upsert(new)
    copy = folder / "copy"
    shutil.copytree(folder / "serving", copy)
    started = time.perf_counter()
    folded = table.compact(3600, 1_000)["folded"]
    ours = time.perf_counter() - started
    theirs = lancedb.connect(str(copy)).open_table("complaints")
    started = time.perf_counter()
    theirs.optimize()
    optimize = time.perf_counter() - started
    return {
        "rows": _NEW, "folded": folded, "seconds": round(ours, 2), "optimize_seconds": round(optimize, 2),
        "ratio": round(optimize / ours, 1),
    }  # fmt: skip
