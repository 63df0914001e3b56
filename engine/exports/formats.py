"""Record batches as CSV, JSON lines or Parquet: parts without a header, joined into one file at the end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from engine.exports.jobs import Format
from engine.sql.work import plain

#: What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection).
_FORMULA = r"^([=+\-@\t\r])"


def write_part(path: Path, form: Format, batches: Iterable[pa.RecordBatch], safe: bool) -> tuple[int, pa.Schema]:
    """Write a part durably and all at once; returns its rows and the schema.

    Args:
        path: of the part.
        form: csv, jsonl or parquet.
        batches: at least one, which may be empty.
        safe: see Job.spreadsheet_safe.
    """
    beside, rows, schema = path.with_suffix(".new"), 0, None
    with beside.open("wb") as file:
        writer = None
        for batch in batches:
            schema, rows = batch.schema, rows + batch.num_rows
            if form == "parquet":
                writer = writer or pq.ParquetWriter(file, schema, compression="zstd")
                if batch.num_rows:
                    writer.write_batch(batch)
            elif batch.num_rows and form == "csv":
                options = pa.csv.WriteOptions(include_header=False)
                pa.csv.write_csv(pa.Table.from_batches([as_text(batch, safe)]), file, options)
            elif batch.num_rows:
                lines = (json.dumps(plain(row), ensure_ascii=False) for row in batch.to_pylist())
                file.write("".join(f"{line}\n" for line in lines).encode())
        if writer is not None:
            writer.close()
        file.flush()
        os.fsync(file.fileno())
    assert schema is not None  # there is at least one batch
    beside.replace(path)
    return rows, schema


def join(target: Path, form: Format, parts: Sequence[Path], schema: pa.Schema, safe: bool) -> None:
    """Make one file of parts, durably and all at once."""
    beside = target.with_suffix(".new")
    with beside.open("wb") as file:
        if form == "parquet":
            _join_parquet(file, parts, schema)
        else:
            if form == "csv":
                names = pc.replace_substring_regex(pa.array(schema.names), _FORMULA, r"'\1") if safe else schema.names
                header = pa.table([pa.array([], pa.string())] * len(schema.names), [str(name) for name in names])
                pa.csv.write_csv(header, file)
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(target)


def _join_parquet(file: object, parts: Sequence[Path], schema: pa.Schema) -> None:
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in parts:
            source = pq.ParquetFile(part)
            for batch in source.iter_batches(8192):
                writer.write_batch(batch.cast(schema))


def as_text(batch: pa.RecordBatch, safe: bool) -> pa.RecordBatch:
    """A batch as CSV can hold it: lists joined by "; ", times as RFC 3339 in UTC, what is nested otherwise as JSON."""
    columns, names = [], []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        made = _text(column)
        if safe and pa.types.is_string(made.type):
            made = pc.replace_substring_regex(made, _FORMULA, r"'\1")
        columns.append(made)
        names.append(field.name)
    return pa.RecordBatch.from_arrays(columns, names)


def _text(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        # One without a zone is in UTC.
        plainly = column if kind.tz else column.cast(pa.timestamp("us"))
        return pc.strftime(plainly.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return pc.binary_join(column, "; ")
    if pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_decimal(kind):
        return column
    values = [None if value is None else json.dumps(plain(value), ensure_ascii=False) for value in column.to_pylist()]
    return pa.array(values, pa.string())


def generalised(batch: pa.RecordBatch, hidden: Sequence[str]) -> pa.RecordBatch:
    """A batch whose texts show placeholders of these types without what tells one value from another."""
    if not hidden:
        return batch
    pattern = f"<({'|'.join(hidden)})_[0-9a-f]{{4}}>"

    def changed(texts: pa.Array) -> pa.Array:
        return pc.replace_substring_regex(texts, pattern, r"<\1_0000>")

    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type):
            columns.append(changed(column))
        elif pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
            texts = [
                None if one is None else changed(pa.array(one, pa.string())).to_pylist() for one in column.to_pylist()
            ]
            columns.append(pa.array(texts, column.type))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
