"""The demo's replay: simulated complaints through the API until the outage is alerted."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.errors import BeejanError
from engine.cli.client import Client
from engine.cli.output import progress
from engine.intake.accept import envelope
from engine.intake.ingest import send, wait
from engine.simulate.generate import Simulated, demo

QUERY = "no network since this morning"

#: A demo begun again within this time goes on with the same outage.
_SAME_OUTAGE = timedelta(hours=2)

_ALERT_LIMIT_S = 120.0


class NoAlert(BeejanError):
    """The planted outage was not alerted."""


def replay_demo(client: Client, folder: Path, *, quiet: bool) -> dict[str, Any]:
    """Send what the folder does not have yet, wait for the alert, and search.

    Raises:
        NoAlert: the outage is not alerted within two minutes.
    """
    now = datetime.now(UTC)
    complaints = _missing(demo(now), folder, now)
    started = time.monotonic()
    with progress(len(complaints), "sending", quiet=quiet) as tell:
        report = send(client, [to_envelope(c, now) for c in complaints], tell)
    with progress(len(report.pending), "processing", quiet=quiet) as tell:
        wait(client, report, 600, tell)
    (folder / "demo.json").write_text(json.dumps({"until": now.isoformat()}))
    ingest_seconds = round(time.monotonic() - started, 1)
    alert = _alert(client)
    found = client.get("/v1/search", q=QUERY, limit=5)
    hits = [{k: hit[k] for k in ("event_id", "score", "priority", "category", "text")} for hit in found["hits"]]
    return {
        "sent": report.read, "stored": report.stored, "dead_lettered": report.dead_lettered,
        "duplicates": report.duplicates, "ingest_seconds": ingest_seconds,
        "alert": {k: alert[k] for k in ("incident_id", "segment", "severity", "observed", "expected", "started_at")},
        "query": QUERY, "search_seconds": found["seconds"], "hits": hits,
    }  # fmt: skip


def to_envelope(complaint: Simulated, now: datetime) -> Any:
    """A simulated complaint as a connector would send it."""
    record = complaint.fields | {"source_key": complaint.source_key}
    return envelope(record, now, channel=complaint.channel, source=complaint.source)


def _missing(complaints: Sequence[Simulated], folder: Path, now: datetime) -> list[Simulated]:
    """All of them on a new folder; else those since the last demo, and a new outage if the old one is past."""
    path = folder / "demo.json"
    if not path.exists():
        return list(complaints)
    until = datetime.fromisoformat(json.loads(path.read_text())["until"])
    fresh = now - until > _SAME_OUTAGE
    return [c for c in complaints if c.occurred_at > until or (fresh and c.truth.outage)]


def _alert(client: Client) -> dict[str, Any]:
    deadline = time.monotonic() + _ALERT_LIMIT_S
    while time.monotonic() < deadline:
        for row in client.get("/v1/alerts")["alerts"]:
            about = f"{row['segment']} {' '.join(row['related'])}"
            if "region=Lagos" in about and "network" in about:
                alert: dict[str, Any] = row
                return alert
        time.sleep(0.25)
    raise NoAlert(f"the planted outage was not alerted within {_ALERT_LIMIT_S:.0f} s; see `beejan alerts list`")
