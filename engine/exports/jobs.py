"""Exports as folders: what is wanted (`job.json`), how far it is (`state.json`), parts, and at last the file.

Both files are replaced as a whole, so that a process that is killed leaves the one or the other state.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from connectors.errors import Terminal

Format = Literal["csv", "parquet", "jsonl"]

FORMATS = ("csv", "parquet", "jsonl")

#: Starts of an export before it is given up.
MOST_ATTEMPTS = 5

_ID = re.compile(r"[0-9a-f]{16}")


class NoExport(Terminal):
    """There is no such export."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is wanted.

    Attributes:
        export_id: its id, and its folder's name.
        owner: id of the key that asked for it; nobody else is shown it.
        format: csv, parquet or jsonl.
        zone: path of the serving zone.
        versions: of the tables that are read.
        columns: of complaints; none: all but vectors.
        condition: of engine.store.filters, on complaints.
        ranked: event ids in their order with scores, where a search found them.
        query: a job of engine.sql.workers, where it is SQL.
        hidden: types of placeholders that are shown without what tells one value from another.
        spreadsheet_safe: in csv, texts that a spreadsheet would take for a formula are given a leading apostrophe.
        asked_at: when, RFC 3339.
    """

    export_id: str
    owner: str
    format: Format
    zone: str
    versions: Mapping[str, int]
    columns: tuple[str, ...] = ()
    condition: str | None = None
    ranked: tuple[tuple[str, float], ...] | None = None
    query: Mapping[str, Any] | None = None
    hidden: tuple[str, ...] = ()
    spreadsheet_safe: bool = True
    asked_at: str = ""


@dataclass(slots=True)
class State:
    """How far it is: queued, running, done or failed; rows of each part that is finished."""

    state: str = "queued"
    parts: list[int] = field(default_factory=list)
    attempts: int = 0
    rows: int = 0
    bytes: int = 0
    error: str | None = None
    finished_at: str | None = None


def folder(data_dir: Path) -> Path:
    """Where exports are."""
    return data_dir / "exports"


def new_id() -> str:
    """An id that nobody guesses."""
    return secrets.token_hex(8)


def put(data_dir: Path, job: Job) -> Path:
    """Keep a new export; returns its folder."""
    path = folder(data_dir) / job.export_id
    path.mkdir(parents=True, mode=0o700)
    write(path, State())
    _replace(path / "job.json", asdict(job))
    return path


def job_of(path: Path) -> Job:
    """What is wanted.

    Raises:
        NoExport: there is none, or it has only begun to be.
    """
    try:
        values = json.loads((path / "job.json").read_text())
    except FileNotFoundError as error:
        raise NoExport(f"export {path.name[:40]!r}: not found; it is kept for a while only") from error
    ranked = values["ranked"]
    values["ranked"] = None if ranked is None else tuple((key, score) for key, score in ranked)
    return Job(**values | {"columns": tuple(values["columns"]), "hidden": tuple(values["hidden"])})


def state_of(path: Path) -> State:
    """How far it is."""
    return State(**json.loads((path / "state.json").read_text()))


def write(path: Path, state: State) -> None:
    """Keep how far it is."""
    _replace(path / "state.json", asdict(state))


def result(path: Path, job: Job) -> Path:
    """The finished file."""
    return path / f"data.{job.format}"


def find(data_dir: Path, export_id: str) -> Path:
    """The folder of an export.

    Raises:
        NoExport: this is no id.
    """
    if not _ID.fullmatch(export_id):
        raise NoExport(f"export {export_id[:40]!r}: not found; an id has 16 hex digits")
    return folder(data_dir) / export_id


def unfinished(data_dir: Path) -> list[Path]:
    """Exports that are to be made, the oldest first."""
    found = [path.parent for path in folder(data_dir).glob("*/job.json")]
    waiting = [path for path in found if state_of(path).state in ("queued", "running")]
    return sorted(waiting, key=lambda path: (path / "job.json").stat().st_mtime)


def remove_old(data_dir: Path, keep: timedelta, now: datetime) -> int:
    """Remove exports that ended longer than `keep` ago; returns how many."""
    gone = 0
    for path in folder(data_dir).glob("*/state.json"):
        ended = state_of(path.parent).finished_at
        if ended and datetime.fromisoformat(ended) < now - keep:
            shutil.rmtree(path.parent, ignore_errors=True)
            gone += 1
    return gone


def now() -> str:
    """The time, RFC 3339."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _replace(path: Path, values: Mapping[str, Any]) -> None:
    beside = path.with_suffix(".new")
    with beside.open("w") as file:
        json.dump(values, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
