"""The stream's driver: pull messages, run their records, have them committed, then acknowledge the messages.

Delivery is at least once and rows are effectively once per event id: a message is acknowledged only
after the raw and curated rows, or the dead letters, of all its records are durable. Pulling, computing
and committing overlap: while one micro-batch is committed the next is computed. A micro-batch that workers died or
hung over is sifted apart from that, so that it does not hold up what comes behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from connectors.errors import Transient
from connectors.nats import ack_all, pull
from engine.curate import alone
from engine.curate.dataset import BatchFailed, run_batch, time_limit
from engine.curate.held import Held, MicroBatch, batches, open_messages, settle
from engine.curate.load import Overload
from engine.intake.envelope import to_table
from engine.intake.pack import COUNT_HEADER
from engine.run import actors
from engine.run.runtime import NAMESPACE
from engine.settings import Settings
from engine.stages import pipeline

log = logging.getLogger("beejan.stream")

#: A message is tried again this much later when a part was away, s.
_AWAY_DELAY_S = 1.0

#: Batches that are sifted apart at once; more wait, and the stream with them.
_MOST_SIFTED = 4

#: Suspects remembered; a forgotten one is only found anew.
_MOST_SUSPECTS = 10_000


@dataclass(frozen=True, slots=True)
class Suspect:
    """A record that no worker got through.

    Args:
        batch: it alone.
        began: when it was begun with, monotonic, s.
        hung: whether it took all the time it was given.
    """

    batch: MicroBatch
    began: float
    hung: bool


class Stream:
    """Runs micro-batches until it is told to stop.

    Args:
        settings: bounds of a micro-batch.
        subscription: a pull subscription to the durable consumer.
        context: reference of the stages' context.
        overload: what is shed under load; default: nothing.
    """

    def __init__(self, settings: Settings, subscription: Any, context: Any, overload: Overload | None = None) -> None:
        self._settings = settings
        self._subscription = subscription
        self._overload = overload or Overload(settings, context)
        self._stopping = asyncio.Event()
        self._held: set[Held] = set()
        self._suspects: dict[str, None] = {}
        self._commit: asyncio.Task[None] | None = None
        self._sifting: set[asyncio.Task[None]] = set()
        self._one_sift = asyncio.Lock()
        self._passed_at = 0.0
        self.batches = 0

    @property
    def held(self) -> int:
        """Records that were delivered and are not done."""
        return sum(one.left for one in list(self._held))

    def stop(self) -> None:
        """Finish what is in flight, then end."""
        self._stopping.set()

    async def run(self, *, once: bool = False) -> None:
        """Run until `stop`, or with `once` until nothing waits."""
        keeper = asyncio.create_task(self._keep_alive())
        intake = self._settings.intake
        try:
            while not self._stopping.is_set():
                self._reap()
                messages = await pull(
                    self._subscription, intake.max_batch_rows, intake.linger_s, count_header=COUNT_HEADER
                )
                if messages:
                    await self._take(messages)
                elif once and not self._held:
                    break
                elif once:
                    await self._settle()
        finally:
            await self._settle()
            if self._sifting:
                await asyncio.wait(self._sifting)
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    async def _take(self, messages: Sequence[Any]) -> None:
        """Work through messages, in micro-batches of their records."""
        held, rows = await asyncio.to_thread(open_messages, messages)
        self._held.update(held)
        self._overload.opened(len(held), len(rows))
        await self._release([one for one in held if not one.left])
        for batch in batches(rows, self._settings.intake.max_batch_rows):
            await self._one(batch)

    async def _one(self, batch: MicroBatch) -> None:
        try:
            fresh = await self._without_committed(batch)
            suspects = [row for row in fresh.rows if row.event_id in self._suspects]
            others = [row for row in fresh.rows if row.event_id not in self._suspects]
            if suspects:
                await self._sift_apart([fresh.take([row]) for row in suspects])
            if others:
                async with self._overload.batch(len(others)):
                    await self._compute(fresh.take(others))
        except Transient as error:
            await self._settle()
            await self._put_back(batch, error)
        finally:
            self.batches += 1

    async def _without_committed(self, batch: MicroBatch) -> MicroBatch:
        """Settle what is committed already (a redelivery or a resend); the rest is to be done."""
        ids = [row.event_id for row in batch.rows]
        known = await asyncio.to_thread(actors.writer_call, "lookup", ids)
        done = [row for row, state in zip(batch.rows, known, strict=True) if state == "stored"]
        await self._release(settle(done))
        return batch.take([row for row in batch.rows if not row.settled])

    async def _compute(self, batch: MicroBatch) -> None:
        """Compute and commit; where workers die or hang over it, it is sifted."""
        try:
            blocks = await self._run(batch)
        except BatchFailed as error:
            log.warning("%d records: %s; they are sifted", len(batch), error)
            await self._sift_apart(batch.pieces())
            return
        await self._start_commit(batch, blocks)

    async def _sift_apart(self, pieces: Sequence[MicroBatch]) -> None:
        """Have them computed piece by piece beside the stream, which waits only when there is too much of it."""
        if len(self._sifting) >= _MOST_SIFTED:
            await asyncio.wait(self._sifting, return_when=asyncio.FIRST_COMPLETED)
            self._reap()
        self._sifting.add(asyncio.create_task(self._sift_all(pieces)))

    def _reap(self) -> None:
        """Forget what is sifted; a fault of our own ends the driver, as it would in the stream."""
        for task in [task for task in self._sifting if task.done()]:
            self._sifting.discard(task)
            task.result()

    async def _sift_all(self, pieces: Sequence[MicroBatch]) -> None:
        """Sift each; what was found comes last, when it is known whether others passed meanwhile."""
        async with self._one_sift:
            found: list[Suspect] = []
            for piece in pieces:
                async with self._putting_back(piece):
                    await self._sift(piece, found)
            for suspect in found:
                async with self._putting_back(suspect.batch):
                    await self._alone(suspect)

    @contextlib.asynccontextmanager
    async def _putting_back(self, batch: MicroBatch) -> AsyncIterator[None]:
        try:
            yield
        except Transient as error:
            await self._put_back(batch, error)

    async def _sift(self, batch: MicroBatch, found: list[Suspect]) -> None:
        """Compute and commit; where it fails, piece by piece, until the record that does it stands alone."""
        if self._stopping.is_set():
            await self._release(settle(batch.rows, again=True))
            return
        began = time.monotonic()
        try:
            blocks = await self._run(batch)
        except BatchFailed as error:
            log.warning("%d records: %s", len(batch), error)
            if len(batch) == 1:
                limit_s = time_limit(1, self._settings.intake.batch_timeout_s)
                found.append(Suspect(batch, began, time.monotonic() - began >= limit_s))
                return
            for piece in batch.pieces():
                await self._sift(piece, found)
            return
        await self._commit_and_settle(batch, blocks)

    async def _run(self, batch: MicroBatch) -> list[Any]:
        """The processed blocks of a micro-batch, by the context that the load allows."""
        rows = [(row.event_id, row.envelope, row.held.seq) for row in batch.rows]
        limit_s = time_limit(len(batch), self._settings.intake.batch_timeout_s)

        def work() -> list[Any]:
            try:
                table = to_table(rows)
            except Exception as error:  # a record that Arrow cannot hold is found by sifting, like any other
                raise BatchFailed(type(error).__name__) from error
            return run_batch(table, self._overload.context, batch.now, limit_s=limit_s, retries=0)

        blocks = await asyncio.to_thread(work)
        self._passed_at = time.monotonic()
        return blocks

    async def _alone(self, suspect: Suspect) -> None:
        """A record that takes its worker with it: later again, then in a process of its own, then a dead letter.

        One that took the whole time is tried in a process of its own at once. If it hangs there too, while others
        passed, it is the record that hangs and not a part it needs: it is dead-lettered without further deliveries.
        """
        batch, intake = suspect.batch, self._settings.intake
        row = batch.rows[0]
        deliveries = row.held.deliveries
        self._suspect(row.event_id)
        log.warning("record %s, delivery %d: %s", row.event_id[:12], deliveries, "hung" if suspect.hung else "died")
        if self._stopping.is_set() or (deliveries < intake.isolate_after and not suspect.hung):
            await self._release(settle([row], again=True))
            return
        limit_s = 2 * time_limit(1, intake.batch_timeout_s)
        try:
            table = to_table([(row.event_id, row.envelope, row.held.seq)])
            given = (self._settings, self._overload.full, table, batch.now, limit_s)
            blocks = [await asyncio.to_thread(alone.process, *given)]
        except alone.Failed as failed:
            proved = failed.code == alone.HUNG and self._passed_at > suspect.began
            if deliveries < intake.max_deliver and not proved:
                await self._release(settle([row], again=True))
                return
            # The id stays that of the record as received.
            row.envelope = replace(row.envelope, defect_code=failed.code, defect_message=str(failed))
            blocks = [await asyncio.to_thread(self._refused, batch)]
        await self._commit_and_settle(batch, blocks)

    def _refused(self, batch: MicroBatch) -> pa.Table:
        """A record as a failed one; no stage touches it once more."""
        import ray

        rows = [(row.event_id, row.envelope, row.held.seq) for row in batch.rows]
        return pipeline.refuse(to_table(rows), ray.get(self._overload.full))

    def _suspect(self, event_id: str) -> None:
        self._suspects[event_id] = None
        if len(self._suspects) > _MOST_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]

    async def _start_commit(self, batch: MicroBatch, blocks: list[Any]) -> None:
        await self._settle()
        self._commit = asyncio.create_task(self._commit_and_settle(batch, blocks))

    async def _settle(self) -> None:
        if self._commit is not None:
            commit, self._commit = self._commit, None
            await commit

    async def _commit_and_settle(self, batch: MicroBatch, blocks: list[Any]) -> None:
        try:
            await asyncio.to_thread(_commit, blocks)
        except Transient as error:
            await self._put_back(batch, error)
            return
        for row in batch.rows:
            self._suspects.pop(row.event_id, None)
        await self._release(settle(batch.rows))

    async def _release(self, complete: Sequence[Held]) -> None:
        """Acknowledge messages whose records are all done; put back those that have to come again."""
        self._held.difference_update(complete)
        try:
            await ack_all([one.message for one in complete if not one.again])
            for one in complete:
                if one.again:
                    await one.message.nak(delay=_AWAY_DELAY_S)
        except Exception as error:  # whatever nats-py raises, an unanswered message comes again after ack_wait
            log.warning("acknowledging failed (%s); the records come again", type(error).__name__)

    async def _put_back(self, batch: MicroBatch, error: Transient) -> None:
        left = [row for row in batch.rows if not row.settled]
        log.warning("%d records are tried again in %.1f s: %s", len(left), _AWAY_DELAY_S, error)
        await self._release(settle(left, again=True))
        await asyncio.sleep(_AWAY_DELAY_S)
        with contextlib.suppress(Exception):
            await asyncio.to_thread(actors.ensure, self._settings)

    async def _keep_alive(self) -> None:
        """Tell JetStream that work goes on, well before `ack_wait` is over."""
        while True:
            await asyncio.sleep(self._settings.intake.ack_wait_s / 3)
            for one in list(self._held):
                if not one.message.is_acked:
                    with contextlib.suppress(Exception):
                        await one.message.in_progress()


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
