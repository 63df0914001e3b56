"""The shingles of complaints on local disk, by event id: what a suspected copy is compared with.

A cache: what is missing is made again from the curated table, so it is neither fsynced nor backed up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.lance import StoreAway

#: Part of the file's name: shingles of another making are not read.
_FORM = 1

Shingles = NDArray[np.uint32]


class ShingleStore:
    """Key (64 bits of the event id) to the text's hash (64 bits), its shingles and its masked identifiers.

    Args:
        folder: where the file lies; it is made.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"shingles-{_FORM}.db"
        try:
            self._open()
        except sqlite3.DatabaseError:
            self._anew()

    def _open(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = MEMORY")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA cache_size = -16000")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS shingles (key INTEGER PRIMARY KEY, text INTEGER, set_ BLOB, said TEXT)"
        )

    def put(self, rows: Iterable[tuple[int, int, Shingles, str]]) -> None:
        """Keep or replace (key, text hash, shingles, identifiers).

        Raises:
            StoreAway: the device is full or refuses.
        """
        values = [(_signed(key), _signed(text), shingles.tobytes(), said) for key, text, shingles, said in rows]
        if values:
            self._run("INSERT OR REPLACE INTO shingles VALUES (?, ?, ?, ?)", values)

    def drop(self, keys: Sequence[int]) -> None:
        """Forget those of `keys`."""
        if keys:
            self._run("DELETE FROM shingles WHERE key = ?", [(_signed(key),) for key in keys])

    def get(self, keys: Sequence[int]) -> dict[int, tuple[int, Shingles, str]]:
        """Those of `keys` that are kept: key to (text hash, shingles, identifiers)."""
        found: dict[int, tuple[int, Shingles, str]] = {}
        for start in range(0, len(keys), 500):
            part = [_signed(key) for key in keys[start : start + 500]]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, text, set_, said FROM shingles WHERE key IN ({marks})"  # noqa: S608 -- marks alone
            try:
                kept = self._db.execute(query, part).fetchall()
            except sqlite3.DatabaseError:
                self._anew()
                return {}
            for key, text, blob, said in kept:
                found[key % 2**64] = (text % 2**64, np.frombuffer(blob, "<u4"), said)
        return found

    def _run(self, statement: str, values: Sequence[tuple[int | bytes | str, ...]]) -> None:
        try:
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany(statement, values)
        except sqlite3.OperationalError as error:
            raise StoreAway(f"{self._path}: {error}; free some room, the batch is tried again") from error
        except sqlite3.DatabaseError:
            self._anew()

    def _anew(self) -> None:
        """Begin with an empty file: this one was torn by a loss of power."""
        self._db.close()
        self._path.unlink(missing_ok=True)
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
