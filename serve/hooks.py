"""The sources that call us: opened once, their calls checked, their records published, what they hold back followed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from fastapi import Request

from connectors.called import Called
from connectors.registry import open_source
from connectors.source import BadCall, BadSource, Forged, Holding, Record, TooMany, Webhook
from engine.intake.records import envelope
from serve.intake import publish, read_body
from serve.problems import Problem
from serve.services import Services

log = logging.getLogger("beejan.hooks")

#: Time between two looks at what is held back, s.
_SWEEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Hook:
    """An open source."""

    name: str
    settings: Called
    webhook: Webhook
    mapping: str | None


class Hooks:
    """The webhooks of a replica."""

    def __init__(self, served: Services) -> None:
        self._served, self._lock = served, asyncio.Lock()
        self._open: dict[str, Hook] = {}
        self._told: set[str] = set()

    async def find(self, name: str) -> Hook:
        """The source of this name.

        Raises:
            Problem: 404 where there is none that calls us, 503 where its settings or secrets are wrong.
        """
        async with self._lock:
            if name not in self._open:
                settings = self._served.settings.sources.get(name)
                if not isinstance(settings, Called):
                    raise Problem(
                        404, f"source {name[:80]!r}: none of this name calls us; see `sources` in the settings"
                    )
                try:
                    self._open[name] = await asyncio.to_thread(self._opened, name, settings)
                except BadSource as error:
                    if name not in self._told:
                        log.error("%s", error)
                        self._told.add(name)
                    raise Problem(
                        503,
                        f"source {name}: not set up; its owner finds why in the engine's log",
                        {"Retry-After": "60"},
                    ) from error
            return self._open[name]

    async def take(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> int:
        """Check a call and publish its records; returns how many, once JetStream has stored all.

        Raises:
            Forged, BadCall, TooMany: see connectors.source.
            Problem: a record is too large.
            Transient: they cannot be taken now.
        """
        records = await asyncio.to_thread(hook.webhook.accept, headers, body, datetime.now(UTC))
        await self._publish(hook, records)
        return len(records)

    async def sweep(self) -> None:
        """Publish what sources held back and is due, for ever; what fails is tried again."""
        names = [name for name, settings in self._served.settings.sources.items() if isinstance(settings, Called)]
        while True:
            for name in names:
                try:
                    hook = await self.find(name)
                    if isinstance(hook.webhook, Holding):
                        await self._publish(hook, await asyncio.to_thread(hook.webhook.overdue, datetime.now(UTC)))
                except Problem:
                    continue  # it is not set up, which is told once
                except Exception as error:  # whatever one source has, the others are followed all the same
                    log.warning("source %s: what it holds back is tried again (%s)", name, type(error).__name__)
            await asyncio.sleep(_SWEEP_S)

    def _opened(self, name: str, settings: Called) -> Hook:
        mapping = settings.load_mapping()
        webhook = open_source(name, settings, self._served.settings.data_dir / "webhooks")
        return Hook(
            name, settings, cast(Webhook, webhook), mapping.model_dump_json(exclude_defaults=True) if mapping else None
        )

    async def _publish(self, hook: Hook, records: Sequence[Record]) -> None:
        if not records:
            return
        now, about = datetime.now(UTC), hook.webhook
        await publish(
            self._served,
            [
                envelope(one, channel=about.channel, source=about.source, mapping=hook.mapping, now=now)
                for one in records
            ],
        )
        if isinstance(about, Holding):
            await asyncio.to_thread(about.settled, [one.key for one in records])


def hooks(request: Request) -> Hooks:
    """The replica's webhooks."""
    found: Hooks = request.app.state.hooks
    return found


async def call_of(request: Request, hook: Hook) -> tuple[dict[str, str], bytes]:
    """A call as connectors.source.Webhook takes it.

    Raises:
        Problem: 413, it is over the source's limit.
    """
    body = await read_body(request, hook.settings.max_call_bytes)
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = f"?{request.url.query}" if request.url.query else ""
    peer = request.client.host if request.client else ""
    return headers | {":path": f"{request.url.path}{query}", ":peer": peer}, body


def refusal(error: Exception) -> Problem | Exception:
    """What a caller is told of a refusal; other errors as they are."""
    match error:
        case Forged():
            return Problem(401, str(error))
        case BadCall():
            return Problem(400, str(error))
        case TooMany():
            return Problem(429, str(error), {"Retry-After": str(max(1, round(error.retry_after_s or 1)))})
        case _:
            return error
