"""Publish envelopes to JetStream: packed, many in flight, each acknowledged, tried again while that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from connectors.nats import Published, publish_retrying
from engine.intake.envelope import Envelope
from engine.intake.ledger import Ledger
from engine.intake.pack import COUNT_HEADER, Message, pack


async def publish_all(
    js: Any, envelopes: Sequence[Envelope], *, window: int = 512, limit_s: float = 20, ledger: Ledger | None = None
) -> list[Published]:
    """Publish all, in order of position; returns when JetStream has stored each durably.

    Args:
        js: a JetStream context of a user that may publish (NatsTarget.role("publisher")).
        envelopes: what to publish; the same event id twice is carried once. Those of one subject share messages.
        window: publishes awaiting an answer at most.
        limit_s: how long each is tried again while the trouble is transient, s.
        ledger: where to note what was accepted, before the sender is told.

    Returns:
        Per envelope the sequence of its message, and whether it is a duplicate: given twice, or in a message that
        JetStream had. One that JetStream has in another message is told apart only when it is committed.

    Raises:
        LedgerTrouble: what was accepted could not be noted.
        StreamFull: the stream takes no more at present; what was stored stays stored.
        NatsAway: no answer.
        MessageTooLarge: one is over the limit.
    """
    gate = asyncio.Semaphore(window)

    async def one(message: Message) -> Published:
        headers = {COUNT_HEADER: str(message.records)} if message.records > 1 else {}
        async with gate:
            return await publish_retrying(
                js, message.subject, message.data, message.message_id, limit_s=limit_s, headers=headers
            )

    messages = pack(envelopes)
    tasks = [asyncio.ensure_future(one(message)) for message in messages]
    try:
        answers = await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    done = _spread(envelopes, messages, answers)
    if ledger is not None:
        accepted = [(p.seq, e.event_id, e.source) for p, e in zip(done, envelopes, strict=True)]
        await asyncio.to_thread(ledger.note, accepted)
    return done


def _spread(
    envelopes: Sequence[Envelope], messages: Sequence[Message], answers: Sequence[Published]
) -> list[Published]:
    """Each envelope's answer."""
    found: list[Published | None] = [None] * len(envelopes)
    seen: set[str] = set()
    for message, answer in zip(messages, answers, strict=True):
        for position in message.positions:
            found[position] = answer
    result = []
    for envelope, given in zip(envelopes, found, strict=True):
        assert given is not None  # every position stands in one message
        key = envelope.message_id
        result.append(Published(given.seq, duplicate=True) if key in seen else given)
        seen.add(key)
    return result
