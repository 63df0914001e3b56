"""Sends matches on: to NATS, and to signed webhooks at once or as a digest; at least once, with keys."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import httpx

from connectors.nats import publish_retrying
from engine.saved.book import Book
from engine.saved.standing import Saved

log = logging.getLogger("beejan.saved")

STREAM = "MATCHES"

#: Matches of a webhook's call at most.
_MOST = 500

_LIMIT_S, _AGAIN_S = 10.0, 30.0


def secret_of(key: bytes, search_id: str) -> str:
    """What a webhook's calls are signed with."""
    return hmac.new(key, f"saved-search:{search_id}".encode(), hashlib.sha256).hexdigest()


def signature(secret: str, at: int, body: bytes) -> str:
    """Of a call: `t=TIME,v1=HMAC`, HMAC-SHA-256 in hex over the time, a dot, and the body."""
    return f"t={at},v1={hmac.new(secret.encode(), str(at).encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def event(match: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A match as others see it."""
    return {
        "type": "saved_search",
        "id": f"{match['search_id']}:{match['event_id']}",
        "search_id": match["search_id"],
        "name": names.get(match["search_id"]),
        "event_id": match["event_id"],
        "score": match["score"],
        "matched_at": match["matched_at"],
        **json.loads(match["about"]),
    }


async def to_nats(js: Any, book: Book, names: dict[str, str]) -> int:
    """Publish what is new on `matches.<search id>`; returns how many."""
    at, sent = (book.cursor("nats") or (0, 0))[0], 0
    while matches := book.after(at):
        for match in matches:
            told = event(match, names)
            data = json.dumps(told, ensure_ascii=False).encode()
            await publish_retrying(js, f"matches.{match['search_id']}", data, told["id"])
            at, sent = match["seq"], sent + 1
        book.move("nats", at)
    return sent


def to_webhooks(book: Book, saved: Sequence[Saved], key: bytes, now: float | None = None) -> int:
    """Send what is due; a webhook that fails is tried again later with the same matches. Returns the calls that went.

    Args:
        book: the matches.
        saved: the searches.
        key: secrets are made from it.
        now: seconds since the epoch.
    """
    now, calls = time.time() if now is None else now, 0
    for one in saved:
        if one.webhook is None:
            continue
        cursor = f"webhook:{one.search_id}"
        at, due = book.cursor(cursor) or (0, 0.0)
        if now < due or not (matches := book.after(at, one.search_id, _MOST)):
            continue
        body = json.dumps(
            {
                "search_id": one.search_id,
                "name": one.name,
                "matches": [event(m, {one.search_id: one.name}) for m in matches],
            },
            ensure_ascii=False,
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "Beejan-Signature": signature(secret_of(key, one.search_id), int(now), body),
            "Idempotency-Key": f"{one.search_id}:{matches[0]['seq']}-{matches[-1]['seq']}",
        }
        try:
            answer = httpx.post(one.webhook, content=body, headers=headers, timeout=_LIMIT_S, follow_redirects=False)
            went = answer.is_success
        except httpx.HTTPError:
            went = False
        if went:
            calls += 1
            book.move(cursor, matches[-1]["seq"], now + one.digest_s)
        else:
            log.warning("saved search %s: its webhook takes nothing; tried again in %d s", one.search_id, _AGAIN_S)
            book.move(cursor, at, now + _AGAIN_S)
    return calls
