"""Endpoints of a change of the embedding model: how far it is, and a person's word for the switch."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request

from engine.reembed import state
from engine.reembed.job import progress
from serve.auth import require, services
from serve.problems import Problem

router = APIRouter(prefix="/v1/embedding", tags=["models"])


@router.get("", dependencies=[Depends(require("ml", "ops", "analyst"))])
async def get_embedding(request: Request) -> dict[str, Any]:
    """The model that serves, the one that is to follow it, and how many complaints are to be embedded before that."""
    served = services(request)
    return await asyncio.to_thread(progress, served.settings, served.complaints)


@router.post("/switch", status_code=202, dependencies=[Depends(require("ml", "ops"))])
async def post_switch(request: Request) -> dict[str, Any]:
    """Switch once all is embedded, although the champion cannot read the new vectors; 409 where no model follows."""
    served = services(request)
    kept = await asyncio.to_thread(state.read, served.settings.data_dir)
    if kept is None or kept.following is None:
        raise Problem(409, "no embedding model is to follow; change embed.model or embed.backend and start the engine")
    await asyncio.to_thread(state.force, served.settings.data_dir)
    return await asyncio.to_thread(progress, served.settings, served.complaints)
