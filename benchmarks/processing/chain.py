"""The whole way from raw to curated without embedding, and what each stage takes of it, on one core."""

from __future__ import annotations

import csv
import gzip
import json
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.curate.context import build_context
from engine.intake.envelope import Envelope, to_table
from engine.settings import load_settings
from engine.stages import pipeline
from engine.stages.context import Context
from engine.stages.stage import run

_BATCH_ROWS = 256
_ROWS = 4_000
_TURNS = 3


def speed(data: Path | None = None) -> dict[str, Any]:
    """Complaints a second through every cleaning stage, by corpus, and the seconds each stage takes of 1,000.

    Args:
        data: takes Comcast and the airline tweets from here as well, where they are.
    """
    corpora = {"simulate": _simulated()} | (_public(data) if data else {})
    with TemporaryDirectory(prefix="beejan-bench-") as folder:
        context = build_context(load_settings(data_dir=folder), _NoEmbedder())
    rates, shares = {}, {}
    for name, envelopes in corpora.items():
        rates[name], shares[name] = _turns(envelopes, context)
    return {
        "ours_per_s": min(rates.values()), "goal_per_s": 600, "by_corpus_per_s": rates,
        "ms_per_1000_by_stage": shares, "peer": None, "texts": {n: len(e) for n, e in corpora.items()},
    }  # fmt: skip


def _turns(envelopes: list[Envelope], context: Context) -> tuple[int, dict[str, int]]:
    tables = [
        to_table([(e.event_id, e, n) for n, e in enumerate(envelopes[start : start + _BATCH_ROWS])])
        for start in range(0, len(envelopes), _BATCH_ROWS)
    ]
    pipeline.clean(tables[0], context)
    best, taken = float("inf"), dict[str, float]()
    for _ in range(_TURNS):
        spent: dict[str, float] = defaultdict(float)
        for table in tables:
            for stage in pipeline.CLEANING:
                started = time.perf_counter()
                table = run(table, (stage,), context)
                spent[stage.name] += time.perf_counter() - started
        if (total := sum(spent.values())) < best:
            best, taken = total, spent
    scale = 1e6 / len(envelopes)
    return round(len(envelopes) / best), {name: round(s * scale) for name, s in taken.items()}


def _simulated() -> list[Envelope]:
    from engine.simulate.generate import generate

    start, end = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
    return [
        Envelope(c.channel, c.source, c.source_key, json.dumps(c.fields).encode(), "application/json", c.occurred_at)
        for c in generate(_ROWS, seed=1, start=start, end=end)
    ]


def _public(data: Path) -> dict[str, list[Envelope]]:
    found = {}
    comcast, tweets = data / "comcast" / "complaints.csv", data / "airline_tweets" / "tweets.csv.gz"
    if comcast.exists():
        with comcast.open(encoding="utf-8", newline="") as file:
            found["comcast"] = [_plain(n, row["Customer Complaint"]) for n, row in enumerate(csv.DictReader(file))]
    if tweets.exists():
        with gzip.open(tweets, "rt", encoding="utf-8", newline="") as file:
            found["airline_tweets"] = [_plain(n, row["text"]) for n, row in enumerate(csv.DictReader(file))][:_ROWS]
    return found


def _plain(number: int, text: str) -> Envelope:
    body = json.dumps({"text": text}).encode()
    return Envelope("file", "bench", str(number), body, "application/json", datetime(2026, 1, 5, tzinfo=UTC))


class _NoEmbedder:
    """Stands where a context wants one: the taxonomy's phrases get vectors of zeros, and nothing else is embedded."""

    name, revision, dimensions = "none", "0", 384

    def encode(self, texts: Any) -> NDArray[np.float32]:
        return np.zeros((len(texts), self.dimensions), np.float32)

    def windows(self, texts: Any) -> list[int]:
        return [1] * len(texts)
