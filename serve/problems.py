"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import logging
import traceback
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from connectors.errors import BeejanError, MessageTooLarge, StreamFull, Transient
from engine.intake.contract import named_by_kind
from engine.intake.slow import IntakeSlowed
from engine.store.filters import BadFilter

log = logging.getLogger("beejan.api")

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        detail: what failed, on what, and what to do.
        headers: more headers, e.g. Retry-After in seconds.
        extra: more members, e.g. `errors`.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(status, detail)
        self.status, self.detail, self.headers, self.extra = status, detail, headers, extra

    def response(self) -> JSONResponse:
        """As JSON, personal data masked: a value that is named in it may be a phone number in the wrong field."""
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": named_by_kind(self.detail),
            **self.extra,
        }
        if "errors" in body:
            body["errors"] = [e | {"message": named_by_kind(str(e.get("message", "")))} for e in body["errors"]]
        return JSONResponse(body, self.status, self.headers, MEDIA_TYPE)


def of(error: Exception) -> Problem:
    """The problem that an error of ours is to a client."""
    match error:
        case Problem():
            return error
        case IntakeSlowed():
            return Problem(429, str(error), {"Retry-After": str(error.retry_after_s)})
        case StreamFull():
            return Problem(429, str(error), {"Retry-After": "5"})
        case MessageTooLarge():
            return Problem(413, str(error))
        case Transient():
            return Problem(503, str(error), {"Retry-After": "2"})
        case BadFilter():
            return Problem(422, str(error))
        case BeejanError():
            return Problem(400, str(error))
        case _:
            # Where it was raised, and not its message, which may name a value.
            where = "".join(traceback.format_tb(error.__traceback__)[-6:])
            log.error("%s while answering\n%s", type(error).__name__, where)
            return Problem(500, f"{type(error).__name__}; the engine's log has more")


def install(app: FastAPI) -> None:
    """Answer every error of `app` this way."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        return of(error).response()

    async def framework(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # registered for it alone
        return Problem(error.status_code, str(error.detail), dict(error.headers or {})).response()

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # registered for it alone
        errors = [{"field": ".".join(str(p) for p in e["loc"]), "message": e["msg"]} for e in error.errors()]
        listed = "; ".join(f"{e['field']}: {e['message']}" for e in errors)
        return Problem(422, f"request: {listed}. See /docs", errors=errors).response()

    for kind in (Problem, BeejanError, Exception):
        app.add_exception_handler(kind, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, invalid)
