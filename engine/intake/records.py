"""From a connector's record to an envelope."""

from __future__ import annotations

from datetime import datetime

from connectors.source import Record
from engine.intake.accept import clean
from engine.intake.envelope import Envelope


def envelope(record: Record, *, channel: str, source: str, mapping: str | None, now: datetime) -> Envelope:
    """The envelope of a record.

    Args:
        record: as a connector or a webhook gave it.
        channel: the source's channel.
        source: the source's name; part of the event id.
        mapping: the source's mapping as JSON, which travels with the record; None to take fields by their names.
        now: the time of receipt, UTC.
    """
    return Envelope(
        channel=channel,
        source=clean(source),
        source_key=clean(record.key),
        payload=record.payload,
        content_type=record.content_type,
        received_at=now,
        mapping=mapping,
        metadata=dict(record.metadata),
        defect_code=record.defect_code,
        defect_message=record.defect_message,
    )
