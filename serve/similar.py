"""Endpoint of the complaints like one complaint."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from engine.govern.api_keys import Principal
from engine.search.similar import RELATIONS, incidents, similar
from serve.auth import require, services
from serve.complaints import id_of
from serve.problems import Problem
from serve.services import Services, plain
from serve.shown import shown

router = APIRouter(prefix="/v1", tags=["complaints"])

_ABOUT = ["incident_id", "segment", "related", "started_at", "ended_at"]


@router.get("/complaints/{event_id}/similar")
async def get_similar(
    request: Request,
    who: Annotated[Principal, Depends(require("analyst", "ml", "ops", "steward"))],
    event_id: str,
    relation: Annotated[str | None, Query(description=", ".join(RELATIONS))] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    """Complaints like this one, told apart: probable duplicates, of the same incident, customer or topic."""
    if relation is not None and relation not in RELATIONS:
        raise Problem(422, f"relation {relation[:40]!r}: expected one of {', '.join(RELATIONS)}")
    found = await alike(services(request), event_id, limit, relation)
    answer: dict[str, Any] = shown(services(request).pii, who.role, found)
    return answer


async def alike(served: Services, event_id: str, limit: int = 20, relation: str | None = None) -> dict[str, Any]:
    """Complaints like one, ready for JSON.

    Raises:
        Problem: 404, there is no such complaint; 409, several ids begin like this.
    """
    found = await asyncio.to_thread(_alike, served, event_id, limit, relation)
    if found is None:
        raise Problem(404, f"complaint {event_id[:64]!r}: not found; it may be a dead letter, see /v1/dead-letters")
    return found | {"similar": [plain(one) for one in found["similar"]]}


def _alike(served: Services, event_id: str, limit: int, relation: str | None) -> dict[str, Any] | None:
    key = id_of(served.complaints, event_id)
    if key is None:
        return None
    known = incidents(served.incidents.search().select(_ABOUT).limit(100_000).to_list(), served.settings.surge.bucket_s)
    return similar(served.complaints, key, known, limit, relation)
