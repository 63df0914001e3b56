"""The console: server-rendered pages, every state in the URL, usable without JavaScript but for live parts."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Protocol
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from engine.govern.api_keys import Principal
from serve.console import assets, label_pages
from serve.console.marks import FILTERS

COOKIE = "beejan_session"

_LOOKERS = ("analyst", "ml", "ops", "steward")
_KEEPERS = ("ops", "steward")
_RETRIERS = ("ops",)
_CHOICES = {
    "channel": ("social", "call_center", "sms", "web_form", "file"),
    "category": ("network", "billing", "service", "account", "device", "fraud", "other"),
    "priority": ("P1", "P2", "P3", "P4"),
}
_PAGE = 25
_Values = Annotated[list[str], Query()]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Backend(label_pages.LabelBackend, Protocol):
    """What the pages show; see serve.backend for the shapes."""

    async def sign_in(self, key: str) -> Principal | None:
        """Who a key belongs to."""

    async def principal(self, session: str) -> Principal | None:
        """Who a session belongs to."""

    def session_for(self, principal: Principal) -> str:
        """A signed cookie value."""

    def shown(self, user: Principal, value: Any) -> Any:
        """A value with the placeholders in its texts as the user's role may see them."""

    async def search(
        self,
        query: str,
        mode: str,
        filters: dict[str, list[str]],
        since: str | None,
        until: str | None,
        limit: int,
        cursor: str | None,
    ) -> dict[str, Any]:
        """Hits; ValueError with a readable message where the search cannot be run."""

    async def complaint(self, event_id: str) -> dict[str, Any] | None:
        """One complaint."""

    async def trace(self, event_id: str) -> dict[str, Any] | None:
        """A complaint's passport, see serve.trace."""

    def form_token(self, session: str) -> str:
        """What forms of this session carry."""

    async def dead_letters(self, state: dict[str, str], limit: int, cursor: str | None) -> dict[str, Any]:
        """A page of dead letters; ValueError with a readable message where the filters cannot be."""

    async def retry_dead_letters(self, state: dict[str, str], event_id: str | None) -> int:
        """Try one again, or all that `state` chooses; ValueError as above."""

    async def overview(self) -> dict[str, Any]:
        """Figures."""

    async def incidents(self, limit: int) -> list[dict[str, Any]]:
        """The newest incidents."""

    async def incident(self, incident_id: str) -> dict[str, Any] | None:
        """One incident."""

    async def quality(self) -> dict[str, Any]:
        """Rules and checks; ValueError with a readable message where the rules cannot be read."""

    async def alert_position(self) -> int:
        """Number of the last alert in the feed, from which the page goes on."""


class _Away(Exception):
    """Answered with another response than the page."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def router(backend: Backend) -> APIRouter:
    """The console's routes."""
    routes = APIRouter(include_in_schema=False)

    def page(name: str, request: Request, status: int = 200, **values: Any) -> HTMLResponse:
        looks = bool(values["user"]) and values["user"].may(*_LOOKERS)
        html = (
            assets.templates()
            .get_template(f"{name}.html")
            .render(
                path=request.url.path,
                looks=looks,
                keeps=looks and values["user"].may(*_KEEPERS),
                labels=looks and values["user"].may(*label_pages.LABELLERS),
                **values,
            )
        )
        return HTMLResponse(html, status, _HEADERS)

    async def who(request: Request) -> Principal:
        session = request.cookies.get(COOKIE)
        principal = await backend.principal(session) if session else None
        if principal is None:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            raise _Away(RedirectResponse(f"/login?next={quote(here, safe='')}", 303, _HEADERS))
        if not principal.may(*_LOOKERS):
            text = f"The role {principal.role} sends complaints and does not read them. Sign in with another key."
            raise _Away(page("message", request, 403, user=principal, title="Not for this key", text=text))
        return principal

    def guarded(handler: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        @wraps(handler)
        async def run(*args: Any, **kwargs: Any) -> Response:
            try:
                return await handler(*args, **kwargs)
            except _Away as away:
                return away.response

        return run

    def missing(request: Request, user: Principal, what: str) -> HTMLResponse:
        text = f"There is no {what} with this id. It may have been typed wrongly, or it is a dead letter."
        return page("message", request, 404, user=user, title="Not found", text=text)

    @routes.get("/login")
    async def login_form(request: Request, next: str = "/") -> Response:
        return page("login", request, user=None, next=_local(next), wrong=False)

    @routes.post("/login")
    async def login(request: Request, key: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:
        if not _same_origin(request):
            return page("message", request, 403, user=None, title="Refused", text="The form came from another site.")
        principal = await backend.sign_in(key.strip())
        if principal is None:
            return page("login", request, 401, user=None, next=_local(next), wrong=True)
        response = RedirectResponse(_local(next), 303, _HEADERS)
        secure = request.url.scheme == "https"
        response.set_cookie(
            COOKIE, backend.session_for(principal), max_age=12 * 3600, httponly=True, samesite="strict", secure=secure
        )
        return response

    @routes.post("/logout")
    async def logout(request: Request) -> Response:
        if not _same_origin(request):
            return page("message", request, 403, user=None, title="Refused", text="The form came from another site.")
        response = RedirectResponse("/login", 303, _HEADERS)
        response.delete_cookie(COOKIE)
        return response

    @routes.get("/")
    @guarded
    async def overview(request: Request) -> Response:
        user = await who(request)
        return page("overview", request, user=user, data=await backend.overview(), incidents=await backend.incidents(3))

    @routes.get("/search")
    @guarded
    async def search(
        request: Request,
        q: str = "",
        mode: str = "hybrid",
        channel: _Values = [],  # noqa: B006 -- FastAPI copies defaults
        category: _Values = [],  # noqa: B006
        subcategory: _Values = [],  # noqa: B006
        priority: _Values = [],  # noqa: B006
        region: _Values = [],  # noqa: B006
        product: _Values = [],  # noqa: B006
        language: _Values = [],  # noqa: B006
        since: str = "",
        until: str = "",
        cursor: str = "",
    ) -> Response:
        user = await who(request)
        values = (channel, category, subcategory, priority, region, product, language)
        filters = {name: _distinct(given) for name, given in zip(FILTERS, values, strict=True)}
        state = {"q": q, "mode": mode, "since": since, "until": until, **filters}
        answer, wrong = None, None
        try:
            answer = await backend.search(q, mode, filters, since or None, until or None, _PAGE, cursor or None)
            answer = backend.shown(user, answer)
        except ValueError as error:
            wrong = str(error)
        more = _address(state | {"cursor": answer["next_cursor"]}) if answer and answer["next_cursor"] else None
        return page(
            "search", request, 422 if wrong else 200, user=user, state=state, answer=answer, wrong=wrong, more=more,
            first=_address(state) if cursor else None, chosen=_chosen(state), choices=_CHOICES,
        )  # fmt: skip

    @routes.get("/complaints/{event_id}")
    @guarded
    async def complaint(request: Request, event_id: str) -> Response:
        user = await who(request)
        row = await backend.complaint(event_id)
        if row is None:
            return missing(request, user, "complaint")
        return page("complaint", request, user=user, row=backend.shown(user, row))

    @routes.get("/complaints/{event_id}/trace")
    @guarded
    async def passport(request: Request, event_id: str) -> Response:
        user = await who(request)
        found = await backend.trace(event_id)
        if found is None:
            return missing(request, user, "complaint")
        return page("trace", request, user=user, found=backend.shown(user, found))

    @routes.get("/alerts")
    @guarded
    async def alerts(request: Request) -> Response:
        user = await who(request)
        # The position first: what comes between the two reads is shown twice rather than never.
        position = await backend.alert_position()
        return page("alerts", request, user=user, incidents=await backend.incidents(100), position=position)

    @routes.get("/quality")
    @guarded
    async def quality(request: Request) -> Response:
        user = await who(request)
        answer, wrong = None, None
        try:
            answer = await backend.quality()
        except ValueError as error:
            wrong = str(error)
        return page("quality", request, 500 if wrong else 200, user=user, answer=answer, wrong=wrong)

    @routes.get("/incidents/{incident_id}")
    @guarded
    async def incident(request: Request, incident_id: str) -> Response:
        user = await who(request)
        row = await backend.incident(incident_id)
        if row is None:
            return missing(request, user, "incident")
        return page("incident", request, user=user, row=row)

    async def keeper(request: Request, *roles: str) -> Principal:
        user = await who(request)
        if not user.may(*roles):
            text = f"The role {user.role} may not do this; it needs {' or '.join((*roles, 'admin'))}."
            raise _Away(page("message", request, 403, user=user, title="Not for this key", text=text))
        return user

    def ours(request: Request, user: Principal, token: str) -> None:
        """Refuse a form of another site or session."""
        right = hmac.compare_digest(token.encode(), form_token(request).encode())
        if not right or not _same_origin(request):
            text = "The form is not one of this session. Go back, reload the page and try again."
            raise _Away(page("message", request, 403, user=user, title="Refused", text=text))

    def form_token(request: Request) -> str:
        return backend.form_token(request.cookies[COOKIE])

    def to(target: str) -> Response:
        return RedirectResponse(target, 303, _HEADERS)

    label_pages.add(routes, backend, label_pages.Site(page, keeper, ours, form_token, guarded, to))

    @routes.get("/dead-letters")
    @guarded
    async def dead_letters(
        request: Request,
        reason: str = "",
        source: str = "",
        channel: str = "",
        since: str = "",
        cursor: str = "",
        sent: int | None = None,
    ) -> Response:
        user = await keeper(request, *_KEEPERS)
        state = {"reason": reason, "source": source, "channel": channel, "since": since}
        answer, wrong = None, None
        try:
            answer = await backend.dead_letters(state, _PAGE, cursor or None)
        except ValueError as error:
            wrong = str(error)
        here = _address(state, "/dead-letters")
        more = answer["next_cursor"] if answer else None
        return page(
            "dead_letters", request, 422 if wrong else 200, user=user, state=state, answer=answer, wrong=wrong,
            token=backend.form_token(request.cookies[COOKIE]), may_retry=user.may(*_RETRIERS), here=here, sent=sent,
            filtered=any(state.values()), channels=_CHOICES["channel"], first=here if cursor else None,
            more=_address(state | {"cursor": more}, "/dead-letters") if more else None,
            address=lambda **changes: _address(state | changes, "/dead-letters"),
        )  # fmt: skip

    @routes.post("/dead-letters/retry")
    @guarded
    async def retry(
        request: Request,
        token: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "/dead-letters",
        event_id: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
        source: Annotated[str, Form()] = "",
        channel: Annotated[str, Form()] = "",
        since: Annotated[str, Form()] = "",
    ) -> Response:
        user = await keeper(request, *_RETRIERS)
        ours(request, user, token)
        state = {"reason": reason, "source": source, "channel": channel, "since": since}
        try:
            done = await backend.retry_dead_letters(state, event_id or None)
        except ValueError as error:
            return page("message", request, 422, user=user, title="Not sent", text=str(error))
        target = _local(back)
        return RedirectResponse(f"{target}{'&' if '?' in target else '?'}sent={done}", 303, _HEADERS)

    @routes.get("/static/{name}")
    def static(request: Request, name: str) -> Response:
        return assets.answer(request, name)

    return routes


def _local(target: str) -> str:
    """A path on this site; anything else is the start page."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if plain and "\\" not in target else "/"


def _same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.split("://", 1)[-1] == request.headers.get("host")


def _distinct(values: list[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _address(state: dict[str, Any], path: str = "/search") -> str:
    """The address of a page's state; what is not set is not in it."""
    return f"{path}?" + urlencode({name: value for name, value in state.items() if value}, doseq=True)


def _chosen(state: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(name, value, address of the search without it) of each narrowing that is set."""
    lists = [
        (name, value, _address(state | {name: [v for v in state[name] if v != value]}))
        for name in FILTERS
        for value in state[name]
    ]
    return lists + [(name, state[name], _address(state | {name: ""})) for name in ("since", "until") if state[name]]
