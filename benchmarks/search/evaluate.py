"""Quality of search on judged queries, through the code and the indices that the API searches with."""

from __future__ import annotations

import hashlib
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.search.corpus import Corpus, Split
from connectors.lance import Table, open_reader
from engine import tables
from engine.search import MODES, Search, Searcher
from engine.store import rows
from engine.store.upkeep import Upkeep
from models.embedder import Embedder
from models.pii import mask

#: Documents that are embedded and written at once.
_CHUNK = 512

_KEY = b"evaluation"
_LIMIT = 100
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def report(corpus: Corpus, embedder: Embedder, tell: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Measure every mode on every split.

    Args:
        corpus: see benchmarks.search.corpus.
        embedder: of documents and queries.
        tell: told how many documents and queries are done.

    Returns:
        `figures` by name, `splits` saying what each was measured on, and `notes`.
    """
    figures: dict[str, float] = {"docs": len(corpus.docs)}
    splits = {"docs": corpus.name}
    with tempfile.TemporaryDirectory(prefix="beejan-evaluate-") as folder:
        ids = store(folder, corpus.docs, embedder, tell)
        searcher = Searcher(open_reader(f"{folder}/serving", "complaints"), embedder, _KEY)
        done = len(corpus.docs)
        for split in corpus.splits:
            ending = f".{split.name}" if len(corpus.splits) > 1 else ""
            found = {f"{name}{ending}": value for name, value in _measure(searcher, split, ids, tell, done).items()}
            figures |= found
            splits |= dict.fromkeys(found, f"{corpus.name} {split.name}, {len(split.queries)} queries")
            done += len(split.queries)
    notes = {"ndcg_at_10": "the default search, hybrid", "gain_at_10": "nDCG@10 over the better of vector and text"}
    return {"figures": {k: round(v, 5) for k, v in figures.items()}, "splits": splits, "notes": notes}


def store(folder: str, docs: Mapping[str, str], embedder: Embedder, tell: Callable[[int], None]) -> dict[str, str]:
    """Write documents as complaints, masked as they are, with the indices that a table of their number has.

    Returns:
        The document's id by the complaint's.
    """
    spec = tables.serving(embedder.dimensions)
    table = Table(f"{folder}/serving", spec.name, spec.key, spec.schema, spec.version, text_index=spec.text_index)
    ids = {hashlib.sha256(key.encode()).hexdigest(): key for key in docs}
    items = list(zip(ids, docs.values(), strict=True))
    for start in range(0, len(items), _CHUNK):
        part = items[start : start + _CHUNK]
        texts = [mask(text, _KEY).text for _, text in part]
        vectors = np.ascontiguousarray(embedder.encode(texts), np.float32)
        batch = pa.table(
            {
                "event_id": [key for key, _ in part],
                "text": texts,
                "search_text": texts,
                "occurred_at": pa.array([_NOW] * len(part), tables.TIME),
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), embedder.dimensions),
            }
        )
        table.upsert(rows.conform(batch, spec.schema))
        tell(start + len(part))
    kept = Upkeep([table], table, 3600)
    kept.compact()
    kept.index()
    kept.settle()
    return ids


def _measure(
    searcher: Searcher, split: Split, ids: Mapping[str, str], tell: Callable[[int], None], done: int
) -> dict[str, float]:
    """Figures of a split."""
    ndcg: dict[str, list[float]] = {mode: [] for mode in MODES}
    recall, mrr, seconds, totals = [], [], [], []
    for number, (key, text) in enumerate(split.queries.items(), 1):
        judged = split.judged[key]
        for mode in MODES:
            started = time.perf_counter()
            answer = searcher.run(Search(text[:2000], mode, limit=_LIMIT))  # type: ignore[arg-type]
            hits = [ids[hit["event_id"]] for hit in answer["hits"]]
            ndcg[mode].append(ndcg_at(hits, judged, 10))
            if mode == "hybrid":
                seconds.append(time.perf_counter() - started)
                recall.append(_recall(hits, judged))
                mrr.append(next((1 / n for n, hit in enumerate(hits[:10], 1) if judged.get(hit, 0) > 0), 0.0))
                totals.append(answer["total"])
        tell(done + number)
    mean = {mode: float(np.mean(values)) for mode, values in ndcg.items()}
    return {
        "ndcg_at_10": mean["hybrid"],
        "ndcg_at_10_vector": mean["vector"],
        "ndcg_at_10_text": mean["text"],
        "gain_at_10": mean["hybrid"] - max(mean["vector"], mean["text"]),
        # The queries at odd places, counted from 0, chose nothing; see docs/search.md.
        "ndcg_at_10_even": float(np.mean(ndcg["hybrid"][::2])),
        "ndcg_at_10_odd": float(np.mean(ndcg["hybrid"][1::2] or [math.nan])),
        "gain_at_10_odd": float(
            np.mean(ndcg["hybrid"][1::2] or [math.nan])
            - max(np.mean(ndcg["vector"][1::2] or [math.nan]), np.mean(ndcg["text"][1::2] or [math.nan]))
        ),
        "recall_at_100": float(np.mean(recall)),
        "mrr_at_10": float(np.mean(mrr)),
        "median_total": float(np.median(totals)),
        "query_p50_ms": float(np.median(seconds) * 1000),
    }


def ndcg_at(hits: Sequence[str], judged: Mapping[str, int], count: int) -> float:
    """Normalised discounted cumulative gain with the grade as the gain, as trec_eval and BEIR count it.

    Args:
        hits: document ids, the best first.
        judged: grade by document id; what is not judged is irrelevant.
        count: hits that count.
    """
    gains = [max(0, judged.get(hit, 0)) for hit in hits[:count]]
    best = sorted((max(0, grade) for grade in judged.values()), reverse=True)[:count]
    return _dcg(gains) / _dcg(best) if any(best) else 0.0


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


def _recall(hits: Sequence[str], judged: Mapping[str, int]) -> float:
    relevant = {key for key, grade in judged.items() if grade > 0}
    return len(relevant.intersection(hits)) / len(relevant)
