"""The alert feed: incidents as a list, and as server-sent events with replay."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from connectors.nats import follow
from engine.cluster.keep import reader as clusters_reader
from engine.cluster.tell import TYPE as EMERGING
from engine.cluster.tell import alerts_of
from engine.store import filters
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, plain

router = APIRouter(prefix="/v1", tags=["alerts"])

#: A comment is sent this often, so that proxies keep the connection, s.
_HEARTBEAT_S = 15.0

#: Roles that may read them.
READERS = ("ops", "analyst", "ml", "steward")


@router.get("/alerts", dependencies=[Depends(require(*READERS))])
async def get_alerts(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    state: Annotated[list[str], Query()] = [],  # noqa: B006
) -> dict[str, Any]:
    """Incidents and clusters that emerged, the newest first."""
    rows = await asyncio.to_thread(incidents, services(request).incidents)
    rows += await asyncio.to_thread(emerged, services(request))
    rows.sort(key=lambda row: row["detected_at"], reverse=True)
    chosen = [row for row in rows if not state or row["state"] in state]
    return {"alerts": chosen[:limit], "total": len(chosen)}


@router.get("/incidents/{incident_id}", dependencies=[Depends(require(*READERS))])
async def get_incident(request: Request, incident_id: str) -> dict[str, Any]:
    """One incident with its evidence."""
    row = await asyncio.to_thread(incident, services(request).incidents, incident_id)
    if row is None:
        raise Problem(404, f"incident {incident_id[:40]!r}: not found; see /v1/alerts")
    return row


@router.get("/alerts/stream", dependencies=[Depends(require(*READERS))])
async def stream_alerts(request: Request, last_event_id: int | None = None) -> StreamingResponse:
    """Alerts as they are raised: server-sent events named `alert`, `integrity` for records that are missing,
    `quality` for a rule that a channel breaks, or `emerging_cluster` for one that grows faster than the rest.

    `Last-Event-ID` (or `?last_event_id=`) replays what came after it; without either it starts now.
    """
    given = request.headers.get("last-event-id")
    if given is not None and not given.isdigit():
        raise Problem(422, "Last-Event-ID: expected a number, the id of an event received before")
    after = int(given) if given is not None else (last_event_id if last_event_id is not None else -1)
    return StreamingResponse(
        _events(services(request).reads, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(js: Any, after: int) -> AsyncIterator[str]:
    queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    async def read() -> None:
        async for item in follow(js, "alerts.>", after):
            await queue.put(item)

    reader = asyncio.create_task(read())
    try:
        yield ": connected\n\nretry: 2000\n\n"
        while not reader.done():
            try:
                sequence, data = await asyncio.wait_for(queue.get(), _HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            told = json.loads(data).get("type")
            kind = told if told in ("integrity", "quality", EMERGING) else "alert"
            yield f"id: {sequence}\nevent: {kind}\ndata: {data.decode()}\n\n"
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await reader


def incidents(table: Any) -> list[dict[str, Any]]:
    """All incidents for JSON, the newest first."""
    rows = table.search().limit(100_000).to_list()
    return [shown_incident(row) for row in sorted(rows, key=lambda r: r["detected_at"], reverse=True)]


def emerged(served: Services) -> list[dict[str, Any]]:
    """Clusters that emerged, as alerts; their ids are `cluster_` and the cluster's."""
    return alerts_of(clusters_reader(served.settings).search().limit(2**31 - 1).to_list())


def incident(table: Any, incident_id: str) -> dict[str, Any] | None:
    """One incident for JSON."""
    rows = table.search().where(f"incident_id = {filters.text(incident_id)}").limit(1).to_list()
    return shown_incident(rows[0]) if rows else None


def shown_incident(row: dict[str, Any]) -> dict[str, Any]:
    """A row of serving.incidents for JSON."""
    return plain(row) | {
        name: json.loads(row[name] or empty) for name, empty in (("evidence", "{}"), ("history", "[]"))
    }
