"""Endpoints of persons: who complaints are from, why, and decisions about it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Annotated, Any

import pyarrow.compute as pc
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import Transient
from engine.govern.api_keys import Principal
from engine.identity import job
from engine.identity.evidence import ACCOUNT, CUSTOMER, EVENT, kind_of
from engine.identity.resolve import pair
from engine.store import filters
from engine.store.persons import link_id
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, call, iso, plain

router = APIRouter(prefix="/v1/identity", tags=["identity"])

READERS = ("analyst", "steward")
_IDENTIFIER = re.compile(r"(?:customer|account|phone|email|handle):[0-9a-f]{16}")
_PERSON = re.compile(r"person_[0-9a-f]{16}")
_EVENT = re.compile(r"(?:event:)?([0-9a-f]{8,64})")
_LINK = re.compile(r"link_[0-9a-f]{16}")
_READS = ["event_id", "person_id", "identifiers", "channel", "occurred_at"]


@router.get("/persons", dependencies=[Depends(require(*READERS))])
async def get_persons(
    request: Request,
    least: Annotated[int, Query(ge=1, description="Complaints at least")] = 2,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Persons with the most complaints first."""
    return await asyncio.to_thread(_listed, services(request), least, limit, offset)


@router.get("/persons/{person_id}", dependencies=[Depends(require(*READERS))])
async def get_person(request: Request, person_id: str) -> dict[str, Any]:
    """One person: identifiers with what they are good for, complaints, and every link with its reasons."""
    if not _PERSON.fullmatch(person_id):
        raise Problem(422, f"person {person_id[:40]!r}: expected person_ and 16 hex digits")
    rows = await asyncio.to_thread(_rows, services(request), f"person_id = {filters.text(person_id)}")
    if not rows:
        raise Problem(404, f"person {person_id}: not found; a merge may have given its complaints another id")
    return await _told(rows, person_id)


@router.get("/explain/{what}", dependencies=[Depends(require(*READERS))])
async def get_explanation(request: Request, what: str) -> dict[str, Any]:
    """Why a complaint, by its id, or an identifier belongs to whom it does: every link, conflicts too."""
    served = services(request)
    name = await _node(served, what)
    if kind_of(name) == EVENT:
        rows = await asyncio.to_thread(_rows, served, f"event_id = {filters.text(name.partition(':')[2])}")
    else:
        rows = await asyncio.to_thread(_rows, served, f"array_has(identifiers, {filters.text(name)})")
    if not rows:
        raise Problem(404, f"{what[:80]}: stands in no complaint")
    return await _told(rows, rows[0]["person_id"] if kind_of(name) == EVENT else None, more=[name])


@router.get("/conflicts", dependencies=[Depends(require(*READERS))])
async def get_conflicts() -> dict[str, Any]:
    """Identifiers that link nobody: those of several customers, and those that many share."""
    return {"conflicts": await call("identity", "contested")}


@router.get("/candidates", dependencies=[Depends(require(*READERS))])
async def get_candidates(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Probable links that wait for somebody to confirm or to unmerge them, the most probable first."""
    found = await call("identity", "candidates")
    return {"candidates": [plain(row) for row in found[:limit]], "total": len(found)}


class Decision(BaseModel):
    """Two of: an identifier, a person, or a complaint (its id, or at least 8 digits of it); or a link's id as `a`."""

    model_config = ConfigDict(extra="forbid")
    a: str = Field(max_length=80)
    b: str | None = Field(None, max_length=80)
    reason: str = Field("", max_length=200, description="Why, without personal data")


@router.post("/unmerge")
async def post_unmerge(
    request: Request, wanted: Decision, who: Annotated[Principal, Depends(require("steward"))]
) -> dict[str, Any]:
    """Tell two apart, for good: later complaints, runs and replays hold to it."""
    return await _decide(services(request), wanted, "unmerged", who)


@router.post("/confirm")
async def post_confirm(
    request: Request, wanted: Decision, who: Annotated[Principal, Depends(require("steward"))]
) -> dict[str, Any]:
    """Hold two to be one person; takes an unmerge of the same two back."""
    return await _decide(services(request), wanted, "active", who)


@router.post("/runs", dependencies=[Depends(require("steward", "ops"))])
async def post_run(request: Request) -> dict[str, Any]:
    """Bring persons up to date and look for probable links now; answers when it is done."""
    try:
        return await asyncio.to_thread(job.run, services(request).settings.data_dir)
    except Transient as error:
        raise Problem(503, str(error), {"Retry-After": "5"}) from error


async def _decide(served: Services, wanted: Decision, state: str, who: Principal) -> dict[str, Any]:
    if wanted.b is None:
        if not _LINK.fullmatch(wanted.a):
            raise Problem(422, f"{wanted.a[:80]!r}: one alone has to be a link's id, link_ and 16 hex digits")
        link = await call("identity", "link", wanted.a)
        if link is None:
            raise Problem(404, f"link {wanted.a}: not found; see GET /v1/identity/explain")
        a, b = link["a"], link["b"]
    else:
        a = await _node(served, wanted.a)
        b = await _node(served, wanted.b, beside=a)
        a = await _node(served, wanted.a, beside=b)
    if a == b:
        raise Problem(422, "both are the same")
    told = {"unmerged": "told apart by hand", "active": "confirmed by hand"}[state]
    reasons = [f"{told}: {wanted.reason}" if wanted.reason else told]
    row = {"a": a, "b": b, "method": "manual", "state": state, "reasons": reasons, "decided_by": who.name}
    await call("identity", "decide", [row])
    written = await asyncio.to_thread(job.tidy)
    one, other = pair(a, b)
    return {"link_id": link_id(a, b, "manual"), "a": one, "b": other, "state": state, "written": written}


async def _node(served: Services, what: str, beside: str | None = None) -> str:
    """What a decision can be about; of a person its surest identifier that is not `beside`."""
    if _IDENTIFIER.fullmatch(what):
        return what
    if _PERSON.fullmatch(what):
        rows = await asyncio.to_thread(_rows, served, f"person_id = {filters.text(what)}")
        counts = Counter(name for row in rows for name in row["identifiers"])
        counts.pop(beside or "", None)
        if not counts:
            raise Problem(404, f"person {what}: not found, or without another identifier")
        sure = {CUSTOMER: 0, ACCOUNT: 1}
        best: str = min(counts, key=lambda name: (sure.get(kind_of(name), 2), -counts[name], name))
        return best
    event = _EVENT.fullmatch(what)
    if not event:
        raise Problem(422, f"{what[:80]!r}: expected kind:16 hex digits, person_…, or 8 or more digits of an event id")
    rows = await asyncio.to_thread(_rows, served, f"starts_with(event_id, {filters.text(event.group(1))})")
    if len(rows) != 1:
        raise Problem(404 if not rows else 409, f"complaint {event.group(1)}: {len(rows)} begin like this")
    return f"{EVENT}:{rows[0]['event_id']}"


async def _told(rows: list[dict[str, Any]], person_id: str | None, more: list[str] | None = None) -> dict[str, Any]:
    names = sorted({name for row in rows for name in row["identifiers"]})
    events = [f"{EVENT}:{row['event_id']}" for row in rows[:200]]
    links = await call("identity", "explain", names + events + [n for n in more or [] if n not in events])
    good = await call("identity", "standings", names)
    return {
        "person_id": person_id,
        "identifiers": {
            n: {k: [iso(t) for t in v] if k == "turns" else v for k, v in one.items()} for n, one in good.items()
        },
        "complaints": [plain(row) for row in rows],
        "links": [plain(link) for link in links],
    }


def _rows(served: Services, condition: str) -> list[dict[str, Any]]:
    found = served.complaints.search().where(condition).select(_READS).limit(10_000).to_list()
    rows = [row | {"identifiers": row["identifiers"] or []} for row in found]
    return sorted(rows, key=lambda row: (row["occurred_at"], row["event_id"]))


def _listed(served: Services, least: int, limit: int, offset: int) -> dict[str, Any]:
    table = served.complaints.search().where("person_id IS NOT NULL").select(_READS).limit(2**31 - 1).to_arrow()
    counted = table.group_by("person_id").aggregate(
        [("event_id", "count"), ("occurred_at", "min"), ("occurred_at", "max"), ("channel", "distinct")]
    )
    found = counted.filter(pc.greater_equal(counted["event_id_count"], least))
    ordered = found.sort_by([("event_id_count", "descending"), ("person_id", "ascending")])
    persons = [
        {
            "person_id": row["person_id"],
            "complaints": row["event_id_count"],
            "channels": sorted(row["channel_distinct"]),
            "first_at": iso(row["occurred_at_min"]),
            "last_at": iso(row["occurred_at_max"]),
        }
        for row in ordered.slice(offset, limit).to_pylist()
    ]
    return {"persons": persons, "total": found.num_rows, "of_all": counted.num_rows}
