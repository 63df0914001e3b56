"""The endpoints of customers' features for churn models."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from connectors.lance_read import fragments_at
from engine.features import FEATURES, VERSION, compute
from engine.features.compute import READS, condition
from engine.run import actors
from engine.store import filters
from serve.auth import require, services
from serve.complaints import moment
from serve.problems import Problem
from serve.services import Services, iso

router = APIRouter(prefix="/v1/customers", tags=["customers"])

_READERS = [Depends(require("analyst", "ml"))]

#: Customers that are handed to the writer at once.
_CHUNK = 50_000

_PUT_LIMIT_S = 300.0

Known = Annotated[
    Literal["received", "occurred"], Query(description="A complaint is known when received, or when it occurred")
]


class BuildIn(BaseModel):
    """A table of features to make."""

    model_config = ConfigDict(extra="forbid")

    as_of: AwareDatetime | None = Field(None, description="The point in time; default now")
    known: Literal["received", "occurred"] = Field("received", description="When a complaint is known")


@router.get("/features/dictionary", dependencies=_READERS)
async def get_dictionary() -> dict[str, Any]:
    """What every feature means."""
    return {"version": VERSION, "features": dictionary()}


@router.post("/features/builds", dependencies=[Depends(require("ml"))])
async def post_build(request: Request, given: BuildIn) -> dict[str, Any]:
    """Make the features of all customers at a point in time, as rows of serving.customers; again, it replaces them."""
    as_of = given.as_of or datetime.now(UTC)
    return await asyncio.to_thread(_build, services(request), as_of, given.known)


@router.get("/{customer_id}/features", dependencies=_READERS)
async def get_features(
    request: Request,
    customer_id: str,
    as_of: Annotated[str | None, Query(description="RFC 3339; default now")] = None,
    known: Known = "received",
) -> dict[str, Any]:
    """A customer's features at a point in time, from the complaints that were known then alone."""
    when = moment("as_of", as_of) or datetime.now(UTC)
    found = await asyncio.to_thread(_one, services(request), customer_id, when, known)
    if found is None:
        raise Problem(404, f"customer {customer_id[:64]!r}: no complaint was known at {iso(when)}")
    return found


def dictionary() -> list[dict[str, str]]:
    """The data dictionary for JSON."""
    return [{"name": f.name, "type": str(f.type), "meaning": f.meaning, "sql": f.sql} for f in FEATURES]


def _one(served: Services, customer_id: str, when: datetime, known: Any) -> dict[str, Any] | None:
    mine = f"{condition(when, known)} AND customer_id = {filters.text(customer_id)}"
    rows = served.complaints.search().where(mine).select(list(READS)).limit(2**31 - 1).to_arrow()
    made = compute(rows, when, known).to_pylist()
    if not made:
        return None
    features = {feature.name: made[0][feature.name] for feature in FEATURES}
    return {
        "customer_id": customer_id, "as_of": iso(when), "known": known, "dictionary_version": VERSION,
        "features": features,
    }  # fmt: skip


def _build(served: Services, as_of: datetime, known: Any) -> dict[str, Any]:
    version = int(served.complaints.version)
    dataset, _ = fragments_at(served.complaints, version)
    made = compute(dataset.to_table(columns=list(READS), filter=condition(as_of, known)), as_of, known)
    for first in range(0, made.num_rows, _CHUNK):
        actors.writer_call("put_customers", made.slice(first, _CHUNK).combine_chunks(), limit_s=_PUT_LIMIT_S)
    return {
        "as_of": iso(as_of), "known": known, "customers": made.num_rows, "dictionary_version": VERSION,
        "version": version,
    }  # fmt: skip
