"""Model: embed the masked text, then category, priority and cluster."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.errors import Transient
from engine.stages.context import PIPELINE_VERSION, ZERO_SHOT, Context
from engine.stages.stage import Output, Stage
from engine.tables import FOLLOWING, STRINGS, TIME, VECTOR, following
from models.embedder import Embedder
from models.priority import Complaint, circumstances_in

log = logging.getLogger("beejan.stages")

#: Which classifier decided where no model was trained.
CLASSIFIER = ZERO_SHOT


def embed(rows: pa.Table, context: Context) -> Output:
    """Vectors (n, d) float32, unit rows, of the masked text; by the static model where the full one is shed.

    And those of the model that is to follow, unless it is away or load is shed: then they are made later.
    """
    embedder, degraded = context.embeds
    texts = rows["text"].to_pylist()
    columns = vector_columns(embedder, embedder.encode(texts))
    columns |= {"degraded": [degraded] * len(texts), "pipeline_version": [PIPELINE_VERSION] * len(texts)}
    if context.following is not None:
        found = _following(context, texts)
        columns |= {name + FOLLOWING: values for name, values in found.items()}
    return Output(columns)


def vector_columns(embedder: Embedder, vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Vectors (n, d) with what made them, as columns of rows."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    return {
        "vector": pa.FixedSizeListArray.from_arrays(flat, embedder.dimensions),
        "embedding_model": [embedder.name] * len(vectors),
        "embedding_revision": [embedder.revision] * len(vectors),
    }


def _following(context: Context, texts: list[str]) -> dict[str, Any]:
    full = context.following
    assert full is not None  # asked by embed()
    try:
        if not context.shed:
            return vector_columns(full, full.encode(texts))
    except Transient as error:
        log.warning("vectors of the model that is to follow are made later: %s", error)
    nothing = pa.nulls(len(texts), pa.list_(pa.float32(), full.dimensions))
    return {"vector": nothing} | dict.fromkeys(VECTOR[1:], [None] * len(texts))


def classify(rows: pa.Table, context: Context) -> Output:
    """Category, sub-category, confidence in [0, 1] and reasons."""
    vectors = vectors_of(rows["vector"])
    found = context.classifier.predict(rows["text"].to_pylist(), vectors)
    return Output(
        {
            "category": [p.category for p in found],
            "subcategory": [p.subcategory for p in found],
            "confidence": [float(p.confidence) for p in found],
            "category_reasons": [list(p.reasons) for p in found],
            "taxonomy_version": [context.taxonomy_version] * rows.num_rows,
            "classifier_version": [context.classifier_version] * rows.num_rows,
        }
    )


#: A complaint that is older when it reaches us is history that somebody imports, and nobody waits for its answer.
_HISTORY_H = 30 * 24.0

#: What the priority of a complaint is scored by.
PRIORITY_READS = ("text", "category", "subcategory", "language", "amount", "currency", "occurred_at", "received_at")


def score_priority(rows: pa.Table, context: Context) -> Output:
    """P1 to P4 with every contribution.

    Earlier contacts and open incidents are known at the commit only (engine.store.circumstances).
    """
    columns = [rows[name].to_pylist() for name in PRIORITY_READS]
    found = [context.priority.score(complaint_of(*row)) for row in zip(*columns, strict=True)]
    size = rows.num_rows
    return Output(
        {
            "priority": [p.level for p in found],
            "priority_score": [float(p.score) for p in found],
            "priority_reasons": [list(p.reasons) for p in found],
            "scored_at": pa.array([context.now] * size, TIME),
        }
    )


def assign_cluster(rows: pa.Table, context: Context) -> Output:
    """The nearest cluster, -1 outside every gate; null without clusters, or where they are of another embedder."""
    clusters = context.clusters
    if clusters is None:
        return Output({"cluster_id": pa.nulls(rows.num_rows, pa.int64())})
    found, _ = clusters.nearest(vectors_of(rows["vector"]))
    names = zip(rows["embedding_model"].to_pylist(), rows["embedding_revision"].to_pylist(), strict=True)
    others = np.array([name != clusters.model for name in names], bool)
    return Output({"cluster_id": pa.array(found, pa.int64(), mask=others)})


def complaint_of(
    text: str,
    category: str,
    subcategory: str,
    language: str,
    amount: float | None,
    currency: str | None,
    occurred_at: datetime,
    received_at: datetime,
    *,
    reasons: Sequence[str] = (),
) -> Complaint:
    """What is scored of the values of PRIORITY_READS; `reasons` are those of a stored row, for its circumstances."""
    contacts, incident = circumstances_in(reasons)
    waited_h = (received_at - occurred_at).total_seconds() / 3600
    waited = waited_h if waited_h <= _HISTORY_H else None
    return Complaint(text, category, subcategory, language, amount, currency, waited, contacts, incident)


def vectors_of(column: pa.ChunkedArray | pa.Array) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """A fixed-size-list column as (n, d) float32, without a copy where it is one chunk without nulls."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    size = array.type.list_size
    flat: np.ndarray[tuple[int], np.dtype[np.float32]] = array.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, size)


def embed_stage(dimensions: int, next_dimensions: int | None = None) -> Stage:
    """The embedding stage for vectors of this length, and for those of a model that is to follow."""
    adds = [
        ("vector", pa.list_(pa.float32(), dimensions)),
        ("embedding_model", pa.string()),
        ("embedding_revision", pa.string()),
        ("pipeline_version", pa.string()),
        ("degraded", STRINGS),
    ]
    more = following(next_dimensions, {}) if next_dimensions else []
    return Stage("embed", ("text",), pa.schema([*adds, *more]), embed)


#: What a promotion or a change of the taxonomy makes anew; clusters depend on neither.
SCORING = (
    Stage(
        "classify",
        ("text", "vector"),
        pa.schema(
            [
                ("category", pa.string()),
                ("subcategory", pa.string()),
                ("confidence", pa.float32()),
                ("category_reasons", STRINGS),
                ("taxonomy_version", pa.string()),
                ("classifier_version", pa.string()),
            ]
        ),
        classify,
    ),
    Stage(
        "priority",
        PRIORITY_READS,
        pa.schema(
            [
                ("priority", pa.string()),
                ("priority_score", pa.float32()),
                ("priority_reasons", STRINGS),
                ("scored_at", TIME),
            ]
        ),
        score_priority,
    ),
)

MODEL = (
    *SCORING,
    Stage(
        "cluster",
        ("vector", "embedding_model", "embedding_revision"),
        pa.schema([("cluster_id", pa.int64())]),
        assign_cluster,
    ),
)
