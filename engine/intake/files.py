"""From files to envelopes: stable keys for records without an id, so that a file can be sent again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.files.records import FileRecord, Limits, records
from connectors.mapping import Mapping, default_mapping, source_key
from engine.intake.accept import clean
from engine.intake.envelope import Envelope


@dataclass(frozen=True, slots=True)
class FileSource:
    """How a file's records are to be named and read.

    Args:
        channel: one of the five channels.
        source: the source's name; part of every event id, so the same for the same data.
        mapping: field mapping, or None to take columns by their names.
    """

    channel: str
    source: str
    mapping: Mapping | None = None


def envelopes(path: Path, source: FileSource, now: datetime, limits: Limits) -> Iterator[Envelope]:
    """The envelopes of a file, one a record, in order.

    A record's `source_key` is its mapped key; without one, its content and which of the file's records
    with that content it is. So the same file sent again gives the same ids, and equal rows in one file
    stay apart.

    Raises:
        UnreadableFile: see connectors.files.records.
    """
    seen: Counter[bytes] = Counter()
    inline = source.mapping.model_dump_json(exclude_defaults=True) if source.mapping else None
    for record in records(path, limits):
        yield Envelope(
            channel=source.channel,
            source=source.source,
            source_key=_key(record, source.mapping, seen),
            payload=record.payload,
            content_type=record.content_type,
            received_at=now,
            mapping=inline,
            metadata={"file": clean(path.name), "row": record.row, **record.metadata},
            defect_code=record.defect_code,
            defect_message=record.defect_message,
        )


def _key(record: FileRecord, mapping: Mapping | None, seen: Counter[bytes]) -> str:
    if record.content_type == "application/json" and record.defect_code is None:
        row = json.loads(record.payload)
        key = source_key(mapping or default_mapping(row), row)
        if key:
            return clean(key)[:200]
    if record.key:
        return clean(record.key)[:200]
    digest = hashlib.sha256(record.payload).digest()
    seen[digest] += 1
    return f"~{digest.hex()[:16]}.{seen[digest]}"
