"""Scores complaints of leaves that are split, by their stored vectors: nothing but seed phrases is embedded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from engine.stages.context import ZERO_SHOT
from engine.stages.model import vectors_of
from engine.tables import TIME
from models.classify import Prediction
from models.embedder import Embedder
from models.taxonomy_change import Step
from models.translate import Translator

#: Columns of serving.complaints that scoring reads.
READS = ["category_reasons", "category", "classifier_version", "confidence", "subcategory", "text", "vector"]


def scorer(step: Step, embedder: Embedder) -> Callable[[pa.Table], pa.Table]:
    """The function that scores rows of leaves that `step` splits.

    A row's version stays: a trained champion answers as it did, told in the next version (models.translate), for past
    rows as for new ones, so that nothing is left to score again.
    """
    translator = Translator.build(step, embedder)

    def score(rows: pa.Table) -> pa.Table:
        names = ("category", "subcategory", "confidence", "category_reasons")
        before = [
            Prediction(category, leaf, confidence or 0.0, 0.0, list(reasons or ()))
            for category, leaf, confidence, reasons in zip(*(rows[n].to_pylist() for n in names), strict=True)
        ]
        found = translator.told(before, rows["text"].to_pylist(), vectors_of(rows["vector"]))
        return pa.table(
            {
                "event_id": rows["event_id"],
                "text_hash": rows["text_hash"],
                "category": pa.array([p.category for p in found], pa.string()),
                "subcategory": pa.array([p.subcategory for p in found], pa.string()),
                "confidence": pa.array([float(p.confidence) for p in found], pa.float32()),
                "category_reasons": pa.array([list(p.reasons) for p in found], pa.list_(pa.string())),
                "classifier_version": pc.fill_null(rows["classifier_version"], ZERO_SHOT),
                "scored_at": pa.array([datetime.now(UTC)] * len(found), TIME),
            }
        )

    return score
