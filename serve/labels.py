"""Endpoints of labels: what to label next, giving labels, and what they say about the model."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from connectors.errors import Transient
from engine.curate.context import load_taxonomy
from engine.govern.api_keys import Principal
from engine.labels import concept
from engine.labels.book import AUDIT, IMPORT
from engine.labels.desk import Desk, for_training
from engine.labels.queue import STRATEGIES
from engine.labels.vocabulary import UnknownLabel, check, labels_of
from models.taxonomy import Taxonomy
from serve.auth import require, services
from serve.complaints import id_of
from serve.problems import Problem
from serve.search import by_ids
from serve.services import Services, call, plain
from serve.shown import shown

router = APIRouter(prefix="/v1/labels", tags=["labels"])

#: Who labels.
LABELLERS = ("ml",)

#: Digits of a whole event id.
_WHOLE = 64

Who = Annotated[Principal, Depends(require(*LABELLERS))]
_EventId = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
_Label = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class LabelIn(BaseModel):
    """What a complaint is."""

    model_config = ConfigDict(extra="forbid")
    event_id: str = Field(pattern=r"^[0-9a-f]{8,64}$", description="Its id, or at least 8 digits of it")
    label: _Label = Field(description="A category or a leaf of the taxonomy")
    also: list[_Label] = Field(default_factory=list, max_length=8, description="Further labels it has")
    kind: Literal["human", "bulk", "audit", "import"] = Field(
        "human", description="audit only for what the queue asked for as that"
    )
    confirm: bool = Field(False, description="Keep a label that stands once more: a suspected one was looked at")


class LabelsIn(BaseModel):
    """Many at once."""

    model_config = ConfigDict(extra="forbid")
    labels: list[LabelIn] = Field(min_length=1, max_length=1000)


class Withdrawal(BaseModel):
    """Whose label to take back."""

    model_config = ConfigDict(extra="forbid")
    event_id: _EventId


class ConceptIn(BaseModel):
    """Examples of what is to be a label."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}$", description="category.leaf")
    event_ids: list[_EventId] = Field(min_length=2, max_length=50)
    limit: int = Field(20, ge=0, le=200, description="Matches to show")


@router.post("")
async def post_labels(request: Request, given: LabelIn | LabelsIn, who: Who) -> dict[str, Any]:
    """Keep one label or up to 1,000; each newer one of a complaint supersedes the older, which stays in its history.

    All are refused where one label is not in the taxonomy or one complaint is not stored; imported labels of complaints
    that are not stored are left out and counted as unknown.
    """
    wanted = given.labels if isinstance(given, LabelsIn) else [given]
    return await put(services(request), wanted, who.name)


@router.post("/withdraw")
async def post_withdrawal(request: Request, which: Withdrawal, who: Who) -> dict[str, Any]:
    """Take a complaint's label back; what it had superseded stands again."""
    return await withdraw(services(request), which.event_id, who.name)


@router.post("/withdraw-bulk")
async def post_bulk_withdrawal(request: Request, who: Who) -> dict[str, Any]:
    """Take back together what you accepted in bulk last; a label that somebody changed since then stays."""
    rows = await call("withdraw_bulk", who.name)
    if not rows:
        raise Problem(404, f"{who.name}: nothing that was accepted in bulk stands")
    return {"withdrawn": len(rows), "event_ids": [row["event_id"] for row in rows]}


@router.get("/next")
async def get_next(
    request: Request,
    who: Who,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    strategy: Annotated[str | None, Query(description=", ".join(STRATEGIES))] = None,
    skip: Annotated[list[_EventId], Query(max_length=200, description="Ids, or their beginnings, to leave out")] = [],  # noqa: B006
) -> dict[str, Any]:
    """What to label next, each with its strategy and the reason; the audit's come without the model's opinion."""
    answer: dict[str, Any] = shown(
        services(request).pii, who.role, await upcoming(services(request), limit, strategy, skip)
    )
    return answer


@router.get("/stats", dependencies=[Depends(require(*LABELLERS))])
async def get_stats(request: Request) -> dict[str, Any]:
    """How many labels there are, by kind and label, and how often the model is right where the audit looked."""
    return await stats(services(request))


@router.get("/alike")
async def get_alike(
    request: Request,
    who: Who,
    event_id: _EventId,
    least: Annotated[float, Query(ge=0, le=1, description="Cosine at least")] = 0.85,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Complaints without a label that are like this one; post those that are right with the kind bulk."""
    answer: dict[str, Any] = shown(
        services(request).pii, who.role, await alike(services(request), event_id, least, limit)
    )
    return answer


@router.post("/concept")
async def post_concept(request: Request, wanted: ConceptIn, who: Who) -> dict[str, Any]:
    """What a label made of a few examples would be and match: a proposal for the taxonomy's file; nothing is kept."""
    served = services(request)
    ids = [await _id(served, key) for key in dict.fromkeys(wanted.event_ids)]
    found = await asyncio.to_thread(concept.propose, desk(served), wanted.name, list(dict.fromkeys(ids)), wanted.limit)
    if "proposal" not in found:
        raise Problem(422, f"concept {wanted.name}: {len(found['found'])} examples; expected two distinct or more")
    answer: dict[str, Any] = shown(served.pii, who.role, found | {"matches": [plain(r) for r in found["matches"]]})
    return answer


@router.get("", dependencies=[Depends(require(*LABELLERS))])
async def get_labels(
    request: Request,
    event_id: Annotated[_EventId | None, Query(description="One complaint's, with its history")] = None,
    history: Annotated[bool, Query(description="What was superseded too")] = False,
    training: Annotated[bool, Query(description="Only what a model may learn from: none of the audit's")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Labels, the newest first; without texts, which are found by event_id or text_hash."""
    rows = await asyncio.to_thread(desk(services(request)).history)
    if event_id:
        rows = [row for row in rows if row["event_id"].startswith(event_id)]
    elif training:
        rows = for_training(rows)
    elif not history:
        rows = [row for row in rows if row["superseded_by"] is None and row["labels"]]
    after = _position(cursor) if cursor else None
    left = [row for row in rows if after is None or _place(row) < after]
    page = left[:limit]
    return {
        "labels": [plain(row) for row in page],
        "total": len(rows),
        "next_cursor": _cursor(page[-1]) if len(left) > limit else None,
    }


def desk(served: Services) -> Desk:
    """The desk over the replica's tables."""
    return served.desk


#: By data folder: when the taxonomy was read, and it. To read it takes longer than all the rest of a request.
_trees: dict[Path, tuple[float, Taxonomy]] = {}
_KEEP_S = 5.0


def taxonomy(served: Services) -> Taxonomy:
    """The taxonomy as it is configured, at most some seconds ago."""
    found = _trees.get(served.settings.data_dir)
    if found is None or time.monotonic() - found[0] > _KEEP_S:
        found = _trees[served.settings.data_dir] = (time.monotonic(), load_taxonomy(served.settings))
    return found[1]


async def put(served: Services, wanted: Sequence[LabelIn], labeller: str) -> dict[str, Any]:
    """Check labels and have the writer keep them; imported ones of complaints that are not stored are left out.

    Raises:
        Problem: 422 an unknown label, or audit where the queue did not ask; 404 a complaint that is not stored.
    """
    tree = await asyncio.to_thread(taxonomy, served)
    try:
        check([name for one in wanted for name in (one.label, *one.also)], labels_of(tree))
    except UnknownLabel as error:
        raise Problem(422, str(error)) from error
    ids = await _ids(served, wanted)
    audited = [ids[one.event_id] for one in wanted if one.kind == AUDIT]
    strange = set(audited) - await asyncio.to_thread(desk(served).in_audit, audited) if audited else set()
    if strange:
        raise Problem(
            422,
            f"complaint {min(strange)}: the audit does not ask for it, and what was chosen on purpose would make its "
            "figures wrong; give the kind human",
        )
    rows = [
        {
            "event_id": ids[one.event_id],
            "labels": list(dict.fromkeys((one.label, *one.also))),
            "labeller": labeller,
            "kind": one.kind,
            "taxonomy_version": f"{tree.name}/{tree.version}",
            "confirm": one.confirm,
        }
        for one in wanted
    ]
    try:
        told = await call("put_labels", rows)
    except Transient as error:
        raise Problem(503, str(error), {"Retry-After": "5"}) from error
    states = [one["state"] for one in told]
    return {"labels": told} | {state: states.count(state) for state in ("new", "superseded", "unchanged", "unknown")}


async def withdraw(served: Services, event_id: str, labeller: str) -> dict[str, Any]:
    """Take the label of a complaint back.

    Raises:
        Problem: 404, it has none.
    """
    key = await asyncio.to_thread(_labelled, served, event_id)
    row = await call("withdraw_label", key, labeller) if key else None
    if row is None:
        raise Problem(404, f"complaint {event_id}: it has no label")
    return {"event_id": row["event_id"], "labels": row["labels"], "label_id": row["label_id"]}


async def upcoming(served: Services, limit: int, strategy: str | None, skip: Sequence[str] = ()) -> dict[str, Any]:
    """What to label next.

    Raises:
        Problem: 422, no such strategy.
    """
    if strategy and strategy not in STRATEGIES:
        raise Problem(422, f"strategy {strategy[:40]!r}: expected one of {', '.join(STRATEGIES)}")
    rows = await asyncio.to_thread(desk(served).next, limit, strategy or None, skip)
    return {"items": [plain(row) for row in rows]}


async def one(served: Services, event_id: str) -> dict[str, Any] | None:
    """One complaint to label, asked for by its id; None where it is not stored."""
    key = await asyncio.to_thread(id_of, served.complaints, event_id)
    row = await asyncio.to_thread(desk(served).one, key) if key else None
    return plain(row) if row else None


async def alike(served: Services, event_id: str, least: float, limit: int) -> dict[str, Any]:
    """Complaints like one."""
    key = await _id(served, event_id)
    rows = await asyncio.to_thread(desk(served).alike, key, least, limit)
    return {"event_id": key, "items": [plain(row) for row in rows]}


async def stats(served: Services) -> dict[str, Any]:
    """Figures of the labels and of the audit."""
    tree = await asyncio.to_thread(taxonomy, served)
    found = await asyncio.to_thread(desk(served).stats, labels_of(tree))
    return {"taxonomy_version": f"{tree.name}/{tree.version}"} | found


async def _ids(served: Services, wanted: Sequence[LabelIn]) -> dict[str, str]:
    """The whole id of each that was given, those that are whole looked up at once."""
    given = list(dict.fromkeys(one.event_id for one in wanted))
    whole = [key for key in given if len(key) == _WHOLE]
    stored = {row["event_id"] for row in await asyncio.to_thread(by_ids, served.complaints, whole, ["event_id"])}
    imported = {one.event_id for one in wanted if one.kind == IMPORT and len(one.event_id) == _WHOLE}
    return {key: key if key in stored or key in imported else await _id(served, key) for key in given}


async def _id(served: Services, event_id: str) -> str:
    key = await asyncio.to_thread(id_of, served.complaints, event_id)
    if key is None:
        raise Problem(404, f"complaint {event_id}: not stored; see GET /v1/search")
    return key


def _labelled(served: Services, event_id: str) -> str | None:
    """The id with a label that begins like this, of a complaint that may be gone."""
    ids = {row["event_id"] for row in desk(served).history() if row["event_id"].startswith(event_id)}
    if len(ids) > 1:
        raise Problem(409, f"complaint {event_id}: several ids begin like this; give more of it")
    return next(iter(ids), None)


def _place(row: dict[str, Any]) -> tuple[str, str]:
    return f"{row['created_at']:%Y-%m-%dT%H:%M:%S.%f}", row["label_id"]


def _cursor(row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode("|".join(_place(row)).encode()).decode()


def _position(cursor: str) -> tuple[str, str]:
    try:
        moment, mark, label_id = base64.urlsafe_b64decode(cursor).decode().partition("|")
    except (binascii.Error, ValueError) as error:
        raise Problem(422, "cursor: not one of ours; take next_cursor of the page before") from error
    if not mark:
        raise Problem(422, "cursor: not one of ours; take next_cursor of the page before")
    return moment, label_id
