"""A look into a stream: what it holds, how far its consumer is, and single messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.errors import NatsAway


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream and its durable consumer at one moment.

    `deleted` are sequences between first and last that the stream does not hold. The consumer has acknowledged
    everything up to `ack_floor`; `waiting` messages are not acknowledged yet.
    """

    first_seq: int
    last_seq: int
    deleted: frozenset[int]
    ack_floor: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the stream holds it."""

    seq: int
    subject: str
    data: bytes
    headers: dict[str, str]


async def look(js: Any, stream: str, consumer: str) -> StreamState:
    """The state of a stream and its consumer.

    Raises:
        NatsAway: no answer.
    """
    from nats import errors

    try:
        # nats-py's stream_info cannot ask for the sequences that are missing.
        body = json.dumps({"deleted_details": True}).encode()
        answer = await js._nc.request(f"{js._prefix}.STREAM.INFO.{stream}", body, timeout=10)
        found = json.loads(answer.data)
        followed = await js.consumer_info(stream, consumer)
    except (TimeoutError, OSError, errors.Error) as error:
        raise NatsAway(f"stream {stream}: its state cannot be read ({type(error).__name__}); try again") from error
    if "error" in found:
        raise NatsAway(f"stream {stream}: {found['error'].get('description')}; `beejan up` makes it")
    state = found["state"]
    return StreamState(
        state["first_seq"],
        state["last_seq"],
        frozenset(state.get("deleted") or ()),
        int(followed.ack_floor.stream_seq),
        int(followed.num_pending) + int(followed.num_ack_pending),
    )


async def message(js: Any, stream: str, seq: int) -> Stored | None:
    """One message, or None where the stream does not hold it or cannot read it.

    Raises:
        NatsAway: no answer.
    """
    from nats import errors
    from nats.js.errors import APIError, NotFoundError

    try:
        found = await js.get_msg(stream, seq)
    except (NotFoundError, APIError):
        return None
    except (TimeoutError, OSError, errors.Error) as error:
        raise NatsAway(f"stream {stream}: message {seq} cannot be read ({type(error).__name__}); try again") from error
    return Stored(int(found.seq), str(found.subject), bytes(found.data or b""), dict(found.headers or {}))


async def stored_at(js: Any, stream: str, seq: int) -> datetime | None:
    """When the first message from `seq` on was stored; None where the stream holds none.

    Raises:
        NatsAway: no answer.
    """
    from nats import errors
    from nats.js.errors import APIError, NotFoundError

    try:
        found = await js.get_msg(stream, seq, subject=">", next=True)
    except (NotFoundError, APIError):
        return None
    except (TimeoutError, OSError, errors.Error) as error:
        raise NatsAway(f"stream {stream}: message {seq} cannot be read ({type(error).__name__}); try again") from error
    time: datetime | None = found.time
    return time
