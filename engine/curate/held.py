"""Which messages are done: one is acknowledged once, when all its records are committed or dead-lettered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.intake.envelope import Delivery, Envelope
from engine.intake.pack import unpack


@dataclass(slots=True, eq=False)
class Held:
    """A message that is being worked on.

    Args:
        message: as nats-py delivered it.
        left: its records that are not settled yet.
        again: whether it has to come again once the others are settled.
    """

    message: Any
    left: int
    again: bool = False

    @property
    def seq(self) -> int:
        """Its sequence in the stream."""
        return int(self.message.metadata.sequence.stream)

    @property
    def deliveries(self) -> int:
        """How often JetStream has delivered it."""
        return int(self.message.metadata.num_delivered or 1)


@dataclass(slots=True, eq=False)
class Row:
    """A record and the message it came in."""

    event_id: str
    envelope: Envelope
    held: Held
    settled: bool = False


@dataclass(slots=True)
class MicroBatch:
    """Records that go through the stages together."""

    rows: list[Row]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Sequence[Row]) -> MicroBatch:
        """Some of its records, at the same time."""
        return MicroBatch(list(rows), self.now)

    def pieces(self) -> list[MicroBatch]:
        """It in parts of 64 records, a part of that size one by one."""
        size = 64 if len(self.rows) > 64 else 1
        return [self.take(self.rows[start : start + size]) for start in range(0, len(self.rows), size)]


def open_messages(messages: Sequence[Any]) -> tuple[list[Held], list[Row]]:
    """The messages and all their records, in order; one that is no envelope carries a defect."""
    now = datetime.now(UTC)
    held, rows = [], []
    for message in messages:
        one = Held(message, 0)
        delivery = Delivery(message.data, message.subject, one.seq, one.deliveries)
        mine = [Row(key, envelope, one) for key, envelope in unpack(delivery, now)]
        one.left = len(mine)
        held.append(one)
        rows += mine
    return held, rows


def batches(rows: Sequence[Row], most_rows: int) -> Iterator[MicroBatch]:
    """The records as micro-batches of `most_rows` at most; a message may stand in several."""
    for start in range(0, len(rows), most_rows):
        yield MicroBatch(list(rows[start : start + most_rows]))


def settle(rows: Sequence[Row], *, again: bool = False) -> list[Held]:
    """Note that `rows` are done with, or with `again` that they have to come again; a row counts once.

    Returns:
        The messages whose last record this was: to be acknowledged, or where `again` is set to be put back.
    """
    complete = []
    for row in rows:
        if row.settled:
            continue
        row.settled = True
        row.held.again |= again
        row.held.left -= 1
        if row.held.left == 0:
            complete.append(row.held)
    return complete
