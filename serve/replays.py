"""Endpoints of replays: raw records through today's code."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from engine.replay import job
from engine.replay.select import BadSelection, Selection
from serve.auth import require, services
from serve.problems import Problem

router = APIRouter(prefix="/v1", tags=["operations"], dependencies=[Depends(require("ops"))])


class NewReplay(BaseModel):
    """Which records, and whether to `count` them, show the `diff`, or `apply` it."""

    model_config = ConfigDict(extra="forbid")
    mode: Literal["count", "diff", "apply"]
    since: AwareDatetime | None = Field(None, description="Received at this time or later")
    until: AwareDatetime | None = Field(None, description="Received before this time")
    from_seq: int | None = Field(None, ge=0, description="First stream sequence")
    to_seq: int | None = Field(None, ge=0, description="Last stream sequence")
    channel: str | None = Field(None, max_length=40)
    source: str | None = Field(None, max_length=200)


@router.post("/replays", status_code=202)
async def post_replay(request: Request, wanted: NewReplay) -> JSONResponse:
    """Start a replay; 200 with `records` for a count, 409 while another runs."""
    settings = services(request).settings
    values: dict[str, Any] = wanted.model_dump(exclude={"mode"})
    try:
        selection = Selection(**values)
    except BadSelection as error:
        raise Problem(422, str(error)) from error
    if wanted.mode == "count":
        return JSONResponse({"records": await asyncio.to_thread(job.count, settings, selection)})
    try:
        replay_id = await asyncio.to_thread(job.start, settings, selection, apply=wanted.mode == "apply")
    except job.ReplayRuns as error:
        raise Problem(409, str(error)) from error
    return JSONResponse({"replay_id": replay_id}, 202)


@router.get("/replays/{replay_id}")
async def get_replay(replay_id: str) -> dict[str, Any]:
    """How a replay goes, and at its end what it found or did."""
    return await _told(job.status, replay_id)


@router.delete("/replays/{replay_id}")
async def delete_replay(replay_id: str) -> dict[str, Any]:
    """Cancel a replay after the batch in hand, or let go of one that has ended."""
    return await _told(job.end, replay_id)


async def _told(question: Any, replay_id: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = await asyncio.to_thread(question, replay_id)
    except job.NoReplay as error:
        raise Problem(404, str(error)) from error
    return found
