"""Does everything that was accepted arrive: the last look, and the repair of what it found."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from engine.curate.main import prepare_streams
from engine.reconcile import watch
from engine.reconcile.repair import repair
from engine.replay import job
from engine.replay.select import Selection
from engine.run import actors
from serve.auth import require, services
from serve.problems import Problem

router = APIRouter(prefix="/v1", tags=["operations"])

_NAMED = 1000


@router.get("/integrity", dependencies=[Depends(require("ops", "steward"))])
async def get_integrity(request: Request) -> dict[str, Any]:
    """What the reconciler saw last: `state` ok, gaps or unknown, and each gap with what to do."""
    return await asyncio.to_thread(watch.load, services(request).settings.data_dir)


class NewRepair(BaseModel):
    """`give_up`: records that are nowhere are not to be reported any more."""

    model_config = ConfigDict(extra="forbid")
    give_up: bool = False


@router.post("/repairs", dependencies=[Depends(require("ops"))])
async def post_repair(request: Request, wanted: NewRepair) -> dict[str, Any]:
    """Mend what was found, from the stream and from raw; tells what is lost and from which source to send it again.

    Settings of streams that others changed are set right, and told under `stream_settings`.

    Rows that have to be made again are made by a replay, whose id is in the answer.
    """
    served = services(request)
    async with served.operator() as js:
        changed = await prepare_streams(served.settings, js, repair=True)
        done = await repair(served.settings, js, actors.writer_call, give_up=wanted.give_up)
    ids = done.pop("make_again")
    try:
        replay_id = (
            await asyncio.to_thread(job.start, served.settings, Selection(ids=tuple(ids)), apply=True, rewrite=True)
            if ids
            else None
        )
    except job.ReplayRuns as error:
        raise Problem(409, str(error)) from error
    lacking = done["without_payload"]
    shown = {"without_payload": lacking[:_NAMED], "without_payload_count": len(lacking)}
    done["stream_settings"] = changed
    return done | shown | {"making_again": len(ids), "replay_id": replay_id}
