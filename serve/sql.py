"""The endpoint of SQL over the serving zone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from engine import sql
from engine.govern.api_keys import Principal
from engine.search import BadSearch, Search
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services
from serve.shown import shown

router = APIRouter(prefix="/v1", tags=["sql"])

READERS = ("analyst", "ml", "ops", "steward")


class SqlIn(BaseModel):
    """A query."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(min_length=1, max_length=20_000, description="One SELECT over the serving tables")
    limit: int | None = Field(None, ge=1, description="Rows at most; default and upper bound: sql.max_rows")


@router.post("/sql")
async def post_sql(
    request: Request, who: Annotated[Principal, Depends(require(*READERS))], given: SqlIn
) -> dict[str, Any]:
    """Run a SELECT over the serving tables, in a process of its own, within limits of time, memory and rows."""
    served = services(request)
    return await asyncio.to_thread(run, served, who.role, given.sql, given.limit)


def run(served: Services, role: str, text: str, limit: int | None = None) -> dict[str, Any]:
    """Run a query as a role sees the tables; the answer is ready for JSON.

    Raises:
        Problem: 422, the query is refused, wrong, or over its limits.
        SqlBusy: others run.
    """
    started = time.perf_counter()
    most = served.settings.sql.max_rows
    try:
        statement = sql.read(text)
        answer = served.sql.run(statement, similar(served), hidden(served, role), min(limit or most, most))
    except (sql.BadSql, BadSearch) as error:
        raise Problem(422, str(error)) from error
    answer["rows"] = shown(served.pii, role, answer["rows"])
    return answer | {"seconds": round(time.perf_counter() - started, 4)}


def hidden(served: Services, role: str) -> list[str]:
    """Types of placeholders that are shown to a role without what tells one value from another."""
    return sorted(kind for kind, action in served.pii.roles.get(role, {}).items() if action == "generalise")


def similar(served: Services) -> sql.workers.Similar:
    """Finds the complaints nearest to a text, by meaning."""

    def find(call: sql.Call) -> Mapping[str, Sequence[Any]]:
        found = served.search.candidates(Search(call.text, "vector"))
        ids = (found.event_ids or [])[: call.k]
        return {
            "event_id": ids,
            "score": [round(float(cosine), 6) for cosine in found.cosines[: call.k]],
            "rank": list(range(1, len(ids) + 1)),
        }

    return find
