"""The endpoints of incidents: their list, the complaints in one, and what people do with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.govern.api_keys import Principal
from engine.store import filters
from engine.surge.acts import ACTS, BadAct
from engine.surge.segments import parse
from models.pii import mask
from serve.alerts import READERS, incident, incidents, shown_incident
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, call, plain
from serve.shown import shown

router = APIRouter(prefix="/v1/incidents", tags=["alerts"])

_COLUMNS = [
    "event_id", "occurred_at", "text", "channel", "source", "region", "product", "category", "subcategory", "priority",
    "duplicate_of",
]  # fmt: skip


class ActIn(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(None, max_length=1000, description="For people; personal data in it is masked")


@router.get("", dependencies=[Depends(require(*READERS))])
async def get_incidents(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    state: Annotated[list[str], Query()] = [],  # noqa: B006
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> dict[str, Any]:
    """Incidents, the newest first."""
    rows = await asyncio.to_thread(incidents, services(request).incidents)
    chosen = [row for row in rows if not state or row["state"] in state]
    start = 0
    if cursor is not None:
        places = [place for place, row in enumerate(chosen) if row["incident_id"] == cursor]
        if not places:
            raise Problem(422, "cursor: not one of ours; take next_cursor of the page before")
        start = places[0] + 1
    page = chosen[start : start + limit]
    more = len(chosen) > start + limit
    return {"incidents": page, "total": len(chosen), "next_cursor": page[-1]["incident_id"] if more else None}


@router.get("/{incident_id}/complaints")
async def get_members(
    request: Request,
    who: Annotated[Principal, Depends(require("analyst", "ops", "ml", "steward"))],
    incident_id: str,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The complaints that an incident is made of, the newest first: those of its segments while it went on.

    `GET /v1/complaints/{id}/trace` names the incidents that a complaint fed, by the same rule.
    """
    served = services(request)
    found = await asyncio.to_thread(members, served, incident_id, limit, offset)
    answer: dict[str, Any] = shown(served.pii, who.role, found)
    return answer


@router.post("/{incident_id}/ack")
async def post_ack(
    request: Request, who: Annotated[Principal, Depends(require("ops"))], incident_id: str, given: ActIn | None = None
) -> dict[str, Any]:
    """Say that somebody sees to it: only a worse severity and its end are told from now on."""
    return await _act(request, who, incident_id, "ack", given)


@router.post("/{incident_id}/resolve")
async def post_resolve(
    request: Request, who: Annotated[Principal, Depends(require("ops"))], incident_id: str, given: ActIn | None = None
) -> dict[str, Any]:
    """Say that it is over; it regresses if it gets worse after that, or comes back."""
    return await _act(request, who, incident_id, "resolve", given)


@router.post("/{incident_id}/archive")
async def post_archive(
    request: Request, who: Annotated[Principal, Depends(require("ops"))], incident_id: str, given: ActIn | None = None
) -> dict[str, Any]:
    """Hear nothing of it until it escalates."""
    return await _act(request, who, incident_id, "archive", given)


async def _act(request: Request, who: Principal, incident_id: str, act: str, given: ActIn | None) -> dict[str, Any]:
    assert act in ACTS
    said = given.reason if given else None
    reason = mask(said, services(request).keys.pseudonym).text if said else None
    try:
        row = await call("act_on_incident", incident_id, act, who.key_id, reason)
    except BadAct as error:
        raise Problem(409, str(error)) from error
    if row is None:
        raise _missing(incident_id)
    return shown_incident(row)


def members(served: Services, incident_id: str, limit: int, offset: int = 0) -> dict[str, Any]:
    """Complaints of an incident for JSON, as they are stored.

    Raises:
        Problem: 404, there is no such incident.
    """
    row = incident(served.incidents, incident_id)
    if row is None:
        raise _missing(incident_id)
    where = condition(row, served.settings.surge.bucket_s)
    total = int(served.complaints.count_rows(where))
    ids = served.complaints.search().where(where).select(["event_id", "occurred_at"]).limit(2**31 - 1).to_list()
    ids.sort(key=lambda one: (one["occurred_at"], one["event_id"]), reverse=True)
    wanted = [one["event_id"] for one in ids[offset : offset + limit]]
    rows: dict[str, dict[str, Any]] = {}
    if wanted:
        listed = ", ".join(filters.text(one) for one in wanted)
        found = served.complaints.search().where(f"event_id IN ({listed})").select(_COLUMNS).limit(len(wanted))
        rows = {one["event_id"]: plain(one) for one in found.to_list()}
    return {"incident_id": incident_id, "total": total, "complaints": [rows[one] for one in wanted if one in rows]}


def condition(row: dict[str, Any], bucket_s: int) -> str:
    """SQL over complaints: in the incident's segment or a related one, while it went on."""
    segments = [row["segment"], *(row["related"] or ())]
    either = [filters.where({name: [value] for name, value in parse(one).items()}) for one in segments]
    started, ended = _moment(row["started_at"]), row["ended_at"]
    parts = [f"({' OR '.join(f'({one})' for one in either)})", f"occurred_at >= {filters.moment(started)}"]
    if ended:
        parts.append(f"occurred_at <= {filters.moment(_moment(ended) + timedelta(seconds=bucket_s))}")
    return " AND ".join(parts)


def _moment(value: str | datetime) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _missing(incident_id: str) -> Problem:
    return Problem(404, f"incident {incident_id[:40]!r}: not found; see GET /v1/incidents")
