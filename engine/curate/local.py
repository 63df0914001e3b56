"""Run texts through the very stages of the stream, in this process and without storing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import embedding
from engine.curate.context import build_context, load_lineage
from engine.intake.accept import clean
from engine.intake.envelope import Envelope, to_table
from engine.registry.load import trained
from engine.settings import Settings
from engine.stages import pipeline
from engine.stages.context import Context
from engine.stages.model import vectors_of
from models.embedder import Embedder
from models.offsets import to_original
from models.pii import mask
from models.text import repair

#: Rows that go through together.
_CHUNK = 256

#: Where texts given by hand are taken to come from; the policy of masking may name it.
_CHANNEL = "file"


def process_texts(
    texts: Sequence[str],
    settings: Settings,
    embedder: Embedder | None = None,
    *,
    model: tuple[str, str] | None = None,
) -> Iterator[tuple[list[dict[str, Any]], NDArray[np.float32]]]:
    """Chunks of results in the order of the texts, each with its vectors.

    Args:
        texts: as they came.
        settings: resolved settings.
        embedder: default the configured one.
        model: name and version that classify; default what classifies complaints.

    Yields:
        (one dict a text, (n, d) float32 unit rows); a text that a stage rejects has `error` and a zero vector.

    Raises:
        NoModel: there is no such version.
        UnusableModel: it cannot be used here.
    """
    embedder = embedder or embedding.load(settings)
    context = build_context(settings, embedder)
    if model is not None:
        context = _by(model, context, settings, embedder)
    for start in range(0, len(texts), _CHUNK):
        chunk = [clean(text) for text in texts[start : start + _CHUNK]]
        now = datetime.now(UTC)
        rows = [(str(i), _envelope(text, start + i, now), 0) for i, text in enumerate(chunk)]
        done = pipeline.process(to_table(rows), replace(context, now=now))
        vectors = np.zeros((len(chunk), embedder.dimensions), dtype=np.float32)
        alive = [i for i, stage in enumerate(done["error_stage"].to_pylist()) if stage is None]
        if alive:
            vectors[alive] = vectors_of(done["vector"].take(alive))
        shown = done.drop_columns(["vector", "sealed"]).to_pylist()
        yield (
            [_result(text, row, context) for text, row in zip(chunk, shown, strict=True)],
            vectors,
        )


def _by(model: tuple[str, str], context: Context, settings: Settings, embedder: Embedder) -> Context:
    name, version = model
    own = settings.model_copy(update={"classifier": name})
    classifier = trained(own, version, load_lineage(settings), embedder)
    return replace(context, classifier=classifier, classifier_version=f"{name}/{version}")


def _envelope(text: str, number: int, now: datetime) -> Envelope:
    return Envelope(_CHANNEL, "process", str(number), text.encode(), "text/plain", now)


def _result(text: str, row: dict[str, Any], context: Context) -> dict[str, Any]:
    if row["error_stage"]:
        error = {"stage": row["error_stage"], "reason": row["error_code"], "message": row["error_message"]}
        return {"text": text, "error": error}
    return {
        "text": text,
        "masked": row["text"],
        "pii": found_in(text, context),
        "language": row["language"],
        "language_confidence": round(float(row["language_confidence"]), 4),
        "category": row["category"],
        "subcategory": row["subcategory"],
        "confidence": round(float(row["confidence"]), 4),
        "priority": row["priority"],
        "reasons": [*row["category_reasons"], *row["priority_reasons"]],
        "search_text": row["search_text"],
    }


def found_in(text: str, context: Context) -> list[dict[str, Any]]:
    """The personal data that masking finds in a text: type, and start and end as character offsets into it."""
    readable = repair(text)
    spans = mask(readable.text, context.pseudonym_key, context.pii, _CHANNEL).spans
    places = (to_original(readable.edits, span.start, span.end) for span in spans)
    return [{"type": span.type, "start": a, "end": b} for span, (a, b) in zip(spans, places, strict=True)]
