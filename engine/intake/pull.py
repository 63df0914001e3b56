"""Reads one source: a page is published, then its cursor is kept; whatever is interrupted is read again.

A crash between the two repeats the page with the same keys, so with the same event ids, and nothing is skipped.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from connectors.source import Connector, Record
from engine.intake.accept import clean
from engine.intake.envelope import Envelope

#: What a page holds at most, and how long its first record waits for others, s.
_PAGE_RECORDS, _PAGE_BYTES, _PAGE_S = 1000, 4 << 20, 1.0

#: What is kept of a record that is too large to be carried.
_KEPT_BYTES = 64 << 10


class Keeper(Protocol):
    """Where cursors are kept."""

    def get(self, source: str, unit: str) -> str | None:
        """The last kept cursor."""

    def keep(self, source: str, unit: str, cursor: str) -> None:
        """Keep a cursor, durably."""


def pull(connector: Connector, name: str, keeper: Keeper, publish: Callable[[Sequence[Record]], None]) -> int:
    """Read everything that is there now.

    Args:
        connector: an open source.
        name: the name it is configured under.
        keeper: knows its cursors.
        publish: returns once the records are durable; what it raises ends the reading.

    Returns:
        Records that were published.
    """
    count = 0
    for unit in connector.discover():
        records = connector.read(unit, keeper.get(name, unit))
        for page in pages(records):
            publish(page)
            keeper.keep(name, unit, page[-1].cursor)
            count += len(page)
    return count


def pages(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Records in groups that are published together."""
    page: list[Record] = []
    size, began = 0, 0.0
    with contextlib.closing(records):  # type: ignore[type-var]  # connectors' are generators
        for record in records:
            if not page:
                size, began = 0, time.monotonic()
            page.append(record)
            size += len(record.payload)
            if len(page) >= _PAGE_RECORDS or size >= _PAGE_BYTES or time.monotonic() - began > _PAGE_S:
                yield page
                page = []
    if page:
        yield page


def envelope_of(
    record: Record, *, channel: str, source: str, mapping: str | None, now: datetime, most_bytes: int
) -> Envelope:
    """The envelope of a record; one over `most_bytes` becomes a defect that keeps its beginning."""
    payload, code, message = record.payload, record.defect_code, record.defect_message
    content_type = record.content_type
    if len(payload) > most_bytes:
        if code is None:
            code, content_type = "record_too_large", "application/octet-stream"
            message = f"{len(payload)} bytes; at most {most_bytes} are taken. Raise intake.max_complaint_bytes"
        payload = payload[: min(_KEPT_BYTES, most_bytes)]
    return Envelope(
        channel=channel,
        source=clean(source),
        source_key=clean(record.key),
        payload=payload,
        content_type=content_type,
        received_at=now,
        mapping=mapping,
        metadata=json.loads(clean(json.dumps(dict(record.metadata), ensure_ascii=False))),
        defect_code=code,
        defect_message=message,
    )
