"""The console's pages to label on: one complaint at a time by keyboard or form, and its neighbours at once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from engine.govern.api_keys import Principal
from engine.labels.book import BULK

LABELLERS = ("ml",)
_LEAST = 0.85
_MOST_SKIPPED = 50
_SAID = re.compile(r"[a-z0-9_.]{1,80}(, \d{1,4} complaints)?")

Handler = Callable[..., Awaitable[Response]]


class LabelBackend(Protocol):
    """What the pages show and do; ValueError with a readable message where it cannot be done."""

    def shown(self, user: Principal, value: Any) -> Any:
        """A value with the placeholders in its texts as the user's role may see them."""

    async def label_choices(self) -> list[dict[str, Any]]:
        """The taxonomy's live categories: id, name and leaves, each with id, name and description."""

    async def label_next(self, strategy: str | None, skip: list[str]) -> dict[str, Any] | None:
        """The next complaint to label; None where there is none."""

    async def label_one(self, event_id: str) -> dict[str, Any] | None:
        """A complaint that was asked for by its id; None where it is not stored."""

    async def label_stats(self) -> dict[str, Any]:
        """See serve.labels.stats."""

    async def label_alike(self, event_id: str, least: float) -> list[dict[str, Any]]:
        """Complaints without a label like this one."""

    async def label_put(self, user: Principal, event_ids: list[str], label: str, kind: str, confirm: bool) -> int:
        """Label complaints; returns how many labels are new."""

    async def label_withdraw(self, user: Principal, event_id: str) -> None:
        """Take a label back."""


@dataclass(frozen=True, slots=True)
class Site:
    """What these pages share with the console's others.

    Attributes:
        page: renders a template: its name, the request, a status, and the template's values.
        keeper: who asks, if they have one of these roles.
        ours: refuses a form of another site or session.
        token: what a form carries for that.
        guarded: answers what the two refuse.
        to: leads to another address after a form.
    """

    page: Callable[..., Response]
    keeper: Callable[..., Awaitable[Principal]]
    ours: Callable[[Request, Principal, str], None]
    token: Callable[[Request], str]
    guarded: Callable[[Handler], Handler]
    to: Callable[[str], Response]


def add(routes: APIRouter, backend: LabelBackend, site: Site) -> None:
    """Add the routes."""

    @routes.get("/label")
    @site.guarded
    async def label(
        request: Request,
        strategy: str = "",
        event: str = "",
        skip: Annotated[list[str], Query()] = [],  # noqa: B006 -- FastAPI copies defaults
        last: str = "",
        said: str = "",
    ) -> Response:
        user = await site.keeper(request, *LABELLERS)
        skip = [key for key in skip if _is_id(key)][-_MOST_SKIPPED:]
        item, wrong = None, None
        try:
            if event:
                item = await backend.label_one(event)
                wrong = None if item else "There is no complaint with this id."
            else:
                item = await backend.label_next(strategy or None, skip)
        except ValueError as error:
            wrong = str(error)
        state = {"strategy": strategy, "skip": skip}
        return site.page(
            "label", request, 422 if wrong else 200, user=user, item=backend.shown(user, item), wrong=wrong,
            choices=await backend.label_choices(), stats=await backend.label_stats(), token=site.token(request),
            here=address(state), strategy=strategy, last=last if _is_id(last) else "",
            said=said if _SAID.fullmatch(said) else "",
            skipped=address(state | {"skip": [*skip, item["event_id"][:16]]}) if item else "",
        )  # fmt: skip

    @routes.get("/label/alike")
    @site.guarded
    async def alike(request: Request, event: str, label: str, least: float = _LEAST) -> Response:
        user = await site.keeper(request, *LABELLERS)
        item, rows, wrong = None, [], None
        try:
            item = await backend.label_one(event)
            rows = await backend.label_alike(event, min(1.0, max(0.0, least))) if item else []
            wrong = None if item else "There is no complaint with this id."
        except ValueError as error:
            wrong = str(error)
        return site.page(
            "label_alike", request, 422 if wrong else 200, user=user, item=backend.shown(user, item), label=label,
            rows=backend.shown(user, rows), wrong=wrong, least=least, token=site.token(request),
        )  # fmt: skip

    @routes.post("/label")
    @site.guarded
    async def put(
        request: Request,
        token: Annotated[str, Form()] = "",
        event: Annotated[list[str], Form()] = [],  # noqa: B006
        label: Annotated[str, Form()] = "",
        kind: Annotated[str, Form()] = "human",
        confirm: Annotated[bool, Form()] = False,
        back: Annotated[str, Form()] = "/label",
    ) -> Response:
        user = await site.keeper(request, *LABELLERS)
        site.ours(request, user, token)
        event = [key for key in event if _is_id(key)]
        try:
            if not event:
                raise ValueError("No complaint was chosen.")
            done = await backend.label_put(user, event, label, kind, confirm)
        except ValueError as error:
            return site.page("message", request, 422, user=user, title="Not labelled", text=str(error))
        # Of many there is no undo: each is taken back by itself.
        more = {"said": f"{label}, {done} complaints"} if kind == BULK else {"said": label, "last": event[0]}
        return _to(site, back, more)

    @routes.post("/label/withdraw")
    @site.guarded
    async def withdraw(
        request: Request, token: Annotated[str, Form()] = "", event: Annotated[str, Form()] = ""
    ) -> Response:
        user = await site.keeper(request, *LABELLERS)
        site.ours(request, user, token)
        try:
            await backend.label_withdraw(user, event)
        except ValueError as error:
            return site.page("message", request, 422, user=user, title="Nothing to take back", text=str(error))
        return _to(site, "/label", {"event": event})


def address(state: dict[str, Any]) -> str:
    """The address of the page; what is not set is not in it."""
    query = urlencode({name: value for name, value in state.items() if value}, doseq=True)
    return f"/label?{query}" if query else "/label"


def _to(site: Site, back: str, more: dict[str, str]) -> Response:
    """Back to labelling, and to nothing else, with what was done."""
    target = back if back == "/label" or back.startswith("/label?") else "/label"
    return site.to(f"{target}{'&' if '?' in target else '?'}{urlencode(more)}")


def _is_id(text: str) -> bool:
    return 8 <= len(text) <= 64 and set(text) <= set("0123456789abcdef")
