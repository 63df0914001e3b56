"""Endpoints that providers and forms call; the signature is the key."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from connectors.errors import BeejanError
from serve.hooks import call_of, hooks, refusal
from serve.problems import Problem

router = APIRouter(prefix="/v1", tags=["intake"])


@router.post("/webhooks/{source}")
async def post_webhook(request: Request, source: str) -> Response:
    """Take a call of a configured source: an SMS gateway, a social network, a form.

    Answers what the provider expects, once JetStream has stored every record of the call, and every waiting part of
    a long message is on disk. 401: the signature, token or time is wrong; 400: it cannot be read; 404: no such
    source; 413: too large; 429 and 503 with Retry-After: not taken, to be sent again.
    """
    found = hooks(request)
    hook = await found.find(source)
    headers, body = await call_of(request, hook)
    try:
        await found.take(hook, headers, body)
    except BeejanError as error:
        raise refusal(error) from error
    kind, text = hook.webhook.reply()
    return Response(text, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})


@router.get("/webhooks/{source}")
async def get_webhook(request: Request, source: str) -> Response:
    """Answer a provider's challenge, by which it checks that the address is ours (Meta, X)."""
    hook = await hooks(request).find(source)
    try:
        answer = await asyncio.to_thread(hook.webhook.challenge, dict(request.query_params))
    except BeejanError as error:
        raise refusal(error) from error
    if answer is None:
        raise Problem(400, "query: no challenge that this source answers; calls are POSTs")
    kind = "application/json" if answer.startswith("{") else "text/plain"
    return Response(answer, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})
