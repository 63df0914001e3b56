"""Memory over many micro-batches at full speed: the stream's own driver, writer and actors."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.latency import _Engine
from benchmarks.machine import machine


def run(batches: int = 20_000, limit_s: float = 6 * 3600.0) -> dict[str, Any]:
    """Keep an own engine's stream busy with micro-batches of one to a few rows, and watch its memory.

    The engine runs with `intake.linger_s: 0` and `intake.max_batch_rows: 4`, so that micro-batches are
    small and as many as can be; complaints repeat a few texts, so that embedding is no bottleneck.

    Returns:
        micro-batches done, commits, memory of the tree over time in MB, and the growth.
    """
    import os

    os.environ |= {"BEEJAN_INTAKE__LINGER_S": "0", "BEEJAN_INTAKE__MAX_BATCH_ROWS": "2"}
    with tempfile.TemporaryDirectory(prefix="beejan-soak-") as folder:
        engine = _Engine(Path(folder))
        try:
            return _measure(engine, batches, limit_s)
        finally:
            engine.close()


def _measure(engine: _Engine, batches: int, limit_s: float) -> dict[str, Any]:
    import httpx

    begun, sent = time.monotonic(), 0
    memory: list[tuple[int, int, int]] = []
    with httpx.Client(base_url=engine.url, headers=engine.headers, timeout=60) as client:
        while time.monotonic() - begun < limit_s:
            status = client.get("/v1/status").raise_for_status().json()
            done = status["writer"]["since_start"]["commits"]
            if status["stream"]["waiting"] < 500:
                records = [{"id": str(sent + n), "text": f"no network in area {n % 50}"} for n in range(500)]
                client.post("/v1/complaints", json=records).raise_for_status()
                sent += len(records)
            if not memory or done - memory[-1][1] >= max(100, batches // 100):
                memory.append((round(time.monotonic() - begun), done, engine.bytes() >> 20))
            if done >= batches:
                break
            time.sleep(0.5)
    start = next((size for _, done, size in memory if done >= 100), memory[0][2])
    return {
        "benchmark": "soak", "micro_batches": memory[-1][1], "rows": sent, "seconds": round(time.monotonic() - begun),
        "start_mb": start, "most_mb": max(size for *_, size in memory), "end_mb": memory[-1][2],
        "growth_mb": memory[-1][2] - start, "most_growth_mb": max(size for *_, size in memory) - start,
        "memory": memory, "machine": machine(),
    }  # fmt: skip
