"""From a processed batch to the rows of each table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from engine.tables import DEAD_LETTERS, ENVELOPES


def distinct(batch: pa.Table, column: str = "event_id") -> pa.Table:
    """The first row of each key: a merge would insert all duplicates inside one batch."""
    seen: set[str] = set()
    keep = []
    for row, key in enumerate(batch[column].to_pylist()):
        if key not in seen:
            seen.add(key)
            keep.append(row)
    return batch if len(keep) == batch.num_rows else batch.take(pa.array(keep, pa.int64()))


def split(batch: pa.Table) -> tuple[pa.Table, pa.Table]:
    """(rows that passed every stage, rows that failed)."""
    alive = pc.is_null(batch["error_stage"])
    return batch.filter(alive), batch.filter(pc.invert(alive))


def envelopes(batch: pa.Table) -> pa.Table:
    """Rows of raw.envelopes: every record as received, also one that failed later.

    Metadata gets what decoding noted: names of unknown fields, values of those that the mapping keeps.
    """
    if "record_notes" in batch.column_names and batch["record_notes"].null_count < batch.num_rows:
        pairs = zip(batch["metadata"].to_pylist(), batch["record_notes"].to_pylist(), strict=True)
        batch = with_column(batch, "metadata", [_noted(metadata, notes) for metadata, notes in pairs])
    renamed = batch.drop_columns([n for n in ("payload",) if n in batch.column_names])
    renamed = renamed.rename_columns(["payload" if n == "sealed" else n for n in renamed.column_names])
    return conform(renamed, ENVELOPES.schema)


def _noted(metadata: str | None, notes: str | None) -> str | None:
    if notes is None:
        return metadata
    return json.dumps({**json.loads(metadata or "{}"), **json.loads(notes)}, ensure_ascii=False)


def dead_letters(failed: pa.Table, now: datetime) -> pa.Table:
    """Rows of raw.dead_letters; the payload is referred to, not repeated."""
    rows = []
    for row in failed.select(_DEAD_COLUMNS).to_pylist():
        attempt = row["attempt"] or 1
        rows.append(
            {
                "dead_letter_id": f"{row['event_id']}:{attempt}",
                "event_id": row["event_id"],
                "attempt": attempt,
                "stage": row["error_stage"],
                "reason": row["error_code"],
                "message": row["error_message"],
                "payload_ref": f"raw.envelopes/{row['event_id']}",
                "channel": row["channel"],
                "source": row["source"],
                "source_key": row["source_key"],
                "received_at": row["received_at"],
                "failed_at": now,
                "stream_seq": row["stream_seq"],
            }
        )
    return pa.Table.from_pylist(rows, schema=DEAD_LETTERS.schema)


_DEAD_COLUMNS = [
    "event_id", "attempt", "error_stage", "error_code", "error_message",
    "channel", "source", "source_key", "received_at", "stream_seq",
]  # fmt: skip


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema` in its order and types; one that is absent is null."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def with_column(table: pa.Table, name: str, values: Sequence[str | None]) -> pa.Table:
    """`table` with a string column set."""
    array = pa.array(values, pa.string())
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, array)
    return table.append_column(name, array)
