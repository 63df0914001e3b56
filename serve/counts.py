"""The endpoints of facets and trends: counts over the candidates of a search."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from engine.counts import FACETS, INTERVALS
from engine.counts.count import breaks_within
from engine.curate.context import load_lineage
from engine.govern.api_keys import Principal
from engine.search import BadSearch, Search
from engine.taxonomy.trends import breaks
from engine.taxonomy.versions import BadChange
from serve.auth import require, services
from serve.complaints import asked
from serve.problems import Problem
from serve.services import Services, iso
from serve.shown import shown

router = APIRouter(prefix="/v1", tags=["complaints"])

READERS = ("analyst", "ml", "ops", "steward")


@router.get("/facets")
async def get_facets(
    request: Request,
    who: Annotated[Principal, Depends(require(*READERS))],
    wanted: Annotated[Search, Depends(asked)],
    facet: Annotated[list[str], Query(description=f"Which; default all of {', '.join(FACETS)}")] = [],  # noqa: B006
    values: Annotated[int, Query(ge=1, le=1000, description="Values of a facet at most")] = 12,
) -> dict[str, Any]:
    """Counts of the values of facets among the candidates of a search; a facet leaves out its own filter."""
    served = services(request)
    answer: dict[str, Any] = shown(served.pii, who.role, await facets(served, wanted, facet, values))
    return answer


@router.get("/trends")
async def get_trends(
    request: Request,
    who: Annotated[Principal, Depends(require(*READERS))],
    wanted: Annotated[Search, Depends(asked)],
    interval: Annotated[str, Query(description=", ".join(INTERVALS))] = "day",
    by: Annotated[str | None, Query(description=f"A series for each value of one of {', '.join(FACETS)}")] = None,
    series: Annotated[int, Query(ge=1, le=100, description="Series at most; the rest is one together")] = 8,
) -> dict[str, Any]:
    """Counts of a search's candidates over time, with the change against the period of the same length before."""
    served = services(request)
    answer: dict[str, Any] = shown(served.pii, who.role, await trends(served, wanted, interval, by, series))
    return answer


async def facets(served: Services, wanted: Search, names: list[str], limit: int = 12) -> dict[str, Any]:
    """See Counts.facets; the answer is ready for JSON.

    Raises:
        Problem: 422, a facet or query that cannot be.
        BadFilter: see engine.store.filters.
    """
    started = time.perf_counter()
    try:
        answer = await asyncio.to_thread(served.counts.facets, wanted, names, limit)
    except BadSearch as error:
        raise Problem(422, str(error)) from error
    return answer | {"seconds": round(time.perf_counter() - started, 4)}


async def trends(
    served: Services, wanted: Search, interval: str = "day", by: str | None = None, limit: int = 8
) -> dict[str, Any]:
    """See Counts.trends, with the taxonomy's breaks where series are of categories; the answer is ready for JSON.

    Raises:
        Problem: 422, an interval, facet or query that cannot be.
        BadFilter: see engine.store.filters.
    """
    started = time.perf_counter()
    try:
        answer = await asyncio.to_thread(served.counts.trends, wanted, interval, by, limit)
    except BadSearch as error:
        raise Problem(422, str(error)) from error
    found: list[dict[str, Any]] = []
    if by in ("category", "subcategory"):
        found = await asyncio.to_thread(_breaks, served, by)
    answer["breaks"] = breaks_within(found, answer["since"], answer["until"])
    answer["buckets"] = [iso(bucket) for bucket in answer["buckets"]]
    return answer | {
        "since": iso(answer["since"]), "until": iso(answer["until"]),
        "seconds": round(time.perf_counter() - started, 4),
    }  # fmt: skip


def _breaks(served: Services, by: Any) -> list[dict[str, Any]]:
    try:
        return breaks(load_lineage(served.settings), by)
    except BadChange:
        return []  # told where the taxonomy is shown
