"""Quality: the rules of rows, the counting of the watcher, and a look at five channels with eight weeks behind them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.processing.spelling import texts_of
from engine.intake.envelope import CHANNELS
from engine.quality.hours import COLUMNS, HISTORY_H, HOUR_S, Hour, Past, count
from engine.quality.judge import judge
from engine.quality.rules import load_rules
from engine.settings import load_settings
from engine.stages import quality
from engine.tables import STRINGS, TIME

_TURNS = 7
_NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_TYPES = {
    "occurred_at": TIME, "received_at": TIME, "contract_flags": STRINGS, "quality_flags": STRINGS,
    "language_confidence": pa.float32(),
}  # fmt: skip


def speed(data: Path | None) -> dict[str, Any]:
    """Complaints a second on one core through both stages of quality; there is no peer with the same rules.

    Args:
        data: takes texts from here; without it they are simulated.
    """
    texts = texts_of(data)
    rules = load_rules(load_settings())
    rows = _rows(texts, [*quality.READS, "raw_text"])
    counted = _rows(texts, [*COLUMNS])
    past = _past()
    now = (int(_NOW.timestamp()) // HOUR_S) * HOUR_S
    stages = _best(lambda: quality.note(rows["raw_text"]) and quality.judge(rows, rules.rows))
    return {
        "ours_per_s": round(len(texts) / stages), "peer": None, "texts": len(texts),
        "stages_ms_per_1000": round(stages / len(texts) * 1e6, 2),
        "count_ms_per_1000": round(_best(lambda: list(count(counted, 172_800))) / len(texts) * 1e6, 2),
        "look_ms": round(1e3 * _best(lambda: list(judge(rules.batches, past, now, 0.0, now // HOUR_S - 1))), 1),
    }  # fmt: skip


def _rows(texts: list[str], names: list[str]) -> pa.Table:
    """A third has no customer, and its flag; times vary by minutes."""
    times = [_NOW - timedelta(minutes=n % 90) for n in range(len(texts))]
    values: dict[str, list[Any]] = {
        "text": texts, "raw_text": texts, "occurred_at": times, "received_at": [_NOW] * len(texts),
        "customer_id": [f"c{n}" if n % 3 else None for n in range(len(texts))],
        "contract_flags": [[]] * len(texts), "language_confidence": [0.9] * len(texts),
        "quality_flags": [[] if n % 3 else ["no_customer"] for n in range(len(texts))],
        "channel": [CHANNELS[n % 5] for n in range(len(texts))],
    }  # fmt: skip
    return pa.table({n: pa.array(values.get(n, ["x"] * len(texts)), _TYPES.get(n, pa.string())) for n in names})


def _past() -> Past:
    last = int(_NOW.timestamp()) // HOUR_S
    mix = {"eng": 60, "pcm": 30, "hau": 10}
    return Past(
        Hour(
            channel, hour, True, 100, 100, 1, hour * HOUR_S, hour * HOUR_S,
            Counter(customer_id=67), Counter(no_customer=33), Counter(mix), Counter(network=70, billing=30),
        )
        for channel in CHANNELS for hour in range(last - HISTORY_H, last)
    )  # fmt: skip


def _best(work: Callable[[], object]) -> float:
    """The least of several turns, s."""
    seconds = []
    for _ in range(_TURNS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
