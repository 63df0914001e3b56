"""The endpoints of saved searches: standing queries that new complaints are held against."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from connectors.lance import open_reader
from connectors.lance_read import fragments_at
from engine.govern.api_keys import Principal
from engine.saved import Saved, calibrated, deliver
from engine.saved.book import Book
from engine.saved.keep import Shelf, book_path
from engine.saved.watch import replay
from engine.search import MODES
from engine.search.query import parse
from engine.store import filters
from models.pii import mask
from serve.auth import require, services
from serve.complaints import DUPLICATES
from serve.problems import Problem
from serve.services import Services, call
from serve.sql import READERS

router = APIRouter(prefix="/v1/saved-searches", tags=["saved searches"])

_SAMPLE = 2000
_POLL_S, _HEARTBEAT_POLLS = 0.5, 30
_PREVIEWED = 100_000


class SavedIn(BaseModel):
    """A search to save."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    q: str = Field("", max_length=2000, description="As in GET /v1/search; empty: the filters alone")
    mode: str = Field("hybrid", description="hybrid or vector: by meaning; text: every word must be there")
    filters: dict[str, list[str]] = Field({}, description="As in GET /v1/search, e.g. {'channel': ['sms']}")
    duplicates: str = Field("all", description="all, or folded: copies of a text do not match")
    cutoff: float | None = Field(None, ge=-1, le=1, description="Least cosine; default: above what is unrelated")
    webhook: str | None = Field(None, max_length=2000, description="Where matches are sent")
    digest_s: float = Field(0, ge=0, le=604_800, description="Sent together, at most this often, s; 0: at once")


class PreviewIn(SavedIn):
    """A search to try on what is stored."""

    name: str = Field("preview", max_length=200)
    days: int = Field(30, ge=1, le=366, description="How far back")


class Desk:
    """What the endpoints work with; opened once a replica, when first asked for.

    Args:
        served: the replica's services.
    """

    def __init__(self, served: Services) -> None:
        root, options = served.settings.zones_uri.rstrip("/"), served.settings.storage_options
        self.shelf = Shelf(open_reader(f"{root}/governance", "saved_searches", options))
        self.book = Book(book_path(served.settings.data_dir))


async def _desk(request: Request) -> Desk:
    state = request.app.state
    if not hasattr(state, "saved"):
        state.saved = await asyncio.to_thread(Desk, services(request))
    found: Desk = state.saved
    return found


@router.get("", dependencies=[Depends(require(*READERS))])
async def get_saved(desk: Annotated[Desk, Depends(_desk)]) -> dict[str, Any]:
    """Every saved search, the oldest first."""
    saved = await asyncio.to_thread(desk.shelf.all)
    return {"saved_searches": [_shown(one) for one in saved]}


@router.post("", status_code=201)
async def post_saved(
    request: Request, who: Annotated[Principal, Depends(require(*READERS))], given: SavedIn
) -> dict[str, Any]:
    """Save a search; from now on new complaints are held against it. With a webhook, `secret` is told this once."""
    served = services(request)
    one = await asyncio.to_thread(_made, served, who, given)
    await call("put_saved_search", one.row())
    secret = deliver.secret_of(served.keys.pseudonym, one.search_id)
    return _shown(one) | ({"secret": secret} if one.webhook else {})


@router.post("/preview")
async def post_preview(
    request: Request, who: Annotated[Principal, Depends(require(*READERS))], given: PreviewIn
) -> dict[str, Any]:
    """What a search would have matched in the past days, by the very code that new complaints are held against."""
    return await asyncio.to_thread(_preview, services(request), who, given)


@router.get("/stream", dependencies=[Depends(require(*READERS))])
async def stream_matches(
    request: Request, desk: Annotated[Desk, Depends(_desk)], search_id: str | None = None
) -> StreamingResponse:
    """Matches as they are found: server-sent events named `match`; `Last-Event-ID` replays what came after it."""
    given = request.headers.get("last-event-id")
    if given is not None and not given.isdigit():
        raise Problem(422, "Last-Event-ID: expected a number, the id of an event received before")
    after = int(given) if given is not None else await asyncio.to_thread(desk.book.last)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(desk, after, search_id), media_type="text/event-stream", headers=headers)


@router.get("/{search_id}/matches", dependencies=[Depends(require(*READERS))])
async def get_matches(
    desk: Annotated[Desk, Depends(_desk)], search_id: str, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> dict[str, Any]:
    """What a saved search has matched, the newest first."""
    one = await asyncio.to_thread(_one, desk, search_id)
    rows = await asyncio.to_thread(desk.book.newest, search_id, limit)
    return {"matches": [deliver.event(row, {one.search_id: one.name}) | {"seq": row["seq"]} for row in rows]}


@router.delete("/{search_id}")
async def delete_saved(
    who: Annotated[Principal, Depends(require(*READERS))], desk: Annotated[Desk, Depends(_desk)], search_id: str
) -> dict[str, Any]:
    """Remove a saved search and what it matched; its owner and the admin may."""
    one = await asyncio.to_thread(_one, desk, search_id)
    if one.owner != who.key_id and who.role != "admin":
        raise Problem(403, f"saved search {search_id}: only the key that saved it and the admin may remove it")
    await call("put_saved_search", one.row() | {"removed": True})
    await asyncio.to_thread(desk.book.remove, search_id)
    return {"removed": search_id}


def _one(desk: Desk, search_id: str) -> Saved:
    for one in desk.shelf.all():
        if one.search_id == search_id:
            return one
    raise Problem(404, f"saved search {search_id[:40]!r}: not found; see GET /v1/saved-searches")


def _made(served: Services, who: Principal, given: SavedIn) -> Saved:
    """A saved search with its vector and cut-off.

    Raises:
        Problem: 422, it cannot be.
        BadFilter: an unknown column, or a value that cannot be.
    """
    if given.mode not in MODES or given.duplicates not in DUPLICATES:
        raise Problem(422, f"mode: expected one of {', '.join(MODES)}; duplicates: one of {', '.join(DUPLICATES)}")
    allowed = served.settings.saved.webhooks
    if given.webhook is not None and not any(given.webhook.startswith(prefix) for prefix in allowed):
        raise Problem(422, f"webhook: it begins with none of the addresses in saved.webhooks ({len(allowed)} given)")
    names = {"cluster": "cluster_id", "customer": "customer_id"}
    equals = {names.get(name, name): values for name, values in given.filters.items()}
    filters.where(equals)
    query = mask(" ".join(given.q.split()), served.keys.pseudonym).text
    parsed = parse(query)
    if query and not parsed.meaning:
        raise Problem(422, "q: it only says what must not be; add what to look for")
    one = Saved(
        secrets.token_hex(8), given.name, query, given.mode, equals, given.duplicates == "folded", given.cutoff or 0.0,
        [], who.key_id, given.webhook, given.digest_s, datetime.now(UTC).isoformat(),
    )  # fmt: skip
    if not query or given.mode == "text":
        return one
    vector = served.search.vector(parsed.meaning)
    cutoff = given.cutoff if given.cutoff is not None else calibrated(vector, _unrelated(served))
    return replace(one, vector=vector.tolist(), cutoff=cutoff)


def _unrelated(served: Services) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(n, d) vectors of complaints taken at random."""
    dataset, _ = fragments_at(served.complaints, int(served.complaints.version))
    count = min(_SAMPLE, dataset.count_rows())
    if not count:
        return np.zeros((0, 1), np.float32)
    column = dataset.sample(count, columns=["vector"])["vector"].combine_chunks().drop_null()
    flat = np.asarray(column.flatten(), np.float32)
    return flat.reshape(-1, column.type.list_size)


def _preview(served: Services, who: Principal, given: PreviewIn) -> dict[str, Any]:
    one = _made(served, who, given)
    since = datetime.now(UTC) - timedelta(days=given.days)
    version = int(served.complaints.version)
    condition = filters.where({}, since)
    days: Counter[str] = Counter()
    examples: list[dict[str, Any]] = []
    for count, (match, row) in enumerate(replay(served.complaints, version, [one], condition), 1):
        days[row["occurred_at"].date().isoformat()] += 1
        if len(examples) < 10:
            examples.append({"event_id": row["event_id"], "score": match.score})
        if count >= _PREVIEWED:
            break
    return {
        "matches": days.total(), "days": given.days, "by_day": dict(sorted(days.items())), "examples": examples,
        "cutoff": one.cutoff, "version": version, "more": days.total() >= _PREVIEWED,
    }  # fmt: skip


async def _events(desk: Desk, after: int, search_id: str | None) -> AsyncIterator[str]:
    yield ": connected\n\nretry: 2000\n\n"
    quiet = 0
    while True:
        rows = await asyncio.to_thread(desk.book.after, after, search_id)
        names = {one.search_id: one.name for one in await asyncio.to_thread(desk.shelf.all)} if rows else {}
        for row in rows:
            after = row["seq"]
            data = json.dumps(deliver.event(row, names), ensure_ascii=False)
            yield f"id: {after}\nevent: match\ndata: {data}\n\n"
        quiet = 0 if rows else quiet + 1
        if quiet >= _HEARTBEAT_POLLS:
            yield ": still here\n\n"
            quiet = 0
        if not rows:
            await asyncio.sleep(_POLL_S)


def _shown(one: Saved) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "vector"}
