"""What became of each entry: `<data>/schedules.json`, changed whole under a lock, so that it outlives every process."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.errors import Transient
from connectors.nats_server import write_private
from engine.run.runtime import run_folder

_FILE = "schedules.json"


class EntryRuns(Transient):
    """A run of this entry is going on; none begins beside it."""


def read(data_dir: Path) -> dict[str, dict[str, Any]]:
    """By entry: counted_from, the time that its next run is counted from, and last, its last run."""
    try:
        found: dict[str, dict[str, Any]] = json.loads((data_dir / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # nothing ran yet, or it is unreadable: times are counted from now
        return {}
    return found


def change(data_dir: Path, name: str, **values: Any) -> None:
    """Set values of an entry, on the disk when this returns."""
    with _locked(data_dir, "schedules"):
        found = read(data_dir)
        found[name] = found.get(name, {}) | values
        write_private(data_dir / _FILE, json.dumps(found, ensure_ascii=False, indent=1))


def counted_from(data_dir: Path, name: str, now: datetime) -> datetime:
    """The time that the next run is counted from; of an entry that was never seen, now."""
    found = read(data_dir).get(name, {}).get("counted_from")
    if found is None:
        change(data_dir, name, counted_from=now.isoformat())
        return now
    return datetime.fromisoformat(found)


@contextmanager
def alone(data_dir: Path, name: str) -> Iterator[int]:
    """Be the only run of an entry; gives the lock's descriptor, which whoever works for the run has to hold as well.

    Raises:
        EntryRuns: another one runs.
    """
    with (run_folder(data_dir) / f"schedule-{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EntryRuns(f"schedule {name}: a run is going on; see `beejan schedule list`") from None
        yield file.fileno()


def runs(data_dir: Path, name: str) -> bool:
    """Whether a run of this entry is going on."""
    try:
        with alone(data_dir, name):
            return False
    except EntryRuns:
        return True


@contextmanager
def _locked(data_dir: Path, name: str) -> Iterator[None]:
    with (run_folder(data_dir) / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
