"""Endpoints that take complaints in and tell what became of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.intake import slow
from engine.intake.accept import envelope, problems
from engine.intake.envelope import BadEnvelope, Envelope
from engine.intake.publish import publish_all
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, lookup

router = APIRouter(prefix="/v1", tags=["intake"])

#: Records of one request.
MOST = 1000


@router.post("/complaints", status_code=202, dependencies=[Depends(require("intake"))])
async def post_complaints(request: Request) -> dict[str, Any]:
    """Take one complaint, or up to 1,000 as a list.

    Answers once JetStream has stored all of them durably. A record needs `text`; `id`, `occurred_at`,
    `channel`, `source`, `customer_id`, `phone`, `email`, `account`, `region` and `product` are known, and
    others are kept. With an `id`, or an `Idempotency-Key` header, sending again is safe: `duplicates` counts the
    records of a request that came a second time as it was; one that comes again among others is `accepted`, and stored
    once all the same.
    """
    served = services(request)
    records = _records(_parsed(await read_body(request, served.settings.nats.max_payload_bytes)))
    wrong = [
        {"record": index, "field": name, "message": message}
        for index, record in enumerate(records)
        for name, message in problems(record)
    ]
    if wrong:
        first = wrong[0]
        raise Problem(
            422,
            f"{len(wrong)} problems, nothing was taken; record {first['record']}, field {first['field'] or '-'}: "
            f"{first['message']}",
            errors=wrong[:100],
        )
    now, base = datetime.now(UTC), request.headers.get("idempotency-key")
    envelopes = [envelope(record, now, key=f"{base}:{index}" if base else None) for index, record in enumerate(records)]
    return await publish(served, envelopes)


@router.post("/envelopes", status_code=202, dependencies=[Depends(require("intake"))])
async def post_envelopes(request: Request) -> dict[str, Any]:
    """Take up to 1,000 envelopes as connectors make them, `{"envelopes": [...]}`; see engine.intake.envelope."""
    served = services(request)
    body = _parsed(await read_body(request, 2 * served.settings.nats.max_payload_bytes))
    records = body.get("envelopes") if isinstance(body, dict) else None
    if not isinstance(records, list) or not 0 < len(records) <= MOST:
        raise Problem(422, f'expected {{"envelopes": [...]}} with 1 to {MOST} of them')
    try:
        envelopes = [Envelope.from_bytes(json.dumps(record).encode()) for record in records]
    except BadEnvelope as error:
        raise Problem(422, str(error)) from error
    return await publish(served, envelopes)


class Ids(BaseModel):
    """Event ids to look up."""

    model_config = ConfigDict(extra="forbid")
    ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(max_length=10_000)


@router.post("/complaints/lookup", dependencies=[Depends(require("intake", "analyst", "ops"))])
async def post_lookup(ids: Ids) -> dict[str, list[str]]:
    """What became of each event id: `stored` (and so found by search), `dead_lettered` or `unknown`."""
    return {"states": await lookup(ids.ids)}


async def publish(served: Services, envelopes: list[Envelope]) -> dict[str, Any]:
    """Publish envelopes; the answer to their sender, once JetStream has stored all.

    Raises:
        Problem: one is too large.
        IntakeSlowed: the engine is too far behind.
        Transient: they cannot be taken now.
    """
    await asyncio.to_thread(slow.check, served.settings.data_dir)
    limit = served.settings.intake.max_complaint_bytes
    for index, one in enumerate(envelopes):
        if len(one.payload) > limit:
            raise Problem(
                413,
                f"record {index}: {len(one.payload)} bytes; at most {limit} are taken. "
                "Cut it, or raise intake.max_complaint_bytes",
            )
    done = await publish_all(
        served.js, envelopes, window=served.settings.intake.publish_window, limit_s=5, ledger=served.ledger
    )
    return {
        "accepted": sum(not p.duplicate for p in done),
        "duplicates": sum(p.duplicate for p in done),
        "event_ids": [one.event_id for one in envelopes],
    }


async def read_body(request: Request, limit: int) -> bytes:
    """The body.

    Raises:
        Problem: it has more than `limit` bytes.
    """
    declared = request.headers.get("content-length", "")
    too_large = Problem(413, f"body: more than {limit} bytes; send fewer records at once, or a shorter one")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"body: not valid JSON ({type(error).__name__}); send an object or a list, UTF-8") from error


def _records(body: Any) -> list[Any]:
    records = body if isinstance(body, list) else [body]
    if not 0 < len(records) <= MOST:
        raise Problem(413 if records else 422, f"{len(records)} records; 1 to {MOST} are taken at once")
    return records
