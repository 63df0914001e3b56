"""The console: server-rendered pages, every state in the URL, usable without JavaScript but for live parts."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Protocol
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from engine.govern.api_keys import Principal
from serve import problems
from serve.console import assets, cluster_pages, label_pages, model_pages
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
_PERIODS = ("24h", "7d", "28d")
_TITLES = {404: "Not found", 409: "Not possible", 422: "Not possible", 429: "Not now", 503: "Not now"}
_INTERVALS = ("hour", "day", "week")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


#: Plotly's WebGL traces make functions from text, so the page of the map lets them; nobody else's script runs there.
_MAP_POLICY = _HEADERS["Content-Security-Policy"].replace("script-src 'self'", "script-src 'self' 'unsafe-eval'")


class Backend(label_pages.LabelBackend, model_pages.ModelBackend, cluster_pages.ClusterBackend, Protocol):
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
        folded: bool,
    ) -> dict[str, Any]:
        """Hits; ValueError with a readable message where the search cannot be run."""

    async def search_counts(
        self,
        query: str,
        mode: str,
        filters: dict[str, list[str]],
        since: str | None,
        until: str | None,
        folded: bool,
        interval: str,
    ) -> dict[str, Any]:
        """`facets` and `trends` of a search, see serve.counts, each None where it cannot be counted."""

    async def similar(self, event_id: str) -> dict[str, list[dict[str, Any]]]:
        """Complaints like this one by what they are to it; a kind without any is left out."""

    async def cluster_names(self) -> dict[str, str]:
        """The name of each cluster by its id."""

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

    async def overview(self, period: str) -> dict[str, Any]:
        """Figures of a period: 24h, 7d or 28d; see serve.overview."""

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
        sections = _sections(values["user"])
        here = "/" + request.url.path.split("/")[1]
        html = (
            assets.templates()
            .get_template(f"{name}.html")
            .render(
                path=request.url.path,
                section=_SECTION_OF.get(here, here),
                sections=sections,
                open_to={href for href, _ in sections},
                **values,
            )
        )
        headers = _HEADERS | ({"Content-Security-Policy": _MAP_POLICY} if name == "clusters" else {})
        return HTMLResponse(html, status, headers)

    async def who(request: Request) -> Principal:
        session = request.cookies.get(COOKIE)
        principal = await backend.principal(session) if session else None
        if principal is None:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            raise _Away(RedirectResponse(f"/login?next={quote(here, safe='')}", 303, _HEADERS))
        request.state.user = principal
        if not principal.may(*_LOOKERS):
            text = f"The role {principal.role} sends complaints and does not read them. Sign in with another key."
            raise _Away(page("message", request, 403, user=principal, title="Not for this key", text=text))
        return principal

    def guarded(handler: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        @wraps(handler)
        async def run(*args: Any, **kwargs: Any) -> Response:
            request: Request = kwargs["request"]
            try:
                return await handler(*args, **kwargs)
            except _Away as away:
                return away.response
            except Exception as error:  # a page, and not JSON, also for what nobody foresaw
                problem = problems.of(error)
            title = _TITLES.get(problem.status, "Something went wrong")
            user = getattr(request.state, "user", None)
            return page("message", request, problem.status, user=user, title=title, text=problem.detail)

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
    async def overview(request: Request, period: str = "7d") -> Response:
        user = await who(request)
        period = period if period in _PERIODS else "7d"
        incidents = backend.shown(user, await backend.incidents(3))
        return page(
            "overview", request, user=user, data=await backend.overview(period), incidents=incidents, periods=_PERIODS
        )

    @routes.get("/search")
    @guarded
    async def search(
        request: Request,
        q: str = "",
        mode: str = "hybrid",
        since: str = "",
        until: str = "",
        duplicates: str = "",
        interval: str = "day",
        cursor: str = "",
    ) -> Response:
        user = await who(request)
        filters = {name: _distinct(request.query_params.getlist(name)) for name in FILTERS}
        folded, interval = duplicates == "folded", interval if interval in _INTERVALS else "day"
        state = {
            "q": q, "mode": mode, "since": since, "until": until, "duplicates": "folded" if folded else "", **filters,
            "interval": "" if interval == "day" else interval,
        }  # fmt: skip
        answer, counts, wrong = None, None, None
        try:
            asked = (q, mode, filters, since or None, until or None)
            answer = backend.shown(user, await backend.search(*asked, _PAGE, cursor or None, folded))
            counts = await backend.search_counts(*asked, folded, interval)
        except ValueError as error:
            wrong = str(error)
        more = _address(state | {"cursor": answer["next_cursor"]}) if answer and answer["next_cursor"] else None
        return page(
            "search", request, 422 if wrong else 200, user=user, state=state, answer=answer, wrong=wrong, more=more,
            first=_address(state) if cursor else None, chosen=_chosen(state), choices=_CHOICES, counts=counts,
            names=await backend.cluster_names(), interval=interval, intervals=_INTERVALS,
            with_value=lambda name, value: _address(state | {name: [*state[name], value]}),
            without_value=lambda name, value: _address(state | {name: [one for one in state[name] if one != value]}),
            address=lambda **given: _address(state | given),
        )  # fmt: skip

    @routes.get("/complaints/{event_id}")
    @guarded
    async def complaint(request: Request, event_id: str) -> Response:
        user = await who(request)
        row = await backend.complaint(event_id)
        if row is None:
            return missing(request, user, "complaint")
        similar = await backend.similar(row["event_id"])
        return page(
            "complaint", request, user=user, row=backend.shown(user, row), similar=backend.shown(user, similar),
            names=await backend.cluster_names(),
        )  # fmt: skip

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
        incidents = backend.shown(user, await backend.incidents(100))
        return page("alerts", request, user=user, incidents=incidents, position=position)

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
        return page("incident", request, user=user, row=backend.shown(user, row))

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

    site = label_pages.Site(page, keeper, ours, form_token, guarded, to)
    label_pages.add(routes, backend, site)
    model_pages.add(routes, backend, site)
    cluster_pages.add(routes, backend, site)

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


#: Pages under another address belong to these sections.
_SECTION_OF = {"/complaints": "/search", "/incidents": "/alerts"}


def _sections(user: Principal | None) -> list[tuple[str, str]]:
    """Addresses and names of the pages that a user may open, in the order of the navigation."""
    if user is None or not user.may(*_LOOKERS):
        return []
    found = [
        ("/", "Overview", _LOOKERS),
        ("/search", "Search", _LOOKERS),
        ("/alerts", "Alerts", _LOOKERS),
        ("/clusters", "Clusters", cluster_pages.READERS),
        ("/label", "Label", label_pages.LABELLERS),
        ("/models", "Models", model_pages.READERS),
        ("/quality", "Quality", _LOOKERS),
        ("/dead-letters", "Dead letters", _KEEPERS),
    ]
    return [(href, name) for href, name, roles in found if user.may(*roles)]


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
    others = ("since", "until", "duplicates")
    return lists + [(name, state[name], _address(state | {name: ""})) for name in others if state[name]]
