"""Endpoints of clusters: what complaints are about, what became of each cluster, and a clustering anew."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from engine.cluster import beside
from engine.cluster.keep import reader
from engine.govern.api_keys import Principal
from engine.store import filters
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, plain
from serve.shown import shown

router = APIRouter(prefix="/v1/clusters", tags=["models"])

READERS = ("analyst", "ml", "ops")
STATES = ("active", "merged", "ended")

_SHOWN = ["event_id", "text", "category", "priority", "occurred_at"]
_LEFT_OUT = ("centroid", "events", "gate")


@router.get("", dependencies=[Depends(require(*READERS))])
async def get_clusters(
    request: Request,
    state: Annotated[Literal["active", "merged", "ended"], Query(description="Which")] = "active",
    emerging: Annotated[bool, Query(description="Only those that grow faster than the rest")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Clusters, emerging ones first, then the largest."""
    return await asyncio.to_thread(listed, services(request), state, emerging, limit, offset)


@router.post("/runs", status_code=202, dependencies=[Depends(require("ml", "ops"))])
async def post_run(request: Request) -> dict[str, Any]:
    """Start a clustering of everything that is stored; 409 while another runs."""
    try:
        return {"run_id": await asyncio.to_thread(beside.start, services(request).settings)}
    except beside.ClusteringRuns as error:
        raise Problem(409, str(error)) from error


@router.get("/runs/{run_id}", dependencies=[Depends(require("ml", "ops"))])
async def get_run(run_id: str) -> dict[str, Any]:
    """How a clustering goes; its end is told once."""
    try:
        return await asyncio.to_thread(beside.status, run_id)
    except beside.NoClustering as error:
        raise Problem(404, str(error)) from error


@router.get("/{cluster_id}")
async def get_cluster(
    request: Request, who: Annotated[Principal, Depends(require(*READERS))], cluster_id: int
) -> dict[str, Any]:
    """One cluster: terms, what happened to it, and the complaints nearest to its centre."""
    found = await asyncio.to_thread(one, services(request), cluster_id)
    answer: dict[str, Any] = shown(services(request).pii, who.role, found)
    return answer


def listed(served: Services, state: str, emerging: bool, limit: int, offset: int) -> dict[str, Any]:
    """See `get_clusters`."""
    rows = _rows(served, f"state = {filters.text(state)}")
    rows = [row for row in rows if row["emerging"] or not emerging]
    rows.sort(key=lambda row: (not row["emerging"], -row["size"], row["cluster_id"]))
    return {"clusters": [_shown(row) for row in rows[offset : offset + limit]], "total": len(rows)}


def one(served: Services, cluster_id: int) -> dict[str, Any]:
    """See `get_cluster`; Problem 404 where there is none."""
    rows = _rows(served, f"cluster_id = {cluster_id}")
    if not rows:
        raise Problem(404, f"cluster {cluster_id}: not found; see GET /v1/clusters")
    found = _exemplars(served, rows[0]["exemplars"] or [])
    return _shown(rows[0]) | {"events": json.loads(rows[0]["events"]), "exemplars": found}


def _rows(served: Services, condition: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reader(served.settings).search().where(condition).limit(2**31 - 1).to_list()
    return found


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plain(row).items() if name not in _LEFT_OUT}


def _exemplars(served: Services, ids: list[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    listed = ", ".join(filters.text(key) for key in ids)
    rows = served.complaints.search().where(f"event_id IN ({listed})").select(_SHOWN).limit(len(ids)).to_list()
    return [plain(row) for row in sorted(rows, key=lambda row: ids.index(row["event_id"]))]
