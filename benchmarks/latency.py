"""From publishing a complaint to finding it by search, at a steady rate."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.machine import machine, tree_bytes
from connectors.errors import Terminal


def run(rate_per_s: float = 20.0, seconds: float = 300.0) -> dict[str, Any]:
    """Publish at `rate_per_s` to an own engine and search for each tenth complaint by its own words.

    A complaint counts as found when a search with its channel and text returns its event id; the search
    is asked again every 50 ms, and its own time is part of the latency.

    Returns:
        p50, p95 and largest latency in s; memory of the process tree by minute in MB.
    """
    with tempfile.TemporaryDirectory(prefix="beejan-bench-") as folder:
        engine = _Engine(Path(folder))
        try:
            return _measure(engine, rate_per_s, seconds)
        finally:
            engine.close()


class _Engine:
    """A `beejan up` of our own."""

    def __init__(self, folder: Path) -> None:
        import subprocess
        import sys

        self.folder = folder
        command = [sys.executable, "-m", "engine.cli", "up", "--data-dir", str(folder), "--port", "0"]
        with (folder / "bench.log").open("ab") as log:
            # What is measured is the full model, and an intake that is not slowed.
            environment = os.environ | {"BEEJAN_OVERLOAD__LADDER": "{}"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        while not (folder / "engine.json").exists():
            if self.process.poll() is not None:
                raise Terminal((folder / "bench.log").read_text()[-2000:])
            time.sleep(0.1)
        values = json.loads((folder / "engine.json").read_text())
        self.url, self.headers = values["url"], {"Authorization": f"Bearer {values['admin_key']}"}

    def bytes(self) -> int:
        """Memory of all its processes."""
        return tree_bytes(self.process.pid)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(90)


def _measure(engine: _Engine, rate_per_s: float, seconds: float) -> dict[str, Any]:
    from engine.simulate.generate import stream

    source = stream(seed=3, clock=lambda: datetime.now(UTC))
    found: list[float] = []
    lost: list[str] = []
    memory: list[tuple[float, int]] = []
    threads: list[threading.Thread] = []
    total = int(rate_per_s * seconds)
    with httpx.Client(base_url=engine.url, headers=engine.headers, timeout=30) as client:
        begun = time.perf_counter()
        for number in range(total):
            time.sleep(max(0.0, begun + number / rate_per_s - time.perf_counter()))
            complaint = next(source)
            body = complaint.fields | {"channel": complaint.channel, "source": complaint.source}
            published = time.perf_counter()
            key = client.post("/v1/complaints", json=body).raise_for_status().json()["event_ids"][0]
            if number % 10 == 0:
                text = complaint.fields["text"]
                thread = threading.Thread(target=_find, args=(engine, text, key, published, found, lost))
                thread.start()
                threads.append(thread)
            if number % int(rate_per_s * 15) == 0:
                memory.append((round(time.perf_counter() - begun), engine.bytes()))
        for thread in threads:
            thread.join()
        memory.append((round(time.perf_counter() - begun), engine.bytes()))
    p50, p95 = (round(float(np.percentile(found, q)), 3) for q in (50, 95))
    after = [size for at, size in memory if at >= 60]
    return {
        "benchmark": "latency", "rate_per_s": rate_per_s, "seconds": seconds, "published": total,
        "measured": len(found), "lost": len(lost), "p50_s": p50, "p95_s": p95, "max_s": round(max(found), 3),
        "memory_mb": [(at, size >> 20) for at, size in memory],
        "memory_growth_after_first_minute_mb": (after[-1] - after[0]) >> 20 if after else None,
        "data": "beejan simulate, seed 3", "machine": machine(),
    }  # fmt: skip


def _find(engine: _Engine, text: str, key: str, published: float, found: list[float], lost: list[str]) -> None:
    with httpx.Client(base_url=engine.url, headers=engine.headers, timeout=30) as client:
        while time.perf_counter() - published < 60:
            hits = client.get("/v1/search", params={"q": text[:1500], "limit": 100}).raise_for_status().json()["hits"]
            if any(hit["event_id"] == key for hit in hits):
                found.append(time.perf_counter() - published)
                return
            time.sleep(0.05)
    lost.append(key)
