"""Endpoints about the configured sources."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request

from connectors.settings import Pulled
from engine.intake.cursors import Cursors
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services

router = APIRouter(prefix="/v1/sources", tags=["operations"])

_OPS = [Depends(require("ops"))]


@router.get("", dependencies=_OPS)
async def get_sources(request: Request) -> dict[str, Any]:
    """Every configured source: its state, what was read, its last error, and how far it is behind."""
    return {"sources": await asyncio.to_thread(states, services(request))}


@router.post("/{name}/pause", dependencies=_OPS)
async def pause_source(request: Request, name: str) -> dict[str, Any]:
    """Stop reading a source; what it holds waits there."""
    return await _set(services(request), name, True)


@router.post("/{name}/resume", dependencies=_OPS)
async def resume_source(request: Request, name: str) -> dict[str, Any]:
    """Read a paused source on from where it was."""
    return await _set(services(request), name, False)


async def _set(served: Services, name: str, on: bool) -> dict[str, Any]:
    if not isinstance(served.settings.sources.get(name), Pulled):
        raise Problem(404, f"source {name}: none that is read has this name; see GET /v1/sources")
    await asyncio.to_thread(_pause, served, name, on)
    return {"name": name, "paused": on}


def _pause(served: Services, name: str, on: bool) -> None:
    cursors = Cursors(served.settings.data_dir / "sources")
    try:
        cursors.pause(name, on)
    finally:
        cursors.close()


def states(served: Services) -> list[dict[str, Any]]:
    """The sources by name; `lag_s` is the time since one was last read to its end."""
    cursors = Cursors(served.settings.data_dir / "sources")
    try:
        known = cursors.states()
    finally:
        cursors.close()
    found = []
    for name, one in sorted(served.settings.sources.items()):
        about = {"name": name, "kind": one.kind, "channel": one.channel, "source": one.called(name)}
        if not isinstance(one, Pulled):
            found.append(about | {"state": "calls us"})
            continue
        state = known.get(name, {"state": "starting", "paused": False, "records": 0})
        found.append(about | state | {"lag_s": _lag(state.get("caught_up_at"))})
    return found


def _lag(caught_up_at: str | None) -> float | None:
    if caught_up_at is None:
        return None
    return round(max(0.0, (datetime.now(UTC) - datetime.fromisoformat(caught_up_at)).total_seconds()), 1)
