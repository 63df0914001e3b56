"""Makes one export, in a process of its own: `python -m engine.exports.work FOLDER`, store options on standard input.

Complaints are read fragment by fragment of the pinned version, each a part that is on the disk for good before the next
begins; a process that starts after another was killed goes on with the next part. A query in SQL is one part.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import lance
import pyarrow as pa

from connectors.errors import Terminal
from engine.exports import formats, jobs
from engine.exports.jobs import Job, State
from engine.sql import work as sql_work

#: Rows that are in memory at once.
_BATCH = 4096

#: Ended because another process makes this export.
TAKEN = 75


class VersionGone(Terminal):
    """The version that the export is of is no longer kept."""


def run(path: Path, options: Mapping[str, str] | None = None) -> State:
    """Make an export, or go on with it; what cannot succeed is told in its state.

    Args:
        path: its folder.
        options: of the object store.
    """
    job, state = jobs.job_of(path), jobs.state_of(path)
    state.state, state.attempts = "running", state.attempts + 1
    jobs.write(path, state)
    try:
        if state.attempts > jobs.MOST_ATTEMPTS:
            raise Terminal(f"export {job.export_id}: it did not end in {jobs.MOST_ATTEMPTS} attempts; narrow it")
        _make(path, job, state, options)
    except (Terminal, duckdb.Error, pa.ArrowException, ValueError) as error:
        state.state, state.error = "failed", str(error).partition("\n\nLINE")[0][:600]
        for part in path.glob("part-*"):
            part.unlink()
    state.finished_at = jobs.now()
    jobs.write(path, state)
    return state


def _make(path: Path, job: Job, state: State, options: Mapping[str, str] | None) -> None:
    schema: pa.Schema | None = None
    for number, batches in enumerate(_parts(job, options)):
        part = path / f"part-{number:06d}"
        if number < len(state.parts) and schema is not None:
            continue  # it is there, and what its columns are is known
        shown = (formats.generalised(batch, job.hidden) for batch in batches)
        if number < len(state.parts):
            schema = next(iter(shown)).schema
            continue
        rows, schema = formats.write_part(part, job.format, shown, job.spreadsheet_safe)
        state.parts.append(rows)
        state.rows = sum(state.parts)
        jobs.write(path, state)
    assert schema is not None  # there is at least one part
    parts = [path / f"part-{number:06d}" for number in range(len(state.parts))]
    target = jobs.result(path, job)
    formats.join(target, job.format, parts, schema, job.spreadsheet_safe)
    state.state, state.bytes = "done", target.stat().st_size
    jobs.write(path, state)
    for part in parts:
        part.unlink()


def _parts(job: Job, options: Mapping[str, str] | None) -> Iterator[Iterator[pa.RecordBatch]]:
    """The batches of each part, always the same ones in the same order."""
    if job.query is not None:
        yield _query(job, options)
        return
    dataset = _dataset(job, "complaints", options)
    columns = list(job.columns) or [f.name for f in dataset.schema if not pa.types.is_fixed_size_list(f.type)]
    if job.ranked is not None:
        yield _ranked(job, dataset, columns)
        return
    empty = pa.RecordBatch.from_pylist([], pa.schema([dataset.schema.field(name) for name in columns]))
    yield iter([empty])  # a table may have no fragment at all
    for fragment in dataset.get_fragments():
        yield _fragment(dataset, fragment, columns, job.condition, empty)


def _dataset(job: Job, name: str, options: Mapping[str, str] | None) -> Any:
    version = job.versions[name]
    try:
        return lance.dataset(f"{job.zone}/{name}.lance", version=version, storage_options=dict(options or {}) or None)
    except (ValueError, OSError) as error:
        raise VersionGone(
            f"export {job.export_id}: version {version} of {name} is no longer kept; ask for a new export"
        ) from error


def _fragment(
    dataset: Any, fragment: Any, columns: list[str], condition: str | None, empty: pa.RecordBatch
) -> Iterator[pa.RecordBatch]:
    yield empty
    scanner = dataset.scanner(
        columns=columns, filter=condition, fragments=[fragment], batch_size=_BATCH, scan_in_order=True
    )
    yield from scanner.to_batches()


def _ranked(job: Job, dataset: Any, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """What a search found, in its order, with rank and score."""
    assert job.ranked is not None  # else there is no order
    listed = ", ".join(f"'{key}'" for key, _ in job.ranked if set(key) <= set("0123456789abcdef"))
    names = list(dict.fromkeys(["event_id", *columns]))
    rows = dataset.to_table(columns=names, filter=f"event_id IN ({listed})" if listed else "false")
    place = {key: row for row, key in enumerate(rows["event_id"].to_pylist())}
    kept = [(rank, key, score) for rank, (key, score) in enumerate(job.ranked, 1) if key in place]
    taken = rows.take(pa.array([place[key] for _, key, _ in kept], pa.int64())).select(columns)
    ranks, scores = pa.array([r for r, _, _ in kept], pa.int32()), pa.array([s for _, _, s in kept], pa.float32())
    whole = pa.table([ranks, scores, *taken.columns], ["rank", "score", *columns])
    yield pa.RecordBatch.from_pylist([], whole.schema)
    yield from whole.to_batches(_BATCH)


def _query(job: Job, options: Mapping[str, str] | None) -> Iterator[pa.RecordBatch]:
    assert job.query is not None
    paths = {name: (f"{job.zone}/{name}.lance", version) for name, version in job.versions.items()}
    query = job.query
    connection, _ = sql_work.connect(
        paths, query["similar"], query["hidden"], query["vectors"], query["memory_bytes"], options
    )
    yield from sql_work.batches(connection, query["sql"], _BATCH)


def main() -> None:
    """Make the export of the folder that is named, unless another process does."""
    path = Path(sys.argv[1])
    options = json.loads(sys.stdin.read() or "{}")
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(TAKEN) from None
        job = jobs.job_of(path)
        if job.query is not None:
            sql_work.confine(job.query["memory_bytes"])
        else:
            os.nice(5)
        run(path, options)


if __name__ == "__main__":
    main()
