"""Parts of long messages, kept durably until all are there, or the wait is over.

A call with a part is answered as accepted, so the part must survive a crash: it is committed to an SQLite file
before the answer, sealed with a key of the engine's own. Once the joined message is settled its words are erased
there; the digests of its parts stay for a while, so that a part sent again is known.

  waiting --all parts, or the wait is over--> ready --stored elsewhere--> settled --after keep_s--> gone
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.own_key import own_key
from connectors.payload import hashed
from connectors.sms.udh import Part
from connectors.source import SourceAway

#: A message that is ready is published by the call that completed it; after this long by the sweep, s.
_GRACE_S = 30.0

_NONCE_BYTES = 12

_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, total INTEGER NOT NULL, state TEXT NOT NULL, key TEXT, due REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS by_name ON messages (name);
CREATE INDEX IF NOT EXISTS by_due ON messages (state, due);
CREATE TABLE IF NOT EXISTS parts (
    message INTEGER NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (message, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Joined:
    """A message of several parts.

    Args:
        key: the same whenever it is given out.
        texts: by part number; surrogate pairs may be cut between two.
        values: of its first part.
        total: how many parts it has.
    """

    key: str
    texts: Mapping[int, str]
    values: Mapping[str, str]
    total: int


class Waiting:
    """The parts that wait; safe for threads, and for processes of one host.

    Args:
        path: the SQLite file, made where there is none, readable by its owner alone.
        join_s: longest wait, from a message's first part on, s.
        keep_s: how long a settled message's parts are known, s.
    """

    def __init__(self, path: Path, join_s: float, keep_s: float) -> None:
        self._path, self._join_s, self._keep_s = path, join_s, keep_s
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._key: bytes | None = None

    def add(
        self, sender: Collection[str], part: Part, text: str, values: Mapping[str, str], now: datetime
    ) -> Joined | None:
        """Keep a part; returns its message where that is ready and not settled.

        A part that is there already changes nothing. Another text under the same number begins another
        message: phones use their references again.

        Args:
            sender: what tells messages with the same reference apart: from whom, to whom.
            part: which one it is.
            text: its words.
            values: what else is known of it.
            now: the time of receipt.

        Raises:
            SourceAway: it could not be kept.
        """
        name = hashed(*sender, part.reference, str(part.total))
        digest = hashed(text)
        with self._changing() as file:
            room: int | None = None
            known = file.execute("SELECT id, state FROM messages WHERE name = ? ORDER BY id DESC", (name,)).fetchall()
            for message, state in known:
                there = dict(file.execute("SELECT number, digest FROM parts WHERE message = ?", (message,)))
                if there.get(part.number) == digest:
                    return self._joined(file, message) if state == "ready" else None
                if state == "waiting" and part.number not in there:
                    room = message
            if room is None:
                opened = (name, part.total, "waiting", now.timestamp() + self._join_s)
                (room,) = file.execute(
                    "INSERT INTO messages (name, total, state, due) VALUES (?, ?, ?, ?) RETURNING id", opened
                ).fetchone()
            assert room is not None  # the insert returned it
            content = self._sealed({"text": text, "values": dict(values)})
            file.execute("INSERT INTO parts VALUES (?, ?, ?, ?)", (room, part.number, digest, content))
            (count,) = file.execute("SELECT count(*) FROM parts WHERE message = ?", (room,)).fetchone()
            if count < part.total:
                return None
            self._make_ready(file, room, now.timestamp() + _GRACE_S)
            return self._joined(file, room)

    def overdue(self, now: datetime) -> list[Joined]:
        """The messages whose wait is over, with the parts there are, and those that nobody settled.

        Raises:
            SourceAway: the file cannot be read.
        """
        if self._file is None and not self._path.exists():
            return []
        moment = now.timestamp()
        with self._changing() as file:
            for (message,) in file.execute(
                "SELECT id FROM messages WHERE state = 'waiting' AND due <= ?", (moment,)
            ).fetchall():
                self._make_ready(file, message, moment)
            gone = file.execute(
                "SELECT id FROM messages WHERE state = 'settled' AND due <= ?", (moment - self._keep_s,)
            ).fetchall()
            file.executemany("DELETE FROM parts WHERE message = ?", gone)
            file.executemany("DELETE FROM messages WHERE id = ?", gone)
            due = file.execute(
                "SELECT id FROM messages WHERE state = 'ready' AND due <= ? ORDER BY id LIMIT 1000", (moment,)
            ).fetchall()
            return [self._joined(file, message) for (message,) in due]

    def settled(self, keys: Collection[str]) -> None:
        """These messages are durable elsewhere; their words are erased.

        Raises:
            SourceAway: the file cannot be written; they are given out again.
        """
        if self._file is None or not keys:
            return
        with self._changing() as file:
            for key in keys:
                for (message,) in file.execute(
                    "SELECT id FROM messages WHERE state = 'ready' AND key = ?", (key,)
                ).fetchall():
                    file.execute("UPDATE messages SET state = 'settled' WHERE id = ?", (message,))
                    file.execute("UPDATE parts SET content = '' WHERE message = ?", (message,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                file = self._file = self._file or _open(self._path)
                file.execute("BEGIN IMMEDIATE")
                try:
                    yield file
                except BaseException:
                    file.execute("ROLLBACK")
                    raise
                file.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise SourceAway(
                    f"parts of messages, {self._path}: {type(error).__name__}; make room there, or mend its rights"
                ) from error

    def _cipher(self) -> AESGCM:
        if self._key is None:
            self._key = bytes.fromhex(own_key(self._path.parent / "parts.key").decode())
        return AESGCM(self._key)

    def _sealed(self, content: Mapping[str, Any]) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher().encrypt(nonce, json.dumps(content).encode(), None)).decode()

    def _opened(self, sealed: str) -> Any:
        data = base64.b64decode(sealed)
        return json.loads(self._cipher().decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None))

    def _make_ready(self, file: sqlite3.Connection, message: int, due: float) -> None:
        (name,) = file.execute("SELECT name FROM messages WHERE id = ?", (message,)).fetchone()
        parts = file.execute(
            "SELECT number, digest, content FROM parts WHERE message = ? ORDER BY number", (message,)
        ).fetchall()
        # The first part's id tells a message from the same words under the same reference, days later.
        first = self._opened(parts[0][2])["values"].get("id", "")
        key = hashed(name, first, *(f"{number}:{digest}" for number, digest, _ in parts))
        file.execute("UPDATE messages SET state = 'ready', key = ?, due = ? WHERE id = ?", (key, due, message))

    def _joined(self, file: sqlite3.Connection, message: int) -> Joined:
        key, total = file.execute("SELECT key, total FROM messages WHERE id = ?", (message,)).fetchone()
        rows = file.execute(
            "SELECT number, content FROM parts WHERE message = ? ORDER BY number", (message,)
        ).fetchall()
        parts = {number: self._opened(content) for number, content in rows}
        return Joined(
            key, {number: part["text"] for number, part in parts.items()}, next(iter(parts.values()))["values"], total
        )


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    file = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = TRUNCATE", "synchronous = EXTRA", "secure_delete = ON"):
        file.execute(f"PRAGMA {pragma}")
    file.executescript(_TABLES)
    return file
