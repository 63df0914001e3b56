"""The envelope: one complaint as received, on the wire and as Arrow."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connectors.errors import Terminal
from engine.tables import TIME

CHANNELS = ("social", "call_center", "sms", "web_form", "file")

#: What the pipeline starts from: an envelope's columns as Arrow.
ENVELOPE_COLUMNS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        ("channel", pa.string()),
        ("source", pa.string()),
        ("source_key", pa.string()),
        ("received_at", TIME),
        ("content_type", pa.string()),
        ("payload", pa.binary()),
        ("mapping", pa.string()),
        ("metadata", pa.string()),
        ("defect_code", pa.string()),
        ("defect_message", pa.string()),
        ("attempt", pa.int32()),
        ("stream_seq", pa.int64()),
    ]
)


class BadEnvelope(Terminal):
    """A message that is not an envelope; it is kept in raw and dead-lettered."""


def event_id(source: str, source_key: str, payload: bytes) -> str:
    """The id of a complaint: sha256 over source, source_key and content, in hex.

    Lengths are part of the hash, so that ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256()
    for part in (source.encode("utf-8", "replace"), source_key.encode("utf-8", "replace"), payload):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A complaint as received.

    `payload` is verbatim. `mapping` names the field mapping to read it with. `defect_*` is set by a
    connector that could not read the record: it is stored and dead-lettered, never dropped.
    """

    channel: str
    source: str
    source_key: str
    payload: bytes
    content_type: str
    received_at: datetime
    mapping: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    defect_code: str | None = None
    defect_message: str | None = None
    attempt: int = 1
    _event_id: str = field(default="", init=False, repr=False, compare=False)

    @property
    def event_id(self) -> str:
        """See `event_id`; worked out once."""
        if not self._event_id:
            object.__setattr__(self, "_event_id", event_id(self.source, self.source_key, self.payload))
        return self._event_id

    @property
    def message_id(self) -> str:
        """`Nats-Msg-Id`: the event id, and for a retry the attempt too, or JetStream would refuse it."""
        return self.event_id if self.attempt == 1 else f"{self.event_id}:{self.attempt}"

    @property
    def subject(self) -> str:
        """`complaints.<channel>.<source>`, with the source made a legal token."""
        token = "".join(c if (c.isalnum() and c.isascii()) or c in "-_" else "_" for c in self.source)
        return f"complaints.{self.channel}.{token or '_'}"

    def to_bytes(self) -> bytes:
        """JSON for the wire; a payload that is not UTF-8 goes as base64."""
        body: dict[str, Any] = {"v": 1, "received_at": self.received_at.isoformat()}
        for name in _PLAIN:
            value = getattr(self, name)
            if value not in (None, {}):
                body[name] = value
        try:
            body["payload"] = self.payload.decode()
        except UnicodeDecodeError:
            body["payload_b64"] = base64.b64encode(self.payload).decode()
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    @classmethod
    def from_bytes(cls, data: bytes) -> Envelope:
        """Read a message.

        Raises:
            BadEnvelope: it is not one, with the reason.
        """
        return cls.from_body(parse(data))

    @classmethod
    def from_body(cls, body: Any) -> Envelope:
        """Read a message's JSON.

        Raises:
            BadEnvelope: it is no envelope, with the reason.
        """
        try:
            rest = dict(body)
            if rest.pop("v") != 1:
                raise BadEnvelope("envelope version is not 1; update this engine")
            raw = rest.pop("payload_b64", None)
            payload = base64.b64decode(raw) if raw is not None else rest.pop("payload").encode("utf-8", "replace")
            received = datetime.fromisoformat(rest.pop("received_at"))
            envelope = cls(payload=payload, received_at=received.astimezone(UTC), **rest)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise BadEnvelope(f"not an envelope ({type(error).__name__}); publish through beejan") from error
        for name, kinds in _TYPES.items():
            if not isinstance(getattr(envelope, name), kinds):
                raise BadEnvelope(f"field {name}: of the wrong type; publish through beejan")
        if envelope.channel not in CHANNELS:
            raise BadEnvelope(f"unknown channel; expected one of {', '.join(CHANNELS)}")
        if not 0 < envelope.attempt < 1 << 31:
            raise BadEnvelope("field attempt: expected 1 or more; publish through beejan")
        return envelope


_PLAIN = (
    "channel", "source", "source_key", "content_type", "mapping", "metadata",
    "defect_code", "defect_message", "attempt",
)  # fmt: skip


_TYPES: dict[str, Any] = {
    **dict.fromkeys(("channel", "source", "source_key", "content_type"), str),
    **dict.fromkeys(("mapping", "defect_code", "defect_message"), (str, type(None))),
    "metadata": dict,
    "attempt": int,
}


def parse(data: bytes) -> Any:
    """A message's JSON object, with escaped lone surrogates, which no UTF-8 can carry, replaced.

    Raises:
        BadEnvelope: it is none.
    """
    try:
        body = json.loads(data.decode())
        if b"\\ud" in data or b"\\uD" in data:
            body = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise BadEnvelope(f"not an envelope ({type(error).__name__}); publish through beejan") from error
    if not isinstance(body, dict):
        raise BadEnvelope(f"not an envelope ({type(body).__name__}); publish through beejan")
    return body


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as JetStream delivered it."""

    data: bytes
    subject: str
    stream_seq: int
    deliveries: int


def read(delivery: Delivery, now: datetime) -> tuple[str, Envelope]:
    """A delivery's event id and envelope; a foreign message becomes one with a defect."""
    try:
        envelope = Envelope.from_bytes(delivery.data)
    except BadEnvelope as error:
        envelope = foreign(delivery, str(delivery.stream_seq), delivery.data, str(error), now)
    return envelope.event_id, envelope


def foreign(delivery: Delivery, key: str, payload: bytes, message: str, now: datetime) -> Envelope:
    """What is no envelope as one with a defect, so that it is kept and dead-lettered."""
    return Envelope(
        channel="file",
        source="unknown",
        source_key=key,
        payload=payload,
        content_type="application/octet-stream",
        received_at=now,
        metadata={"subject": delivery.subject},
        defect_code="not_an_envelope",
        defect_message=message,
    )


def to_table(rows: Sequence[tuple[str, Envelope, int]]) -> pa.Table:
    """Arrow of (event id, envelope, stream sequence), in order; columns as ENVELOPE_COLUMNS."""
    return pa.table(
        {
            "event_id": [r[0] for r in rows],
            "channel": [r[1].channel for r in rows],
            "source": [r[1].source for r in rows],
            "source_key": [r[1].source_key for r in rows],
            "received_at": pa.array([r[1].received_at for r in rows], TIME),
            "content_type": [r[1].content_type for r in rows],
            "payload": pa.array([r[1].payload for r in rows], pa.binary()),
            "mapping": pa.array([r[1].mapping for r in rows], pa.string()),
            "metadata": [json.dumps(r[1].metadata, ensure_ascii=False) for r in rows],
            "defect_code": pa.array([r[1].defect_code for r in rows], pa.string()),
            "defect_message": pa.array([r[1].defect_message for r in rows], pa.string()),
            "attempt": pa.array([r[1].attempt for r in rows], pa.int32()),
            "stream_seq": pa.array([r[2] for r in rows], pa.int64()),
        },
        schema=ENVELOPE_COLUMNS,
    )
