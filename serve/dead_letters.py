"""Endpoints of the dead letters: what could not be processed, why, and trying it again."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from engine.intake.envelope import Envelope
from engine.intake.publish import publish_all
from engine.intake.retry import again
from engine.store import filters
from serve.auth import require, services
from serve.complaints import moment
from serve.problems import Problem
from serve.services import Services, lookup, plain

router = APIRouter(prefix="/v1", tags=["operations"])

#: Who may read them and try them again.
KEEPERS = ("ops", "steward")

#: What choosing and counting needs of a dead letter.
_NARROW = ["dead_letter_id", "event_id", "attempt", "reason", "failed_at"]

#: Payloads that are held at once while many are tried again.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Chosen:
    """Bounds that all have to be met by a record's last dead letter; `since` is when it failed."""

    reason: str | None = None
    source: str | None = None
    channel: str | None = None
    since: datetime | None = None

    def matches(self, row: dict[str, Any]) -> bool:
        """Whether the row is within them."""
        return (self.reason is None or row["reason"] == self.reason) and (
            self.since is None or row["failed_at"] >= self.since
        )

    def where(self) -> str | None:
        """What no attempt changes, as a condition on the table."""
        parts = [f"{name} = {filters.text(v)}" for name in ("source", "channel") if (v := getattr(self, name))]
        return " AND ".join(parts) or None


@router.get("/dead-letters", dependencies=[Depends(require(*KEEPERS))])
async def get_dead_letters(
    request: Request,
    reason: str | None = None,
    source: str | None = None,
    channel: str | None = None,
    since: Annotated[str | None, Query(description="Failed at this time or later, RFC 3339")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Records that could not be processed and still are not stored, the newest first, without payloads."""
    chosen = Chosen(reason, source, channel, moment("since", since))
    return await listed(services(request), chosen, limit, cursor)


@router.get("/dead-letters/{event_id}", dependencies=[Depends(require(*KEEPERS))])
async def get_dead_letter(request: Request, event_id: str) -> dict[str, Any]:
    """Every attempt at one record, the last one first; an unambiguous beginning of the id is enough."""
    if not 8 <= len(event_id) <= 64 or not set(event_id) <= set("0123456789abcdef"):
        raise Problem(422, f"event id {event_id[:64]!r}: expected 8 to 64 hex digits")
    condition = f"starts_with(event_id, {filters.text(event_id)})"
    rows = await asyncio.to_thread(_rows, services(request).dead, condition)
    ids = {row["event_id"] for row in rows}
    if not ids:
        raise Problem(404, f"dead letter {event_id}: not found; see GET /v1/dead-letters")
    if len(ids) > 1:
        raise Problem(409, f"dead letter {event_id}: several ids begin like this; give more of it")
    (state,) = await lookup(sorted(ids))
    attempts = sorted(rows, key=lambda row: row["attempt"], reverse=True)
    return {"event_id": attempts[0]["event_id"], "state": state, "attempts": [plain(row) for row in attempts]}


class Retry(BaseModel):
    """Which dead letters to try again: by event ids, by bounds, or `all`."""

    model_config = ConfigDict(extra="forbid")
    event_ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]] = Field(default_factory=list, max_length=1000)
    reason: str | None = None
    source: str | None = None
    channel: str | None = None
    since: AwareDatetime | None = None
    all: bool = False


@router.post("/dead-letters/retry", status_code=202, dependencies=[Depends(require(*KEEPERS))])
async def retry_dead_letters(request: Request, which: Retry) -> dict[str, Any]:
    """Send dead letters through the stream again, as a further attempt; their payloads are read from raw."""
    chosen = Chosen(which.reason, which.source, which.channel, which.since)
    if not (which.event_ids or which.all or chosen != Chosen()):
        raise Problem(422, "nothing chosen; give event_ids, a reason, source, channel or since, or all: true")
    return await retry(services(request), chosen, which.event_ids)


async def retry(served: Services, chosen: Chosen, event_ids: list[str]) -> dict[str, Any]:
    """Publish what is chosen again; with `event_ids` only those that begin like one of them."""
    rows = await unresolved(served, chosen)
    if event_ids:
        rows = [row for row in rows if row["event_id"].startswith(tuple(event_ids))]
    attempts = {row["event_id"]: row["attempt"] for row in rows}
    sent = []
    for part in _parts(list(attempts)):
        envelopes = await asyncio.to_thread(_envelopes, served, {key: attempts[key] for key in part})
        await publish_all(served.js, envelopes)
        sent += [one.event_id for one in envelopes]
    return {"retried": len(sent), "event_ids": sent}


async def listed(served: Services, chosen: Chosen, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of dead letters with the counts of all that are chosen by reason."""
    after = _position(cursor) if cursor else None
    rows = await unresolved(served, chosen)
    left = [row for row in rows if after is None or _place(row) < after]
    page = left[:limit]
    return {
        "dead_letters": [plain(row) for row in await asyncio.to_thread(_whole, served.dead, page)],
        "total": len(rows),
        "by_reason": dict(Counter(row["reason"] for row in rows).most_common()),
        "next_cursor": _cursor(page[-1]) if len(left) > limit else None,
    }


async def unresolved(served: Services, chosen: Chosen) -> list[dict[str, Any]]:
    """The last dead letter of each record that is not stored by now, the newest first: columns of _NARROW."""
    last: dict[str, dict[str, Any]] = {}
    found = await asyncio.to_thread(_rows, served.dead, chosen.where(), _NARROW)
    for row in sorted(found, key=lambda r: r["attempt"]):
        last[row["event_id"]] = row
    within = [row for row in last.values() if chosen.matches(row)]
    states = await lookup([row["event_id"] for row in within]) if within else []
    left = [row for row, state in zip(within, states, strict=True) if state != "stored"]
    return sorted(left, key=_place, reverse=True)


def _rows(table: Any, condition: str | None, columns: list[str] | None = None) -> list[dict[str, Any]]:
    query = table.search().limit(1_000_000)
    query = query.select(columns) if columns else query
    rows: list[dict[str, Any]] = (query.where(condition) if condition else query).to_list()
    return rows


def _whole(table: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All columns of these rows, in their order."""
    if not rows:
        return []
    condition = f"dead_letter_id IN ({', '.join(filters.text(row['dead_letter_id']) for row in rows)})"
    found = {row["dead_letter_id"]: row for row in _rows(table, condition)}
    return [found[row["dead_letter_id"]] for row in rows if row["dead_letter_id"] in found]


def _place(row: dict[str, Any]) -> tuple[str, str]:
    """What rows are ordered by."""
    return f"{row['failed_at']:%Y-%m-%dT%H:%M:%S.%f}", row["event_id"]


def _cursor(row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode("|".join(_place(row)).encode()).decode()


def _position(cursor: str) -> tuple[str, str]:
    try:
        moment_, mark, event_id = base64.urlsafe_b64decode(cursor).decode().partition("|")
    except (binascii.Error, ValueError) as error:
        raise Problem(422, "cursor: not one of ours; take next_cursor of the page before") from error
    if not mark:
        raise Problem(422, "cursor: not one of ours; take next_cursor of the page before")
    return moment_, event_id


def _parts(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _envelopes(served: Services, attempts: dict[str, int]) -> list[Envelope]:
    condition = f"event_id IN ({', '.join(filters.text(key) for key in attempts)})"
    found = served.raw.search().where(condition).limit(len(attempts)).to_list()
    return [again(row, attempts[row["event_id"]] + 1, served.keys.data) for row in found]
