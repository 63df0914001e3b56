"""The stream's driver: pull a micro-batch, run it, have it committed, then acknowledge it.

Delivery is at least once and rows are effectively once per event id: a message is acknowledged only
after its raw and curated rows, or its dead letter, are durable. Pulling, computing and committing
overlap: while one micro-batch is committed the next is computed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from connectors.errors import Transient
from connectors.nats import ack_all, pull
from engine.curate.dataset import BatchFailed, run_batch
from engine.intake.envelope import Delivery, Envelope, read, to_table
from engine.run import actors
from engine.run.runtime import NAMESPACE
from engine.settings import Settings

log = logging.getLogger("beejan.stream")

#: A micro-batch is tried again this much later when a part was away, s.
_AWAY_DELAY_S = 1.0


@dataclass(slots=True)
class MicroBatch:
    """Messages and what was read of them, position by position."""

    messages: list[Any]
    ids: list[str]
    envelopes: list[Envelope]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __len__(self) -> int:
        return len(self.messages)

    def take(self, positions: Sequence[int]) -> MicroBatch:
        """Some of its messages."""
        return MicroBatch(
            [self.messages[i] for i in positions],
            [self.ids[i] for i in positions],
            [self.envelopes[i] for i in positions],
            self.now,
        )

    def deliveries(self, position: int) -> int:
        """How often JetStream has delivered this message."""
        return int(self.messages[position].metadata.num_delivered or 1)


def read_batch(messages: list[Any]) -> MicroBatch:
    """Messages as a micro-batch; one that is no envelope carries a defect."""
    now = datetime.now(UTC)
    read_rows = [
        read(Delivery(m.data, m.subject, m.metadata.sequence.stream, m.metadata.num_delivered or 1), now)
        for m in messages
    ]
    return MicroBatch(messages, [key for key, _ in read_rows], [e for _, e in read_rows], now)


class Stream:
    """Runs micro-batches until it is told to stop.

    Args:
        settings: bounds of a micro-batch.
        subscription: a pull subscription to the durable consumer.
        context: reference of the stages' context.
    """

    def __init__(self, settings: Settings, subscription: Any, context: Any) -> None:
        self._settings = settings
        self._subscription = subscription
        self._context = context
        self._stopping = asyncio.Event()
        self._in_flight: set[int] = set()
        self._held: dict[int, MicroBatch] = {}
        self._commit: asyncio.Task[None] | None = None
        self.batches = 0

    def stop(self) -> None:
        """Finish what is in flight, then end."""
        self._stopping.set()

    async def run(self, *, once: bool = False) -> None:
        """Run until `stop`, or with `once` until nothing waits."""
        keeper = asyncio.create_task(self._keep_alive())
        try:
            while not self._stopping.is_set():
                messages = await pull(
                    self._subscription, self._settings.intake.max_batch_rows, self._settings.intake.linger_s
                )
                if messages:
                    await self._one(read_batch(messages))
                elif once:
                    break
        finally:
            await self._settle()
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    async def _one(self, batch: MicroBatch) -> None:
        self._held[id(batch)] = batch
        try:
            fresh = await self._without_committed(batch)
            if len(fresh):
                await self._compute(fresh)
        except Transient as error:
            await self._settle()
            await self._put_back(batch, error)
        finally:
            self.batches += 1
            if self._commit is None or self._commit.done():
                self._held.pop(id(batch), None)

    async def _without_committed(self, batch: MicroBatch) -> MicroBatch:
        """Acknowledge what is committed already (a redelivery or a resend); the rest is to be done."""
        known = await asyncio.to_thread(actors.writer_call, "lookup", batch.ids)
        done = {i for i, state in enumerate(known) if state == "stored"}
        if done:
            await ack_all([batch.messages[i] for i in sorted(done)])
        return batch.take([i for i in range(len(batch)) if i not in done])

    async def _compute(self, batch: MicroBatch) -> None:
        """Compute and commit; where workers die over a batch, halve it until the record stands alone."""
        try:
            blocks = await self._run(batch)
        except BatchFailed:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._compute(batch.take(range(middle)))
                await self._compute(batch.take(range(middle, len(batch))))
                return
            await self._alone_and_failed(batch)
            return
        await self._settle()
        self._commit = asyncio.create_task(self._commit_and_ack(batch, blocks))

    async def _run(self, batch: MicroBatch) -> list[Any]:
        rows = [
            (key, envelope, message.metadata.sequence.stream)
            for key, envelope, message in zip(batch.ids, batch.envelopes, batch.messages, strict=True)
        ]
        return await asyncio.to_thread(run_batch, to_table(rows), self._context, batch.now)

    async def _alone_and_failed(self, batch: MicroBatch) -> None:
        """A record that kills its worker: once more later, then into the dead letters."""
        if batch.deliveries(0) < self._settings.intake.isolate_after:
            await batch.messages[0].nak(delay=_AWAY_DELAY_S)
            return
        defect = replace(
            batch.envelopes[0],
            defect_code="worker_died",
            defect_message=f"the worker died over this record {batch.deliveries(0)} times; see its payload",
        )
        # The id stays that of the record as received.
        await self._compute(MicroBatch(batch.messages, batch.ids, [defect], batch.now))

    async def _settle(self) -> None:
        if self._commit is not None:
            commit, self._commit = self._commit, None
            await commit

    async def _commit_and_ack(self, batch: MicroBatch, blocks: list[Any]) -> None:
        self._held[id(batch)] = batch
        try:
            await asyncio.to_thread(_commit, blocks)
            await ack_all(batch.messages)
        except Transient as error:
            await self._put_back(batch, error)
        except (TimeoutError, OSError) as error:
            log.warning("acknowledging failed (%s); the records come again", type(error).__name__)
        finally:
            self._held.pop(id(batch), None)

    async def _put_back(self, batch: MicroBatch, error: Transient) -> None:
        log.warning("%d records are tried again in %.1f s: %s", len(batch), _AWAY_DELAY_S, error)
        with contextlib.suppress(Exception):
            for message in batch.messages:
                if not message.is_acked:
                    await message.nak(delay=_AWAY_DELAY_S)
        await asyncio.sleep(_AWAY_DELAY_S)
        with contextlib.suppress(Exception):
            await asyncio.to_thread(actors.ensure, self._settings)

    async def _keep_alive(self) -> None:
        """Tell JetStream that work goes on, well before `ack_wait` is over."""
        while True:
            await asyncio.sleep(self._settings.intake.ack_wait_s / 3)
            for batch in list(self._held.values()):
                for message in batch.messages:
                    if not message.is_acked:
                        with contextlib.suppress(Exception):
                            await message.in_progress()


def _commit(blocks: list[Any]) -> None:
    """Have the writer commit; it keeps the house in order between commits.

    Raises:
        WriterAway: it died or does not answer.
        Transient: the store refused.
    """
    import ray

    try:
        writer = ray.get_actor(actors.WRITER, namespace=NAMESPACE)
        ray.get(writer.commit.remote(*blocks))
        writer.call.remote("maintain")
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Transient):
            raise error.cause from error
        raise actors.WriterAway(f"writer: {type(error.cause).__name__} while committing") from error
    except (ValueError, ray.exceptions.RayError) as error:
        raise actors.WriterAway(f"writer: {type(error).__name__}; it is being started again") from error
