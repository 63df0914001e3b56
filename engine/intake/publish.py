"""Publish envelopes to JetStream: many in flight, each acknowledged, tried again while that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from connectors.nats import Published, publish_retrying
from engine.intake.envelope import Envelope
from engine.intake.ledger import Ledger


async def publish_all(
    js: Any, envelopes: Sequence[Envelope], *, window: int = 512, limit_s: float = 20, ledger: Ledger | None = None
) -> list[Published]:
    """Publish all, in order of position; returns when JetStream has stored each durably.

    Args:
        js: a JetStream context.
        envelopes: what to publish; the same event id twice is stored once.
        window: publishes awaiting an answer at most.
        limit_s: how long each is tried again while the trouble is transient, s.
        ledger: where to note what was accepted, before the sender is told.

    Raises:
        LedgerTrouble: what was accepted could not be noted.
        StreamFull: the stream takes no more at present; what was stored stays stored.
        NatsAway: no answer.
        MessageTooLarge: one is over the limit.
    """
    gate = asyncio.Semaphore(window)

    async def one(envelope: Envelope) -> Published:
        async with gate:
            return await publish_retrying(
                js, envelope.subject, envelope.to_bytes(), envelope.message_id, limit_s=limit_s
            )

    tasks = [asyncio.ensure_future(one(envelope)) for envelope in envelopes]
    try:
        done = list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    if ledger is not None:
        accepted = [(p.seq, e.event_id, e.source) for p, e in zip(done, envelopes, strict=True)]
        await asyncio.to_thread(ledger.note, accepted)
    return done
