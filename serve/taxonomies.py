"""Endpoints of the taxonomy's versions: trees, crosswalks, trends told in any of them, and changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict

from connectors.errors import Transient
from engine.curate.context import load_lineage
from engine.taxonomy import local, shown
from engine.taxonomy.stored import Stored
from engine.taxonomy.trends import By
from engine.taxonomy.versions import BadChange, NoVersion
from serve.auth import require, services
from serve.problems import Problem

router = APIRouter(prefix="/v1/taxonomies", tags=["taxonomy"])

_READERS = [Depends(require("analyst", "ml", "ops", "steward"))]


@router.get("", dependencies=_READERS)
async def get_taxonomies(request: Request) -> dict[str, Any]:
    """Every version of the taxonomy, how each was made, and which one is current."""
    settings = services(request).settings
    return await _told(lambda: shown.listed(load_lineage(settings)))


@router.get("/{version}", dependencies=_READERS)
async def get_taxonomy(request: Request, version: str) -> dict[str, Any]:
    """One version's tree; `current` for the one that complaints are classified by."""
    settings = services(request).settings
    return await _told(lambda: shown.version(load_lineage(settings), _named(version)))


@router.get("/{version}/crosswalk", dependencies=_READERS)
async def get_crosswalk(
    request: Request,
    version: str,
    to: Annotated[str, Query(max_length=40, description="The other version, older or newer")] = "current",
) -> dict[str, Any]:
    """What became of each leaf of a version in another, with shares where it was divided."""
    settings = services(request).settings

    def found() -> dict[str, Any]:
        lineage = load_lineage(settings)
        return shown.crosswalk(lineage, _named(version) or lineage.current.version, _named(to))

    return await _told(found)


@router.get("/{version}/trends", dependencies=_READERS)
async def get_version_trends(
    request: Request,
    version: str,
    by: By = "category",
    bucket_s: Annotated[int, Query(ge=300, le=31_536_000, description="Length of a bucket, s")] = 86_400,
    since: Annotated[AwareDatetime | None, Query(description="Occurred at this time or later")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Occurred before this time")] = None,
) -> dict[str, Any]:
    """Complaints over time told in one version, whichever they were classified by; breaks and estimates are marked."""
    settings = services(request).settings

    def found() -> dict[str, Any]:
        lineage = load_lineage(settings)
        return shown.over_time(Stored.open(settings), lineage, _named(version), by, bucket_s, since, until)

    return await _told(found)


class NewChange(BaseModel):
    """A change as its file holds it, and whether to show what it would do (`plan`) or to do it (`apply`)."""

    model_config = ConfigDict(extra="forbid")
    mode: Literal["plan", "apply"]
    change: dict[str, Any]


@router.post("/changes", dependencies=[Depends(require("ml"))])
async def post_change(request: Request, wanted: NewChange) -> dict[str, Any]:
    """Plan or apply a change; an application answers when it is done, and one that was cut off goes on."""
    served = services(request)
    if wanted.mode == "plan":
        return await _told(lambda: local.show_plan(served.settings, wanted.change))
    return await _told(lambda: local.apply_there(served.settings, wanted.change, served.embedder))


def _named(version: str) -> str | None:
    return None if version == "current" else version


async def _told(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return await asyncio.to_thread(question)
    except NoVersion as error:
        raise Problem(404, str(error)) from error
    except BadChange as error:
        raise Problem(422, str(error)) from error
    except local.ApplyRuns as error:
        raise Problem(409, str(error)) from error
    except Transient as error:
        raise Problem(503, str(error), {"Retry-After": "5"}) from error
