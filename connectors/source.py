"""What every connector is: records of a source, each with its own key and the cursor behind it.

Two shapes. A `Connector` is read by us, unit by unit, from a cursor; a `Webhook` is called by the source.
Both only read and check: whoever runs them publishes the records, and keeps a record's cursor once JetStream
has stored everything up to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from connectors.errors import Terminal, Transient


class SourceAway(Transient):
    """The source does not answer, or asks for patience.

    Args:
        message: what failed and what to do.
        retry_after_s: when to try again, where the source said so.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return str(self.args[0])


class BadSource(Terminal):
    """A source's settings or credentials are wrong; a person has to change them."""


class Forged(Terminal):
    """A call whose signature, token or time stamp is missing, wrong or too old."""


class BadCall(Terminal):
    """A call of a known sender that holds no record we can read."""


class TooMany(SourceAway):
    """A sender calls too often; it is told to wait `retry_after_s`, and what it sent was not taken."""


@dataclass(frozen=True, slots=True)
class Record:
    """One complaint as the source gave it.

    Args:
        payload: UTF-8 JSON of an object, UTF-8 text, or the bytes of what is defective.
        content_type: `application/json` or `text/plain`; others for a defect.
        key: the source's own id of it, 1 to 200 characters; the same whenever it is read again.
        cursor: where to read on behind it, at most 64 KB; empty for a webhook's.
        metadata: what is known about it beside its content, without personal data: file, row, page.
        defect_code: why it cannot be read, a snake_case word.
        defect_message: the same for people, without the record's content.
    """

    payload: bytes
    content_type: str
    key: str
    cursor: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    defect_code: str | None = None
    defect_message: str | None = None


class Connector(Protocol):
    """A source that is read by us."""

    channel: str
    source: str

    def discover(self) -> Iterator[str]:
        """The units that can be read now: files, feeds, mail folders; an id lasts as long as its unit.

        Raises:
            SourceAway: try again later.
            BadSource: it never will be, as it is set up.
        """

    def read(self, unit: str, cursor: str | None) -> Iterator[Record]:
        """The records behind `cursor` (all with None), in a fixed order; ends when there are no more at present.

        However often it is interrupted and called again with the last kept cursor, every record comes, and none
        at or before the cursor. A record that cannot be read comes too, with its defect.

        Raises:
            SourceAway: try again later, from the last cursor.
            BadSource: see `discover`.
        """

    def wait(self, limit_s: float) -> None:
        """Return when there may be something new, after `limit_s` at most."""

    def close(self) -> None:
        """Let go of connections and handles; it may be called twice."""


class Webhook(Protocol):
    """A source that calls us."""

    channel: str
    source: str

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """The body that answers a provider's GET to prove the address is ours; None where it has no such rite.

        Raises:
            Forged: the token in it is wrong.
        """

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Record]:
        """The records of a call; empty where it holds none for us, such as a delivery receipt.

        Args:
            headers: by lower-case name; as in HTTP/2, `:path` is the path with the query, and `:peer` the
                address of the caller. No client can send names like these.
            body: as received.
            now: the time of receipt, UTC.

        Raises:
            Forged: it is not from the provider, or is a replay.
            BadCall: it cannot be read.
            Transient: it cannot be taken now; the sender is to try again.
        """

    def reply(self) -> tuple[str, str]:
        """(content type, body) of the answer the provider expects once the records are durable."""


@runtime_checkable
class Holding(Protocol):
    """A webhook that keeps some of what it accepted for a while, durably, such as parts of a message."""

    def overdue(self, now: datetime) -> list[Record]:
        """The records that are to be published now, again and again until they are settled."""

    def settled(self, keys: Collection[str]) -> None:
        """The records with these keys are durable elsewhere."""
