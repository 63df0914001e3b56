"""From labels to every stored complaint scored by the new champion: `python -m benchmarks.rescore [ROWS]`.

Complaints are simulated: some thousands go through the stages, and the rest are those with another word at their end.
Training, promotion and re-scoring are what an engine does, with worker processes of its own in the place of Ray's.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.machine import machine
from connectors.lance import open_reader
from engine import embedding
from engine.curate.context import build_context, load_lineage
from engine.intake.envelope import Envelope, to_table
from engine.registry import rescore
from engine.registry.promote import promote
from engine.registry.store import publish, workshop
from engine.settings import Settings, load_settings
from engine.simulate.generate import generate
from engine.stages import pipeline
from engine.stages.context import Context
from engine.stages.model import vectors_of
from engine.store.rows import conform
from engine.store.writer import Writer
from models.classifier import train

_REAL, _SEED = 4_000, 20
_CHUNK = 20_000
_START = datetime(2026, 2, 1, tzinfo=UTC)


def run(rows: int, folder: Path, workers: int) -> dict[str, Any]:
    """All of it; times in seconds.

    Args:
        rows: complaints.
        folder: an empty data folder.
        workers: processes that score.
    """
    settings = load_settings(data_dir=folder)
    embedder = embedding.load(settings)
    texts, truth = _simulated()
    context = build_context(settings, embedder)
    writer = Writer(settings)
    made = _processed(context, texts)
    well = pc.is_null(made["error_stage"])
    made, truth = made.filter(well), [label for label, fine in zip(truth, well.to_pylist(), strict=True) if fine]
    _store(writer, made, rows)
    report: dict[str, Any] = {"machine": machine(), "rows": rows, "workers": workers, "labels": len(truth)}
    began = time.monotonic()
    _trained(settings, made, truth, embedder.name, embedder.revision)
    report["train_s"] = round(time.monotonic() - began, 1)
    found = {
        "versions": {"champion": "zero-shot/1"}, "of": 0, "champion": {}, "challenger": {}, "gain": {}, "against": [],
    }  # fmt: skip
    version = next(path.parent.name for path in (folder / "models").glob("*/*/manifest.json"))
    promote(settings, version, found, by="benchmark")
    started = time.monotonic()
    new = build_context(settings, embedder)
    report["load_s"] = round(time.monotonic() - started, 1)
    shown: list[float] = []

    def put(scored: pa.Table) -> int:
        at = time.monotonic()
        done = writer.rescore(scored)
        shown.append(time.monotonic() - at)
        return done

    complaints = open_reader(f"{settings.zones_uri}/serving", "complaints")
    at = time.monotonic()
    with ProcessPoolExecutor(workers, get_context("spawn"), _take, (new,)) as pool:

        def work(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
            waiting = []
            for part in parts:
                waiting.append(pool.submit(_score, part))
                if len(waiting) > workers:
                    yield waiting.pop(0).result()
            for one in waiting:
                yield one.result()

        done = rescore.Rescore(complaints, rescore.folder_for(folder), new, work, put).run()
    report["rescore_s"] = round(time.monotonic() - at, 1)
    report["visible_s"] = round(sum(shown), 1)
    report["visible"] = done.visible
    report["in_all_s"] = round(time.monotonic() - began, 1)
    writer.close()
    return report


_context: Context | None = None


def _take(context: Context) -> None:
    global _context
    _context = context


def _score(part: pa.Table) -> pa.Table:
    assert _context is not None
    return rescore.score(part, replace(_context, now=datetime.now(UTC)))


def _simulated() -> tuple[list[str], list[str]]:
    found = list(generate(_REAL, seed=_SEED, start=_START, end=_START + timedelta(days=20)))
    return [one.fields["text"] for one in found], [one.truth.subcategory for one in found]


def _processed(context: Context, texts: list[str]) -> pa.Table:
    sent = [Envelope("sms", "bench", str(n), t.encode(), "text/plain", context.now) for n, t in enumerate(texts)]
    return pa.concat_tables(
        [
            pipeline.process(to_table([(e.event_id, e, n) for n, e in enumerate(sent[at : at + 256], at)]), context)
            for at in range(0, len(sent), 256)
        ]
    )


def _store(writer: Writer, well: pa.Table, rows: int) -> None:
    """`rows` complaints in serving."""
    for first in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - first)
        part = well.take(pa.array(np.arange(first, first + count) % well.num_rows))
        ids = [hashlib.sha256(str(first + n).encode()).hexdigest() for n in range(count)]
        words = [f"{text} {first + n}" for n, text in enumerate(part["text"].to_pylist())]
        for name, values in (("event_id", ids), ("text", words)):
            part = part.set_column(part.column_names.index(name), name, pa.array(values, pa.string()))
        # Straight into the table: what is measured comes later.
        writer._serving.upsert(conform(part, writer._serving.schema))
    writer.repair_volumes()


def _trained(settings: Settings, made: pa.Table, truth: list[str], model: str, revision: str) -> None:
    taxonomy = load_lineage(settings).current
    texts = made["text"].to_pylist()
    found = train(texts, vectors_of(made["vector"]), truth, seed=_SEED)
    about = {
        "embedding": {"model": model, "revision": revision}, "taxonomy": f"{taxonomy.name}/{taxonomy.version}",
        **found.about,
    }  # fmt: skip
    with workshop(settings.data_dir) as folder:
        found.classifier.save(folder)
        publish(settings.data_dir, settings.classifier, folder, about)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        given = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
        print(json.dumps(run(given, Path(place), 2), indent=1))  # noqa: T201
