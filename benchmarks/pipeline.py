"""The pipeline on Ray against a plain loop over the very same stage functions, with real embedding."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from benchmarks.machine import machine
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings, load_settings
from engine.stages import pipeline


def run(rows: int = 6144, repeats: int = 5, batch_rows: int = 1024) -> dict[str, Any]:
    """Process simulated complaints both ways, in turns, and compare.

    Both ways embed with the same model on all cores, cut the same micro-batches and end with Arrow rows;
    storing is left out of both. The loop is a process without Ray.

    Args:
        rows: complaints, all different in text or key; with two micro-batches a turn the pipeline's start and end
            weigh as much as its run (.73 to 1.06 in one run), with six they do not (.96 to 1.10).
        repeats: turns of each way; the median counts.
        batch_rows: rows of a micro-batch.

    Returns:
        rows/s of both, and `ratio`, pipeline over loop.
    """
    envelopes = _envelopes(rows)
    with tempfile.TemporaryDirectory(prefix="beejan-bench-") as folder:
        settings = load_settings(data_dir=folder)
        ways: dict[str, _Loop | _Pipeline] = {"loop": _Loop(settings), "pipeline": _Pipeline(settings)}
        try:
            for way in ways.values():
                way.run(envelopes, batch_rows)
            seconds: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(repeats):
                for name, way in ways.items():
                    started = time.perf_counter()
                    way.run(envelopes, batch_rows)
                    seconds[name].append(time.perf_counter() - started)
        finally:
            ways["pipeline"].close()
    rates = {name: round(rows / median(values), 1) for name, values in seconds.items()}
    turns = [a / b for a, b in zip(seconds["loop"], seconds["pipeline"], strict=True)]
    return {
        "benchmark": "pipeline", "rows": rows, "batch_rows": batch_rows, "repeats": repeats, "rows_per_s": rates,
        "ratio": round(median(turns), 3), "ratios": [round(t, 3) for t in turns], "seconds": seconds, "seed": 1,
        "data": "beejan simulate", "machine": machine(),
    }  # fmt: skip


def _envelopes(rows: int) -> list[Envelope]:
    from engine.simulate.generate import generate

    start, end = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
    return [
        Envelope(c.channel, c.source, c.source_key, json.dumps(c.fields).encode(), "application/json", c.occurred_at)
        for c in generate(rows, seed=1, start=start, end=end)
    ]


def _tables(envelopes: list[Envelope], batch_rows: int) -> list[Any]:
    return [
        to_table([(e.event_id, e, n) for n, e in enumerate(envelopes[start : start + batch_rows])])
        for start in range(0, len(envelopes), batch_rows)
    ]


class _Loop:
    """One process, no Ray."""

    def __init__(self, settings: Settings) -> None:
        from engine import embedding
        from engine.curate.context import build_context

        self._context = build_context(settings, embedding.load(settings))

    def run(self, envelopes: list[Envelope], batch_rows: int) -> None:
        for table in _tables(envelopes, batch_rows):
            now = datetime.now(UTC)
            done = pipeline.process(table, replace(self._context, now=now))
            if done["error_stage"].null_count != done.num_rows:
                raise RuntimeError("a row failed; the two ways would not do the same work")

    def close(self) -> None:
        """Nothing to close."""


class _Pipeline:
    """The stream's way: Ray Data over the warm embedding actor of an own engine."""

    def __init__(self, settings: Settings) -> None:
        from engine.curate.context import build_context
        from engine.curate.dataset import configure
        from engine.run import actors, runtime
        from engine.run.supervisor import Supervisor

        self._engine = Supervisor(settings, lambda text: None, api=False)
        self._engine.start(stream=False)
        _, addresses = runtime.load(settings.data_dir)
        runtime.connect_ray(addresses)
        import ray  # after connecting, which sets what Ray reads on import

        configure()
        actors.ensure(settings)
        embedder = actors.RemoteEmbedder.wait(settings)
        self._context = ray.put(build_context(settings, embedder))

    def run(self, envelopes: list[Envelope], batch_rows: int) -> None:
        """Two micro-batches are in flight, as in the stream."""
        from concurrent.futures import ThreadPoolExecutor

        import ray

        from engine.curate.dataset import run_batch

        def one(table: Any) -> None:
            ray.get(run_batch(table, self._context, datetime.now(UTC)))

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, _tables(envelopes, batch_rows)))

    def close(self) -> None:
        """End the engine."""
        import ray

        ray.shutdown()
        self._engine.stop()
