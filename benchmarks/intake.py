"""Complaints a second durably accepted: from a csv, over HTTP, and nats-py publishing one by one, in one run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.latency import _Engine
from benchmarks.machine import machine

#: Complaints published one by one, and records of an HTTP request.
_SINGLES, _REQUEST = 3000, 500


def run(rows: int = 200_000, http_rows: int = 20_000) -> dict[str, Any]:
    """Measure on an own engine, whose stream works on what comes in meanwhile.

    Args:
        rows: complaints of the csv; simulated ones repeated under keys of their own.
        http_rows: complaints sent as lists to POST /v1/complaints.

    Returns:
        complaints/s of each way, their ratios to one by one, and the peak memory of the reading process, MB.
    """
    with tempfile.TemporaryDirectory(prefix="beejan-intake-") as folder:
        engine = _Engine(Path(folder))
        try:
            singles = asyncio.run(_one_by_one(Path(folder)))
            http = _over_http(engine, http_rows)
            path = Path(folder) / "complaints.csv"
            _write(path, rows)
            report, peak_mb = _ingest(engine, path)
        finally:
            engine.close()
    files = report["accepted"] / report["seconds"]
    return {
        "benchmark": "intake", "rows": rows, "accepted": report["accepted"], "seconds": report["seconds"],
        "files_per_s": round(files), "http_per_s": round(http), "one_by_one_per_s": round(singles),
        "files_ratio": round(files / singles, 2), "http_ratio": round(http / singles, 2),
        "reader_peak_mb": round(peak_mb), "data": "beejan simulate, seed 1, repeated", "machine": machine(),
    }  # fmt: skip


def _complaints(rows: int) -> list[dict[str, str]]:
    from engine.simulate.generate import generate

    start, end = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
    base = [c.fields for c in generate(min(rows, 5000), seed=1, start=start, end=end)]
    return [base[n % len(base)] | {"id": f"bench-{n}"} for n in range(rows)]


def _write(path: Path, rows: int) -> None:
    import csv

    columns = ["id", "occurred_at", "customer_id", "account", "region", "product", "text"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(_complaints(rows))


async def _one_by_one(folder: Path) -> float:
    from connectors.nats import connect, publish
    from engine.intake.envelope import Envelope
    from engine.run import runtime

    _, addresses = runtime.load(folder)
    now = datetime.now(UTC)
    envelopes = [
        Envelope("file", "singles", str(n), json.dumps(c).encode(), "application/json", now)
        for n, c in enumerate(_complaints(_SINGLES))
    ]
    connection = await connect(addresses.nats.role("publisher"), "bench")
    js, started = connection.jetstream(), time.perf_counter()
    for one in envelopes:
        await publish(js, one.subject, one.to_bytes(), one.message_id)
    rate = _SINGLES / (time.perf_counter() - started)
    await connection.close()
    return rate


def _over_http(engine: _Engine, rows: int) -> float:
    import httpx

    records = [c | {"id": f"http-{n}"} for n, c in enumerate(_complaints(rows))]
    bodies = [json.dumps(records[start : start + _REQUEST]).encode() for start in range(0, rows, _REQUEST)]
    with httpx.Client(base_url=engine.url, headers=engine.headers, timeout=120) as client:
        started = time.perf_counter()
        for body in bodies:
            client.post("/v1/complaints", content=body).raise_for_status()
        return rows / (time.perf_counter() - started)


def _ingest(engine: _Engine, path: Path) -> tuple[dict[str, Any], float]:
    """The report of `beejan ingest` and its process's peak memory, MB."""
    command = [sys.executable, "-m", "engine.cli", "ingest", str(path), "--data-dir", str(engine.folder), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"beejan ingest ended with {status}: {answer[-300:]!r}")
    report: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return report, usage.ru_maxrss / 1024
