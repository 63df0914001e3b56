"""Endpoints of the tables' upkeep: compaction, the indices of searches, and how much these find."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from engine.search.check import QUERIES, check
from serve.auth import require, services
from serve.services import call

router = APIRouter(prefix="/v1/maintenance", tags=["operations"])


@router.post("/compact", dependencies=[Depends(require("ops"))])
async def post_compact() -> dict[str, Any]:
    """Compact all tables now, and drop their old versions; what was done by table."""
    return {"tables": await call("compact")}


@router.post("/index", dependencies=[Depends(require("ops"))])
async def post_index() -> dict[str, Any]:
    """Bring the indices of searches up to date; a vector index that is due is trained in the background."""
    found: dict[str, Any] = await call("index")
    return found


@router.get("/index", dependencies=[Depends(require("ops"))])
async def get_index(
    request: Request, queries: Annotated[int, Query(ge=1, le=1000, description="Complaints to ask for")] = QUERIES
) -> dict[str, Any]:
    """The indices of searches, and how many of the ten nearest complaints they find, held against comparing all."""
    return await asyncio.to_thread(check, services(request).complaints, queries)
