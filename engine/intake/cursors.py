"""Where sources are to be read on, and how each fares: one SQLite file, synced before a cursor counts as kept.

It lies beside the ledger on the host that reads the sources (docs/decisions/0014). The API reads it too.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.errors import Transient

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cursors (source TEXT, unit TEXT, cursor TEXT NOT NULL, PRIMARY KEY (source, unit))
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (
  source TEXT PRIMARY KEY, state TEXT NOT NULL, records INTEGER NOT NULL DEFAULT 0, read_at TEXT, caught_up_at TEXT,
  error TEXT, error_at TEXT);
CREATE TABLE IF NOT EXISTS paused (source TEXT PRIMARY KEY);
"""

_STATE = ("state", "records", "read_at", "caught_up_at", "error", "error_at")


class CursorsTrouble(Transient):
    """The file of cursors cannot be read or written at present."""


class Cursors:
    """The cursors of all sources; any thread may call.

    Args:
        folder: `<data>/sources`, made when missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "sources.db"
        self._lock = threading.Lock()
        try:
            self._base = sqlite3.connect(self._path, timeout=10, check_same_thread=False, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            # In WAL mode FULL syncs the log at every commit: a kept cursor survives the loss of power.
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def get(self, source: str, unit: str) -> str | None:
        """The last kept cursor."""
        rows = self._run("SELECT cursor FROM cursors WHERE source = ? AND unit = ?", (source, unit))
        return str(rows[0][0]) if rows else None

    def keep(self, source: str, unit: str, cursor: str) -> None:
        """Keep a cursor; durable when this returns."""
        self._run("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (source, unit, cursor))

    def note(self, source: str, values: Mapping[str, Any]) -> None:
        """How a source fares; values as in `states`."""
        names = ", ".join(("source", *_STATE))
        marks = ", ".join("?" * (len(_STATE) + 1))
        row = (source, *(values.get(name) for name in _STATE))
        self._run(f"INSERT OR REPLACE INTO states ({names}) VALUES ({marks})", row)  # noqa: S608 -- constants

    def states(self) -> dict[str, dict[str, Any]]:
        """source: its state, whose `paused` tells whether somebody paused it."""
        names = ", ".join(_STATE)
        rows = self._run(f"SELECT source, {names} FROM states")  # noqa: S608 -- constants
        paused = self.paused()
        return {row[0]: dict(zip(_STATE, row[1:], strict=True)) | {"paused": row[0] in paused} for row in rows}

    def paused(self) -> set[str]:
        """The sources that somebody paused."""
        return {row[0] for row in self._run("SELECT source FROM paused")}

    def pause(self, source: str, on: bool = True) -> None:
        """Pause a source, or let it go on."""
        sql = "INSERT OR REPLACE INTO paused VALUES (?)" if on else "DELETE FROM paused WHERE source = ?"
        self._run(sql, (source,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    def _run(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._base.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _trouble(self, error: sqlite3.Error) -> CursorsTrouble:
        return CursorsTrouble(
            f"cursors {self._path}: {type(error).__name__} ({error}); is the device full, or the file damaged?"
        )
