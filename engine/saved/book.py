"""Matches and how far their delivery is, in SQLite beside the tables: durable, each search and complaint once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS matches (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, search_id TEXT NOT NULL, event_id TEXT NOT NULL, score REAL,
  about TEXT NOT NULL, matched_at TEXT NOT NULL, UNIQUE (search_id, event_id));
CREATE TABLE IF NOT EXISTS cursors (name TEXT PRIMARY KEY, at INTEGER NOT NULL, due REAL NOT NULL DEFAULT 0);
"""


class Book:
    """One process writes, others read; many threads may use one.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_SCHEMA}")

    def put(self, matches: Iterable[Mapping[str, Any]], version: int) -> int:
        """Keep matches, and that all complaints of a version have been seen, all at once; returns how many are new."""
        with self._lock, self._db:
            before = self._db.total_changes
            self._db.executemany(
                "INSERT OR IGNORE INTO matches (search_id, event_id, score, about, matched_at) "
                "VALUES (:search_id, :event_id, :score, :about, :matched_at)",
                list(matches),
            )
            new = self._db.total_changes - before
            self._set("seen", version, 0)
        return new

    def cursor(self, name: str) -> tuple[int, float] | None:
        """Where something stands, and when it is due again; None at the beginning."""
        with self._lock:
            row = self._db.execute("SELECT at, due FROM cursors WHERE name = ?", (name,)).fetchone()
        return None if row is None else (int(row["at"]), float(row["due"]))

    def move(self, name: str, at: int, due: float = 0) -> None:
        """Set where something stands."""
        with self._lock, self._db:
            self._set(name, at, due)

    def _set(self, name: str, at: int, due: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO cursors (name, at, due) VALUES (?, ?, ?)", (name, at, due))

    def after(self, seq: int, search_id: str | None = None, limit: int = 500) -> list[dict[str, Any]]:
        """Matches after a sequence number, the oldest first."""
        only = "" if search_id is None else "AND search_id = :search_id"
        return self._read(f"seq > :seq {only} ORDER BY seq", {"seq": seq, "search_id": search_id, "limit": limit})

    def newest(self, search_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest matches of a search."""
        return self._read("search_id = :search_id ORDER BY seq DESC", {"search_id": search_id, "limit": limit})

    def last(self) -> int:
        """The newest sequence number."""
        with self._lock:
            return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM matches").fetchone()[0])

    def remove(self, search_id: str) -> None:
        """Forget the matches of a search."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM matches WHERE search_id = ?", (search_id,))
            self._db.execute("DELETE FROM cursors WHERE name = ?", (f"webhook:{search_id}",))

    def prune(self, keep: int) -> None:
        """Forget all but the newest `keep` matches."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM matches WHERE seq <= (SELECT max(seq) FROM matches) - ?", (keep,))

    def _read(self, condition: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._db.execute(f"SELECT * FROM matches WHERE {condition} LIMIT :limit", values).fetchall()  # noqa: S608
        return [dict(row) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
