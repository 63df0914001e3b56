"""Endpoints that read complaints: search, and one by its id."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from engine.govern.api_keys import Principal
from engine.search import MODES, BadSearch, Search
from engine.store import filters
from engine.store.duplicate_kinds import explain
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, iso, plain
from serve.shown import shown

router = APIRouter(prefix="/v1", tags=["complaints"])

Values = Annotated[list[str], Query()]

#: Whether copies of a text are shown and counted.
DUPLICATES = ("all", "folded")


def asked(
    q: Annotated[str, Query(description='What to look for: words, "a phrase", +must, -not; empty: the newest')] = "",
    mode: Annotated[str, Query(description=", ".join(MODES))] = "hybrid",
    channel: Values = [],  # noqa: B006 -- FastAPI copies defaults
    source: Values = [],  # noqa: B006
    category: Values = [],  # noqa: B006
    subcategory: Values = [],  # noqa: B006
    region: Values = [],  # noqa: B006
    product: Values = [],  # noqa: B006
    priority: Values = [],  # noqa: B006
    language: Values = [],  # noqa: B006
    cluster: Values = [],  # noqa: B006
    customer: Values = [],  # noqa: B006
    duplicates: Annotated[str, Query(description="all, or folded: copies of a text are left out")] = "all",
    since: Annotated[str | None, Query(description="RFC 3339, included")] = None,
    until: Annotated[str | None, Query(description="RFC 3339, not included")] = None,
) -> Search:
    """A search by its query parameters; values of one filter are alternatives."""
    equals = {
        "channel": channel, "source": source, "category": category, "subcategory": subcategory, "region": region,
        "product": product, "priority": priority, "language": language, "cluster_id": cluster,
        "customer_id": customer,
    }  # fmt: skip
    if duplicates not in DUPLICATES:
        raise Problem(422, f"duplicates {duplicates[:40]!r}: expected one of {', '.join(DUPLICATES)}")
    start, end = moment("since", since), moment("until", until)
    return Search(q, mode, equals, start, end, folded=duplicates == "folded")  # type: ignore[arg-type]


@router.get("/search")
async def get_search(
    request: Request,
    who: Annotated[Principal, Depends(require("analyst", "ml", "ops", "steward"))],
    wanted: Annotated[Search, Depends(asked)],
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Search by meaning and words, within filters; values of one filter are alternatives."""
    served = services(request)
    found = await find(served, replace(wanted, limit=limit, cursor=cursor))
    answer: dict[str, Any] = shown(served.pii, who.role, found)
    return answer


@router.get("/complaints/{event_id}")
async def get_complaint(
    request: Request, who: Annotated[Principal, Depends(require("analyst", "ml", "ops", "steward"))], event_id: str
) -> dict[str, Any]:
    """One complaint with its reasons and versions; an unambiguous beginning of the id is enough."""
    row = await one(services(request), event_id)
    if row is None:
        raise Problem(404, f"complaint {event_id[:64]!r}: not found; it may be a dead letter, see /v1/dead-letters")
    answer: dict[str, Any] = shown(services(request).pii, who.role, row)
    return answer


async def find(served: Services, wanted: Search) -> dict[str, Any]:
    """Run a search; the answer is ready for JSON."""
    started = time.perf_counter()
    try:
        answer = await asyncio.to_thread(served.search.run, wanted)
    except BadSearch as error:
        raise Problem(422, str(error)) from error
    answer["hits"] = [plain(hit) for hit in answer["hits"]]
    return answer | {"mode": wanted.mode, "seconds": round(time.perf_counter() - started, 4)}


async def one(served: Services, event_id: str) -> dict[str, Any] | None:
    """A complaint's row for JSON with the number of its copies, why it is one, and its kept fields, or None."""
    row = await asyncio.to_thread(_one, served.complaints, event_id)
    return None if row is None else row | {"kept": await asyncio.to_thread(kept, served.raw, row["event_id"])}


def kept(envelopes: Any, event_id: str) -> dict[str, Any]:
    """The values that the source's mapping keeps of a complaint, and nothing else of raw's metadata."""
    found = envelopes.search().where(f"event_id = '{event_id}'").select(["metadata"]).limit(1).to_list()
    values = json.loads(found[0]["metadata"] or "{}").get("kept") if found else None
    return values if isinstance(values, dict) else {}


def id_of(table: Any, event_id: str) -> str | None:
    """The id in `table` that is this or begins like this; None where there is none, or it is no id.

    Raises:
        Problem: 409, several ids begin like this.
    """
    if not 8 <= len(event_id) <= 64 or not set(event_id) <= set("0123456789abcdef"):
        return None
    condition = f"event_id = '{event_id}'" if len(event_id) == 64 else f"starts_with(event_id, '{event_id}')"
    rows = table.search().where(condition).select(["event_id"]).limit(2).to_list()
    if len(rows) > 1:
        raise Problem(409, f"complaint {event_id}: several ids begin like this; give more of it")
    return str(rows[0]["event_id"]) if rows else None


def _one(table: Any, event_id: str) -> dict[str, Any] | None:
    key = id_of(table, event_id)
    if key is None:
        return None
    names = [name for name in table.schema.names if not name.startswith("vector")]
    row: dict[str, Any] = table.search().where(f"event_id = '{key}'").select(names).limit(1).to_list()[0]
    return plain(row) | copies(table, row)


def copies(table: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """How many others have a complaint's text, how many of them of each kind, and why it is a copy, if it is."""
    head = row["duplicate_of"] or row["event_id"]
    found = table.search().where(f"duplicate_of = {filters.text(head)}").select(["duplicate_kind"]).limit(_MOST_COPIES)
    kinds = Counter(kind or "exact" for kind in found.to_arrow()["duplicate_kind"].to_pylist())
    why = explain(row["duplicate_kind"], row["duplicate_score"]) if row["duplicate_kind"] else None
    return {"duplicates": kinds.total(), "duplicate_kinds": dict(kinds.most_common()), "duplicate_why": why}


#: Copies of one text that are counted.
_MOST_COPIES = 1_000_000


def moment(name: str, value: str | None) -> datetime | None:
    """A time of a query parameter; one without an offset is UTC."""
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
    except ValueError as error:
        raise Problem(
            422, f"{name}: {value[:40]!r} is no time; expected RFC 3339, e.g. {iso(datetime.now(UTC))}"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
