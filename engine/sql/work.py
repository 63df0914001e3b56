"""Runs one checked query: the process that `workers` starts, `python -m engine.sql.work`, and its parts.

What comes in is a JSON object on standard input, what goes out one on standard output. The process does one query and
ends, so that nothing of one user's query is there for the next.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import resource
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import lance
import pyarrow as pa

from engine.sql.statement import LOCKED

#: What the program takes beside the query, bytes of address space: interpreter, libraries, threads' stacks.
_BESIDE_BYTES = 6 << 30

#: Texts of complaints that may hold placeholders of personal data; of other tables all texts may.
_TEXTS = ("text", "search_text", "category_reasons", "priority_reasons", "identifiers")


def connect(
    paths: Mapping[str, tuple[str, int | None]],
    similar: Mapping[str, Mapping[str, Sequence[Any]]],
    hidden: Sequence[str] = (),
    vectors: bool = False,
    memory_bytes: int = 512 << 20,
    options: Mapping[str, str] | None = None,
) -> tuple[duckdb.DuckDBPyConnection, dict[str, int]]:
    """A locked connection to Lance tables.

    Args:
        paths: path and version (None: the newest) of each table by its name.
        similar: what `similar` found, columns by name, by the table's name in the query.
        hidden: types of placeholders that are shown without what tells one value from another.
        vectors: whether vectors can be read.
        memory_bytes: of DuckDB at most.
        options: of the object store.

    Returns:
        The connection, and the version of each table.
    """
    connection = duckdb.connect(":memory:", config=LOCKED | {"threads": "2", "memory_limit": f"{memory_bytes >> 20}MB"})
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    versions = {}
    for name, (path, version) in paths.items():
        dataset = lance.dataset(path, version=version, storage_options=dict(options) if options else None)
        versions[name] = int(dataset.version)
        connection.register(f"_{name}", dataset)
        listed = ", ".join(_selected(name, field, hidden) for field in dataset.schema if vectors or not _vector(field))
        connection.execute(f'CREATE VIEW {name} AS SELECT {listed} FROM "_{name}"').fetchall()  # noqa: S608 -- our names
    for name, columns in similar.items():
        types = {"event_id": pa.string(), "score": pa.float32(), "rank": pa.int32()}
        connection.register(name, pa.table({key: pa.array(columns[key], types[key]) for key in types}))
    connection.execute("SET lock_configuration = true").fetchall()
    return connection, versions


def _vector(field: pa.Field) -> bool:
    return bool(pa.types.is_fixed_size_list(field.type))


def _selected(table: str, field: pa.Field, hidden: Sequence[str]) -> str:
    name = f'"{field.name}"'
    if not hidden or (table == "complaints" and field.name not in _TEXTS):
        return name
    types = "|".join(kind for kind in hidden if re.fullmatch("[A-Z]{2,12}", kind))
    change = f"regexp_replace({{}}, '<({types})_[0-9a-f]{{{{4}}}}>', '<\\1_0000>', 'g')"
    if pa.types.is_string(field.type):
        return f"{change.format(name)} AS {name}"
    if pa.types.is_list(field.type) and pa.types.is_string(field.type.value_type):
        return f"list_transform({name}, lambda one: {change.format('one')}) AS {name}"
    return name


def batches(connection: duckdb.DuckDBPyConnection, sql: str, rows: int) -> Iterator[pa.RecordBatch]:
    """The answer in batches of about `rows` rows, names of columns made distinct; at least one batch."""
    reader = connection.sql(sql).to_arrow_reader(rows)
    schema = pa.schema(
        [one.with_name(name) for one, name in zip(reader.schema, _distinct(reader.schema.names), strict=True)]
    )
    yield pa.RecordBatch.from_pylist([], schema=schema)
    for batch in reader:
        yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _distinct(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        count, free = 0, name
        while free in found:
            count += 1
            free = f"{name}_{count}"
        found.append(free)
    return found


def answer(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run a job of engine.sql.workers: columns, rows as objects, whether rows were left out, versions of tables."""
    connection, versions = connect(
        job["paths"], job["similar"], job["hidden"], job["vectors"], job["memory_bytes"], job["options"]
    )
    rows: list[dict[str, Any]] = []
    columns: list[dict[str, str]] = []
    for batch in batches(connection, job["sql"], 2048):
        columns = columns or [{"name": one.name, "type": str(one.type)} for one in batch.schema]
        rows += batch.to_pylist()
        if len(rows) > job["max_rows"]:
            break
    left_out = len(rows) > job["max_rows"]
    return {
        "columns": [one["name"] for one in columns],
        "rows": [{name: plain(value) for name, value in row.items()} for row in rows[: job["max_rows"]]],
        "types": {one["name"]: one["type"] for one in columns},
        "truncated": left_out,
        "versions": versions,
    }


def plain(value: Any) -> Any:
    """A value for JSON: times as RFC 3339 in UTC, bytes in base64, what is no number as null."""
    match value:
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case float():
            return value if math.isfinite(value) else None
        case bool() | int() | str() | None:
            return value
        case Decimal():
            return plain(float(value))
        case bytes():
            return base64.b64encode(value).decode()
        case pa.MonthDayNano():
            return {"months": value.months, "days": value.days, "seconds": value.nanoseconds / 1e9}
        case dict():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return str(value)


def confine(memory_bytes: int) -> None:
    """What no query can get round: memory, files, and the right of others to the processors."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes * 2 + _BESIDE_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes * 2 + (1 << 30),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)


def main() -> None:
    """Wait for a job, run it, end."""
    line = sys.stdin.readline()
    if not line:
        return  # it was a spare, and is not wanted any more
    job = json.loads(line)
    confine(job["memory_bytes"])
    try:
        told: dict[str, Any] = {"answer": answer(job)}
    except (MemoryError, pa.ArrowMemoryError, duckdb.OutOfMemoryException):
        told = {"full": True}
    except (duckdb.Error, pa.ArrowException, OSError, ValueError) as error:
        told = {"error": str(error).partition("\n\nLINE")[0][:600]}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
