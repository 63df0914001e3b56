"""Endpoints for those who run the engine: API keys and status."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from connectors.nats import advisories
from engine.curate.complete import DEGRADED
from engine.curate.main import ADVISORIES, CONSUMER
from engine.govern.api_keys import key_hash, new_key
from engine.intake import slow
from engine.reconcile import watch
from engine.reembed.job import progress
from serve import models, quality
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, call, plain

router = APIRouter(prefix="/v1", tags=["operations"])


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
    """Rows stored, what waits in the stream and is in flight, what is shed under load, what is missing, and quality."""
    served = services(request)
    integrity = await asyncio.to_thread(watch.load, served.settings.data_dir)
    told = await advisories(served.reads, ADVISORIES, served.settings.nats.stream)
    stream = await stream_state(served) | {"advisories": told}
    return {
        "writer": await call("status"),
        "stream": stream,
        "overload": await overload_state(served),
        "integrity": integrity,
        "quality": await asyncio.to_thread(quality.standing, served),
        "models": await asyncio.to_thread(models.state, served),
        "embedding": await asyncio.to_thread(progress, served.settings, served.complaints),
    }


async def overload_state(served: Services) -> dict[str, Any]:
    """What is shed, how far the stream is behind, and the complaints that are still degraded."""
    degraded = await asyncio.to_thread(served.complaints.count_rows, DEGRADED)
    return slow.read(served.settings.data_dir).public() | {"degraded": degraded}


async def stream_state(served: Services) -> dict[str, Any]:
    """Messages in the stream, waiting, and delivered but not acknowledged."""
    name = served.settings.nats.stream
    stream = (await served.reads.stream_info(name)).state
    consumer = await served.reads.consumer_info(name, CONSUMER)
    return {
        "messages": stream.messages,
        "bytes": stream.bytes,
        "last_seq": stream.last_seq,
        "waiting": consumer.num_pending,
        "in_flight": consumer.num_ack_pending,
    }
