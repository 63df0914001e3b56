"""Endpoints of the registry: versions of a classifier, their comparison, promotion and the way back."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import Terminal
from connectors.lance import open_reader
from engine.curate.live import noted
from engine.govern.api_keys import Principal
from engine.registry import drift, job, promote, shadow
from engine.registry.aliases import decisions, read
from engine.registry.errors import BadRegistry, NoModel
from engine.registry.history import history
from engine.registry.load import manifest_of, names
from engine.registry.rescore import of_others
from engine.tables import LABELS
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services

router = APIRouter(prefix="/v1", tags=["models"])

_reads = [Depends(require("ml", "ops", "analyst"))]

#: Who changes the registry.
Who = Annotated[Principal, Depends(require("ml"))]

_SHOWN = 20

#: Drift is of a week; to read it takes a pass over five.
_DRIFT_S = 600.0
_drifts: tuple[float, int] | None = None


class Text(BaseModel):
    """A labelled text that no version was trained on."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=200_000)
    label: str = Field(min_length=1, max_length=200)
    language: str | None = Field(None, max_length=40)
    channel: str | None = Field(None, max_length=40)
    region: str | None = Field(None, max_length=200)


class Comparison(BaseModel):
    """What to compare on: labelled texts, or without them the audit's labels."""

    model_config = ConfigDict(extra="forbid")
    labelled: list[Text] | None = Field(None, max_length=20_000)


class Promotion(Comparison):
    """A promotion; with `force` also without a gain, and then with a reason."""

    force: bool = False
    reason: str = Field("", max_length=2000)


class Rollback(BaseModel):
    """The way back, and why."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field("", max_length=2000)


@router.get("/models", dependencies=_reads)
async def get_models(request: Request) -> dict[str, Any]:
    """Versions of every model with their roles, the newest first, and how far scoring again is."""
    served = services(request)
    return await told(listed, served) | {"state": await asyncio.to_thread(state, served)}


@router.get("/models/{name}/{version}", dependencies=_reads)
async def get_model(request: Request, name: str, version: str) -> dict[str, Any]:
    """A version: manifest, role, decisions about it, its shadow, and how it does on live complaints."""
    return await told(one, services(request), name, version)


@router.post("/models/{name}/{version}/compare")
async def post_compare(request: Request, name: str, version: str, wanted: Comparison, _: Who) -> dict[str, Any]:
    """Compare a version with the champion on held-out labels; nothing is changed."""
    return await told(compared, services(request), name, version, wanted)


@router.post("/models/{name}/{version}/promote")
async def post_promote(request: Request, name: str, version: str, wanted: Promotion, who: Who) -> dict[str, Any]:
    """Make a version the champion; 409 where nothing shows that it is better. Scoring again goes on behind it."""
    return await told(promoted, services(request), name, version, wanted, who)


@router.post("/models/{name}/{version}/challenge")
async def post_challenge(request: Request, name: str, version: str, who: Who) -> dict[str, Any]:
    """Make a version the challenger, which new complaints are tried on."""
    return await told(challenged, services(request), name, version, who)


@router.delete("/models/{name}/challenger")
async def delete_challenger(request: Request, name: str, who: Who) -> dict[str, Any]:
    """Have no challenger: nothing is tried beside the champion any more."""
    served = services(request)
    _configured(served, name)
    return await told(lambda: promote.challenge(served.settings, None, by=_name(who)))


@router.post("/models/{name}/rollback")
async def post_rollback(request: Request, name: str, wanted: Rollback, who: Who) -> dict[str, Any]:
    """Make the champion before this one the champion again."""
    return await told(rolled_back, services(request), name, wanted.reason, who)


def state(served: Services) -> dict[str, Any]:
    """What new complaints are classified by, and how far scoring the stored ones again is."""
    live = noted(served.settings.data_dir) or {}
    version = live.get("classifier_version")
    found = job.status()
    due = int(served.complaints.count_rows(of_others(version))) if version else 0
    working = found.get("state") == "rescoring" and due
    return {
        "classifier_version": version,
        "taxonomy_version": live.get("taxonomy_version"),
        "rescoring": bool(due),
        "due": due,
        "scored": min(int(found.get("scored", 0)), due) if working else 0,
        "failing": int(found.get("failing", 0)),
        **({"error": found["error"]} if "error" in found else {}),
    }


def drifts(served: Services) -> int:
    """How many measures of the champion drift; looked at anew every ten minutes."""
    global _drifts
    now = time.monotonic()
    if _drifts is None or now - _drifts[0] > _DRIFT_S:
        which = promote.id_of(served.settings, read(served.settings.data_dir, served.settings.classifier).champion)
        _drifts = now, int(drift.standing(served.settings, which, datetime.now(UTC)).get("drifts", 0))
    return _drifts[1]


def listed(served: Services) -> dict[str, Any]:
    """Versions of every model with their roles, the newest first."""
    settings = served.settings
    found = [row for name in sorted({*names(settings.data_dir), settings.classifier}) for row in _listed(served, name)]
    champion = read(settings.data_dir, settings.classifier).champion
    return {"classifier": settings.classifier, "champion": promote.id_of(settings, champion), "models": found}


def _listed(served: Services, name: str) -> list[dict[str, Any]]:
    rows = promote.listed(served.settings.data_dir, name)
    return [row | {"manifest": promote.short(row["manifest"])} for row in rows]


def one(served: Services, name: str, version: str) -> dict[str, Any]:
    """See `get_model`.

    Raises:
        NoModel: there is no such version.
        BadRegistry: its manifest cannot be read.
    """
    settings = served.settings
    manifest = manifest_of(settings.data_dir, name, version)
    aliases = read(settings.data_dir, name)
    which = f"{name}/{version}"
    about = [decision for decision in decisions(settings.data_dir, name) if version in _named(decision)]
    return {
        "id": which,
        "role": {aliases.champion: "champion", aliases.challenger: "challenger"}.get(version, ""),
        "manifest": manifest,
        "decisions": about[-_SHOWN:],
        "shadow": _shadow(served, which) if aliases.challenger == version else None,
        "drift": drift.standing(settings, which, datetime.now(UTC)),
        "history": history(settings, which, datetime.now(UTC)),
    }


def _named(decision: dict[str, Any]) -> set[Any]:
    return {decision[role][side] for role in ("champion", "challenger") for side in ("from", "to")}


def _shadow(served: Services, challenger: str) -> dict[str, Any]:
    settings = served.settings
    champion = promote.id_of(settings, read(settings.data_dir, settings.classifier).champion)
    rows = shadow.pair_of(shadow.reader_of(settings), champion, challenger, shadow.SUMMED)
    return {"champion": champion} | shadow.summary(rows.to_pylist())


def compared(served: Services, name: str, version: str, wanted: Comparison) -> dict[str, Any]:
    """See `post_compare`."""
    _configured(served, name)
    settings = served.settings
    if wanted.labelled is not None:
        held = promote.given([row.model_dump() for row in wanted.labelled], settings, served.embedder)
    else:
        labels = open_reader(f"{settings.zones_uri.rstrip('/')}/governance", LABELS.name, settings.storage_options)
        held = promote.audited(served.complaints, labels, promote.known_labels(settings))
    found = promote.report(settings, version, held, served.embedder)
    return found | {"shadow": _shadow(served, f"{name}/{version}")}


def promoted(served: Services, name: str, version: str, wanted: Promotion, who: Principal) -> dict[str, Any]:
    """See `post_promote`."""
    found = compared(served, name, version, wanted)
    decision = promote.promote(
        served.settings, version, found, by=_name(who), force=wanted.force, reason=wanted.reason
    )  # fmt: skip
    return decision | {"report": found}


def challenged(served: Services, name: str, version: str, who: Principal) -> dict[str, Any]:
    """See `post_challenge`."""
    _configured(served, name)
    return promote.challenge(served.settings, version, by=_name(who))


def rolled_back(served: Services, name: str, reason: str, who: Principal) -> dict[str, Any]:
    """See `post_rollback`."""
    _configured(served, name)
    return promote.rollback(served.settings, by=_name(who), reason=reason)


def _configured(served: Services, name: str) -> None:
    if name != served.settings.classifier:
        raise Problem(
            404,
            f"model {name[:64]!r}: complaints are classified by {served.settings.classifier!r} (setting classifier)",
        )


def _name(who: Principal) -> str:
    return f"{who.name} ({who.key_id})"


async def told(question: Any, *arguments: Any) -> dict[str, Any]:
    """Ask beside the loop; Problem where the answer is a refusal."""
    try:
        found: dict[str, Any] = await asyncio.to_thread(question, *arguments)
    except NoModel as error:
        raise Problem(404, str(error)) from error
    except BadRegistry as error:
        raise Problem(500, str(error)) from error
    except Terminal as error:  # not better, or of no use here
        raise Problem(409, str(error)) from error
    return found
