"""The complaint form for the public: a page that works without JavaScript, its thanks and its errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from connectors.errors import BeejanError
from connectors.forms import fields
from connectors.source import BadCall
from connectors.web_form.form import WebForm
from connectors.web_form.settings import TOKEN, TRAP
from serve.console import assets
from serve.hooks import Hook, call_of, hooks, refusal
from serve.problems import Problem, of

router = APIRouter(prefix="/form", tags=["intake"], include_in_schema=False)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

#: What people are told when it is not what they wrote that is wrong.
_WORDS = {
    404: ("There is no such form", "The address may have been typed wrongly."),
    413: ("This is too long", "Nothing was sent. Please shorten the text."),
    429: ("Too many at once", "Nothing was sent yet. Please wait a minute and send it again."),
}
_AWAY = ("Not sent yet", "We cannot take it at the moment. Please send it again in a minute.")


@router.get("/{source}")
async def get_form(request: Request, source: str) -> Response:
    """The empty form."""
    try:
        hook, form = await _find(request, source)
    except Problem as problem:
        return _message(problem)
    return _page(hook, form, {}, form.token(datetime.now(UTC)))


@router.post("/{source}")
async def post_form(request: Request, source: str) -> Response:
    """Take a filled-in form; thanks once JetStream has stored it, else the form again with what was written."""
    try:
        hook, form = await _find(request, source)
        headers, body = await call_of(request, hook)
    except Problem as problem:
        return _message(problem)
    try:
        await hooks(request).take(hook, headers, body)
    except BadCall as error:
        return _again(hook, form, headers, body, Problem(422, str(error)), str(error))
    except (BeejanError, Problem) as error:
        refused = of(refusal(error))
        return _again(hook, form, headers, body, refused, _WORDS.get(refused.status, _AWAY)[1])
    return RedirectResponse(f"/form/{source}/thanks", 303, _HEADERS)


@router.get("/{source}/thanks")
async def get_thanks(request: Request, source: str) -> Response:
    """After a form was taken."""
    try:
        _, form = await _find(request, source)
    except Problem as problem:
        return _message(problem)
    return _render(200, title="Thank you", text=form.settings.thanks, again=f"/form/{source}")


async def _find(request: Request, source: str) -> tuple[Hook, WebForm]:
    hook = await hooks(request).find(source)
    if not isinstance(hook.webhook, WebForm):
        raise Problem(404, f"source {source}: no form")
    return hook, hook.webhook


def _again(
    hook: Hook, form: WebForm, headers: dict[str, str], body: bytes, problem: Problem, wrong: str
) -> HTMLResponse:
    """The form with what was written; its token stays, so that sending it again is the same complaint."""
    try:
        written = fields(headers, body).named()
    except BadCall:
        written = {}
    now = datetime.now(UTC)
    token = written.get(TOKEN, "")
    page = _page(hook, form, written, token if form.knows(token, now) else form.token(now), wrong, problem.status)
    page.headers.update({name: value for name, value in (problem.headers or {}).items() if name == "Retry-After"})
    return page


def _page(
    hook: Hook, form: WebForm, written: dict[str, str], token: str, wrong: str | None = None, status: int = 200
) -> HTMLResponse:
    return _render(
        status,
        title=form.settings.title,
        form=form.settings,
        action=f"/form/{hook.name}",
        written=written,
        token=token,
        wrong=wrong,
        names={"token": TOKEN, "trap": TRAP},
    )


def _message(problem: Problem) -> HTMLResponse:
    title, text = _WORDS.get(problem.status, _AWAY)
    page = _render(problem.status, title=title, text=text, again=None)
    page.headers.update({name: value for name, value in (problem.headers or {}).items() if name == "Retry-After"})
    return page


def _render(status: int, **values: Any) -> HTMLResponse:
    name = "form.html" if "form" in values else "form_message.html"
    return HTMLResponse(assets.templates().get_template(name).render(**values), status, _HEADERS)
