"""The console's pages of models: versions, how each does, its comparison with the champion, promotion and rollback."""

from __future__ import annotations

from typing import Annotated, Any, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from engine.govern.api_keys import Principal
from serve.console.label_pages import Site

#: Who may look at models, and who may change which one classifies.
READERS, CHANGERS = ("ml", "ops", "analyst"), ("ml",)

_SAID = {
    "promoted": "Promoted. New complaints are classified by it at once; stored ones are scored again meanwhile.",
    "challenged": "It is the challenger now: a share of new complaints is tried on it.",
    "rolled-back": "The champion before is the champion again; stored complaints are scored again.",
}


class ModelBackend(Protocol):
    """What the pages show and do; LookupError where there is no such version, ValueError with a readable message
    where something cannot be done.
    """

    async def models(self) -> dict[str, Any]:
        """See serve.models.get_models."""

    async def model(self, name: str, version: str) -> dict[str, Any]:
        """See serve.models.one."""

    async def model_compared(self, name: str, version: str) -> dict[str, Any]:
        """See serve.models.compared, on the audit's labels."""

    async def model_promote(self, user: Principal, name: str, version: str, force: bool, reason: str) -> None:
        """Make a version the champion."""

    async def model_challenge(self, user: Principal, name: str, version: str) -> None:
        """Make a version the challenger."""

    async def model_rollback(self, user: Principal, name: str, reason: str) -> None:
        """Make the champion before the champion again."""


def add(routes: APIRouter, backend: ModelBackend, site: Site) -> None:
    """Add the routes."""

    def lacking(request: Request, user: Principal, error: LookupError) -> Response:
        return site.page("message", request, 404, user=user, title="Not found", text=str(error.args[0]))

    @routes.get("/models")
    @site.guarded
    async def models(request: Request, said: str = "") -> Response:
        user = await site.keeper(request, *READERS)
        found, wrong = None, None
        try:
            found = await backend.models()
        except ValueError as error:
            wrong = str(error)
        return site.page(
            "models", request, 500 if wrong else 200, user=user, found=found, wrong=wrong, said=_SAID.get(said),
            changes=user.may(*CHANGERS), token=site.token(request),
        )  # fmt: skip

    @routes.get("/models/{name}/{version}")
    @site.guarded
    async def model(request: Request, name: str, version: str, said: str = "") -> Response:
        user = await site.keeper(request, *READERS)
        try:
            found = await backend.model(name, version)
        except LookupError as error:
            return lacking(request, user, error)
        except ValueError as error:
            return site.page("message", request, 500, user=user, title="Not to be read", text=str(error))
        return site.page(
            "model", request, user=user, found=found, said=_SAID.get(said), here=address(name, version),
            changes=user.may(*CHANGERS), token=site.token(request),
        )  # fmt: skip

    async def compare_page(
        request: Request, user: Principal, name: str, version: str, refused: str = "", reason: str = ""
    ) -> Response:
        try:
            found = await backend.model_compared(name, version)
        except LookupError as error:
            return lacking(request, user, error)
        except ValueError as error:
            return site.page("message", request, 409, user=user, title="Not to be compared", text=str(error))
        return site.page(
            "model_compare", request, 409 if refused else 200, user=user, found=found, refused=refused, reason=reason,
            here=address(name, version), token=site.token(request),
        )  # fmt: skip

    @routes.get("/models/{name}/{version}/compare")
    @site.guarded
    async def compare(request: Request, name: str, version: str) -> Response:
        return await compare_page(request, await site.keeper(request, *CHANGERS), name, version)

    @routes.post("/models/{name}/{version}/promote")
    @site.guarded
    async def promote(
        request: Request,
        name: str,
        version: str,
        token: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
        force: Annotated[bool, Form()] = False,
        confirm: Annotated[bool, Form()] = False,
    ) -> Response:
        user = await site.keeper(request, *CHANGERS)
        site.ours(request, user, token)
        refused = _unsaid(reason, confirm)
        if not refused:
            try:
                await backend.model_promote(user, name, version, force, reason)
                return site.to(f"{address(name, version)}?said=promoted")
            except LookupError as error:
                return lacking(request, user, error)
            except ValueError as error:
                refused = str(error)
        return await compare_page(request, user, name, version, refused, reason)

    @routes.post("/models/{name}/{version}/challenge")
    @site.guarded
    async def challenge(request: Request, name: str, version: str, token: Annotated[str, Form()] = "") -> Response:
        user = await site.keeper(request, *CHANGERS)
        site.ours(request, user, token)
        try:
            await backend.model_challenge(user, name, version)
        except LookupError as error:
            return lacking(request, user, error)
        except ValueError as error:
            return site.page("message", request, 409, user=user, title="Not the challenger", text=str(error))
        return site.to(f"{address(name, version)}?said=challenged")

    @routes.post("/models/{name}/rollback")
    @site.guarded
    async def rollback(
        request: Request,
        name: str,
        token: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
        confirm: Annotated[bool, Form()] = False,
    ) -> Response:
        user = await site.keeper(request, *CHANGERS)
        site.ours(request, user, token)
        refused = _unsaid(reason, confirm)
        if not refused:
            try:
                await backend.model_rollback(user, name, reason)
                return site.to("/models?said=rolled-back")
            except (LookupError, ValueError) as error:
                refused = str(error.args[0])
        return site.page("message", request, 409, user=user, title="Not rolled back", text=refused)


def address(name: str, version: str) -> str:
    """The page of a version."""
    return f"/models/{quote(name, safe='')}/{quote(version, safe='')}"


def _unsaid(reason: str, confirm: bool) -> str:
    if not reason.strip():
        return "Give a reason; it is kept with the decision."
    return "" if confirm else "Tick the box that says you mean it."
