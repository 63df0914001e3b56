"""Packs: many envelopes in one message, since JetStream syncs the disk once a message (docs/decisions/0006)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.intake.envelope import BadEnvelope, Delivery, Envelope, foreign, parse, read

VERSION = "pack/1"

#: Tells a puller how many records a message holds before it is opened.
COUNT_HEADER = "Beejan-Records"

#: Records of a pack at most. More of them gain little, and a pack is delivered again as a whole.
MOST_RECORDS = 250

#: Bytes of a pack at most: under the least `nats.max_payload_bytes`, with room for headers.
MOST_BYTES = 60_000

_HEAD = b'{"v":"' + VERSION.encode() + b'","envelopes":['
_TAIL = b"]}"


@dataclass(slots=True)
class Message:
    """What is published at once.

    Args:
        subject: where to.
        data: an envelope, or a pack of them.
        message_id: `Nats-Msg-Id`: the envelope's, or a hash of those packed.
        records: envelopes in it.
        positions: which of the given envelopes they are; one given twice has two positions.
    """

    subject: str
    data: bytes
    message_id: str
    records: int
    positions: list[int]


@dataclass(slots=True)
class _Open:
    parts: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    size: int = len(_HEAD) + len(_TAIL)

    def message(self, subject: str) -> Message:
        if len(self.parts) == 1:
            return Message(subject, self.parts[0], self.ids[0], 1, self.positions)
        data = _HEAD + b",".join(self.parts) + _TAIL
        digest = hashlib.sha256("\n".join(self.ids).encode()).hexdigest()
        return Message(subject, data, f"pack:{digest}", len(self.parts), self.positions)


def pack(envelopes: Sequence[Envelope]) -> list[Message]:
    """The messages that carry `envelopes`, packed by subject, in order within a subject.

    An envelope given twice is carried once. One that is alone, or too large for a pack, is a message of its own.
    """
    done: list[Message] = []
    open_: dict[str, _Open] = {}
    homes: dict[str, _Open] = {}
    for position, envelope in enumerate(envelopes):
        key = envelope.message_id
        if key in homes:
            homes[key].positions.append(position)
            continue
        data, subject = envelope.to_bytes(), envelope.subject
        group = open_.setdefault(subject, _Open())
        if group.parts and (len(group.parts) >= MOST_RECORDS or group.size + len(data) + 1 > MOST_BYTES):
            done.append(group.message(subject))
            group = open_[subject] = _Open()
        group.parts.append(data)
        group.ids.append(key)
        group.positions.append(position)
        group.size += len(data) + 1
        homes[key] = group
    done += [group.message(subject) for subject, group in open_.items()]
    return done


def unpack(delivery: Delivery, now: datetime) -> list[tuple[str, Envelope]]:
    """(event id, envelope) of each record of a message, in order.

    What is no envelope becomes one with a defect: a broken element of a pack alone, a foreign message as a whole.
    """
    elements = _elements(delivery.data)
    if elements is None:
        return [read(delivery, now)]
    found = []
    for index, element in enumerate(elements):
        try:
            envelope = Envelope.from_body(element)
            key = envelope.event_id
        except BadEnvelope as error:
            payload = json.dumps(element, ensure_ascii=False).encode("utf-8", "replace")
            envelope = foreign(delivery, f"{delivery.stream_seq}.{index}", payload, str(error), now)
            key = envelope.event_id
        found.append((key, envelope))
    return found


def _elements(data: bytes) -> list[Any] | None:
    """The packed bodies; None for what is no pack."""
    if not data.startswith(_HEAD):
        return None
    try:
        body = parse(data)
    except BadEnvelope:
        return None
    elements = body.get("envelopes")
    return elements if isinstance(elements, list) else None
