"""The surge watcher as a process, with the reconciler and quality beside it: `python -m engine.surge.main DATA_DIR`.

Each interval it judges the volumes and, where something changed, tells the alert stream and then stores
the incident. A crash between the two tells again with the same message id, which JetStream drops.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import BeejanError, Transient
from connectors.lance import open_reader
from connectors.nats import connect, publish_retrying
from engine.cluster.tell import keep as keep_clusters
from engine.quality.keep import keep as keep_quality
from engine.reconcile.keep import keep
from engine.report.keep import keep as keep_reports
from engine.run import actors, runtime
from engine.saved.keep import keep as keep_saved
from engine.schedule.keep import keep as keep_schedule
from engine.settings import Settings
from engine.store import filters, volumes
from engine.surge import evidence
from engine.surge.acts import remembered
from engine.surge.incidents import Incident, in_maintenance, reconcile
from engine.surge.judge import HISTORY, Grid, grid, judge, recent
from engine.tables import INCIDENTS

log = logging.getLogger("beejan.surge")

#: How far back empty buckets are written down as zeros after a start.
_ZEROS_BACK = timedelta(hours=2)


class Watcher:
    """Judges volumes whenever they, or the time, have moved on.

    Args:
        settings: resolved settings.
        js: JetStream context for the alert stream.
    """

    def __init__(self, settings: Settings, js: Any) -> None:
        self._settings, self._js = settings, js
        self._seen: tuple[int, datetime] | None = None
        self._zeroed: datetime | None = None
        zone, options = f"{settings.zones_uri.rstrip('/')}/serving", settings.storage_options
        self._volumes = open_reader(zone, "volumes", options)
        self._incidents = open_reader(zone, "incidents", options)
        self._complaints = open_reader(zone, "complaints", options)

    async def step(self, now: datetime) -> int:
        """Judge once; returns the number of alerts told."""
        # Taken before reading: what is committed while we judge is judged the next time.
        moment = await asyncio.to_thread(self._moment, now)
        if moment == self._seen:
            return 0
        counts = await asyncio.to_thread(self._read, now)
        if counts is None:
            return 0
        changes = await asyncio.to_thread(self._judge, counts, now)
        told = 0
        for row, event_id in changes:
            if event_id is not None:
                await self._tell(row, event_id)
                told += 1
        if changes:
            rows = pa.Table.from_pylist([row for row, _ in changes], INCIDENTS.schema)
            await asyncio.to_thread(actors.writer_call, "put_incidents", rows)
        await asyncio.to_thread(self._put_zeros, counts)
        self._seen = moment
        return told

    def _moment(self, now: datetime) -> tuple[int, datetime]:
        step, late = self._settings.surge.bucket_s, self._settings.surge.lateness_s
        complete = datetime.fromtimestamp((now.timestamp() - late) // step * step, UTC)
        return int(self._volumes.version), complete

    def _read(self, now: datetime) -> Grid | None:
        condition = f"bucket >= {filters.moment(now - HISTORY - timedelta(days=1))}"
        query = self._volumes.search().where(condition).select(["segment", "bucket", "count"])
        return grid(query.limit(2**31 - 1).to_arrow(), now, self._settings.surge)

    def _judge(self, counts: Grid, now: datetime) -> list[tuple[dict[str, Any], str | None]]:
        """Rows that changed, each with the id of the event that tells it, if one does."""
        found = judge(counts, self._settings.surge)
        stored = {row["incident_id"]: row for row in self._incidents.search().limit(100_000).to_list()}
        live = [row for row in stored.values() if row["started_at"] >= counts.first]
        changes = []
        windows = self._settings.surge.maintenance
        for judged in reconcile(found, recent(found, counts, now, self._settings.surge), counts, live):
            before = stored.get(judged.incident_id)
            quiet = in_maintenance(judged.segment, windows, now)
            # One that was told before the window is told on after it; one that began in it is told then as new.
            unheard = before is None or bool(before["muted"])
            incident = replace(judged, muted=quiet and unheard)
            telling = incident.alerts(before) and not quiet
            if incident.changed(before):
                late_s = self._settings.surge.bucket_s + self._settings.surge.lateness_s
                proof = evidence.collect(self._complaints, incident, counts, found, stored.values(), late_s)
                proof["interval"] = evidence.interval(incident, counts, found)
                changes.append((_row(incident, proof, before, now), incident.event_id if telling else None))
        return changes

    async def _tell(self, row: dict[str, Any], event_id: str) -> None:
        event = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}
        event["event_id"], event["evidence"] = event_id, json.loads(row["evidence"])
        event["history"] = json.loads(row["history"] or "[]")
        token = row["segment"].split("=", 1)[0]
        await publish_retrying(
            self._js,
            f"alerts.{token}",
            json.dumps(event, ensure_ascii=False).encode(),
            event_id,
        )
        log.info("alert %s %s %s", row["incident_id"], row["state"], row["severity"])

    def _put_zeros(self, counts: Grid) -> None:
        last = counts.time(len(counts.counts) - 1)
        since = max(self._zeroed or last - _ZEROS_BACK, counts.first)
        buckets = [b for t in range(len(counts.counts)) if (b := counts.time(t)) > since]
        if not buckets:
            return
        self._zeroed = last
        missing = volumes.zeros(counts.segments, buckets)
        actors.writer_call("put_zero_volumes", missing)


def _row(incident: Incident, proof: dict[str, Any], before: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    low, high = proof.pop("interval")
    same = before is not None and before["state"] == incident.state
    return {
        "incident_id": incident.incident_id,
        "segment": incident.segment,
        "state": incident.state,
        "severity": incident.severity,
        "started_at": incident.started_at,
        "detected_at": incident.detected_at,
        "ended_at": incident.ended_at,
        "observed": incident.observed,
        "expected": incident.expected,
        "interval_low": low,
        "interval_high": high,
        "related": list(incident.related),
        "evidence": json.dumps(proof, ensure_ascii=False),
        "acknowledged_by": before["acknowledged_by"] if before else None,
        "acknowledged_at": before["acknowledged_at"] if before else None,
        "updated_at": now,
        "acted_at": before["acted_at"] if before else None,
        "reason": before["reason"] if before else None,
        "regressions": incident.regressions,
        "muted": incident.muted,
        "history": (before or {}).get("history") if same else remembered(before, incident.state, now),
    }


async def run(data_dir: Path) -> None:
    """Watch until SIGTERM."""
    runtime.steady_heap()
    settings, addresses = runtime.load(data_dir)
    connection = await connect(addresses.nats.role("alerter"), "beejan-surge")
    await asyncio.to_thread(runtime.connect_ray, addresses)
    stopping = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stopping.set)
    # It opens messages of the intake stream, which no role but the operator may.
    operator = await connect(addresses.nats, "beejan-reconcile")
    beside = (keep, keep_quality, keep_saved, keep_reports, keep_clusters, keep_schedule)
    keepers = [asyncio.create_task(one(settings, operator.jetstream(), stopping)) for one in beside]
    watcher = await _open(settings, connection.jetstream(), stopping)
    while watcher is not None and not stopping.is_set():
        try:
            await watcher.step(datetime.now(UTC))
        except Transient as error:
            log.warning("judging is put off: %s", error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), settings.surge.interval_s)
    await asyncio.gather(*keepers)
    await operator.close()
    await connection.close()


async def _open(settings: Settings, js: Any, stopping: asyncio.Event) -> Watcher | None:
    """The watcher, once the tables are there."""
    while not stopping.is_set():
        try:
            return await asyncio.to_thread(Watcher, settings, js)
        except BeejanError:
            await asyncio.sleep(0.5)
    return None


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(run(parser.parse_args().data_dir))


if __name__ == "__main__":
    main()
