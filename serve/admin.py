"""Endpoints for those who run the engine: dead letters, API keys and status."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.curate.main import CONSUMER
from engine.govern.api_keys import key_hash, new_key
from engine.intake.publish import publish_all
from engine.intake.retry import again
from engine.store import filters
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, call, lookup, plain

router = APIRouter(prefix="/v1", tags=["operations"])

_KEEPERS = ("ops", "steward")


@router.get("/dead-letters", dependencies=[Depends(require(*_KEEPERS))])
async def get_dead_letters(
    request: Request,
    reason: str | None = None,
    source: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """Records that could not be processed and still are not stored, the newest first, without payloads."""
    rows = await unresolved(services(request), reason=reason, source=source)
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    return {"dead_letters": [plain(row) for row in rows[:limit]], "total": len(rows), "by_reason": reasons}


class Retry(BaseModel):
    """Which dead letters to try again: by event id, by reason, or `all`."""

    model_config = ConfigDict(extra="forbid")
    event_ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]] = Field(default_factory=list, max_length=1000)
    reason: str | None = None
    all: bool = False


@router.post("/dead-letters/retry", status_code=202, dependencies=[Depends(require(*_KEEPERS))])
async def retry_dead_letters(request: Request, which: Retry) -> dict[str, Any]:
    """Send dead letters through the stream again; their payloads are read from raw."""
    if not (which.event_ids or which.reason or which.all):
        raise Problem(422, "nothing chosen; give event_ids, a reason, or all: true")
    served = services(request)
    rows = await unresolved(served, reason=which.reason)
    if which.event_ids:
        rows = [row for row in rows if any(row["event_id"].startswith(i) for i in which.event_ids)]
    attempts: dict[str, int] = {}
    for row in rows:
        attempts[row["event_id"]] = max(attempts.get(row["event_id"], 0), row["attempt"])
    envelopes = await asyncio.to_thread(_envelopes, served, attempts)
    await publish_all(served.js, envelopes)
    return {"retried": len(envelopes), "event_ids": [e.event_id for e in envelopes]}


async def unresolved(served: Services, *, reason: str | None = None, source: str | None = None) -> list[dict[str, Any]]:
    """The newest dead letter of each record that is not stored by now."""
    rows = await asyncio.to_thread(_dead, served.dead, {"reason": reason, "source": source})
    newest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda r: r["attempt"]):
        newest[row["event_id"]] = row
    states = await lookup(list(newest)) if newest else []
    left = [row for row, state in zip(newest.values(), states, strict=True) if state != "stored"]
    return sorted(left, key=lambda r: r["failed_at"], reverse=True)


def _dead(table: Any, equals: dict[str, str | None]) -> list[dict[str, Any]]:
    parts = [f"{name} = {filters.text(value)}" for name, value in equals.items() if value]
    query = table.search().limit(1_000_000)
    rows: list[dict[str, Any]] = (query.where(" AND ".join(parts)) if parts else query).to_list()
    return rows


def _envelopes(served: Services, attempts: dict[str, int]) -> list[Any]:
    ids = list(attempts)
    found = []
    for start in range(0, len(ids), 500):
        listed = ", ".join(filters.text(i) for i in ids[start : start + 500])
        found += served.raw.search().where(f"event_id IN ({listed})").limit(500).to_list()
    return [again(row, attempts[row["event_id"]] + 1, served.keys.data) for row in found]


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=80)
    role: Literal["intake", "analyst", "ml", "ops", "steward", "admin"]


@router.get("/keys", dependencies=[Depends(require())])
async def get_keys(request: Request) -> dict[str, Any]:
    """All keys, without their secrets."""
    rows = await asyncio.to_thread(services(request).keyring.rows)
    ordered = sorted(rows.values(), key=lambda r: r["created_at"])
    return {"keys": [{k: v for k, v in plain(row).items() if k != "key_hash"} for row in ordered]}


@router.post("/keys", status_code=201, dependencies=[Depends(require())])
async def post_key(wanted: NewKey) -> dict[str, str]:
    """Make a key; it is shown this once."""
    key_id, key = new_key()
    row = {"key_id": key_id, "name": wanted.name, "role": wanted.role, "key_hash": key_hash(key)}
    await call("put_key", row | {"created_at": datetime.now(UTC), "revoked_at": None})
    return {"key_id": key_id, "name": wanted.name, "role": wanted.role, "key": key}


@router.delete("/keys/{key_id}", dependencies=[Depends(require())])
async def delete_key(request: Request, key_id: str) -> dict[str, str]:
    """Revoke a key, at once."""
    rows = await asyncio.to_thread(services(request).keyring.rows)
    if key_id not in rows:
        raise Problem(404, f"key {key_id[:40]!r}: not found; see GET /v1/keys")
    if not rows[key_id]["revoked_at"]:
        await call("put_key", rows[key_id] | {"revoked_at": datetime.now(UTC)})
    return {"key_id": key_id, "state": "revoked"}


@router.get("/status", dependencies=[Depends(require("ops", "analyst", "ml", "steward", "intake"))])
async def get_status(request: Request) -> dict[str, Any]:
    """Rows stored, what waits in the stream, what is in flight."""
    served = services(request)
    return {"writer": await call("status"), "stream": await stream_state(served)}


async def stream_state(served: Services) -> dict[str, Any]:
    """Messages in the stream, waiting, and delivered but not acknowledged."""
    name = served.settings.nats.stream
    stream = (await served.js.stream_info(name)).state
    consumer = await served.js.consumer_info(name, CONSUMER)
    return {
        "messages": stream.messages,
        "bytes": stream.bytes,
        "last_seq": stream.last_seq,
        "waiting": consumer.num_pending,
        "in_flight": consumer.num_ack_pending,
    }
