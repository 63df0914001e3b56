"""The publishers' ledger: which records senders were told are accepted, kept outside NATS.

A damaged stream can lose messages without an error and start to count again from a lower sequence. Only a
record of what was acknowledged, kept elsewhere, tells what is missing. Each publishing process appends to
files of its own and syncs them before its sender is answered, once a request: 16 bytes a record.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from connectors.errors import Transient

#: A record: its stream sequence, and the first 64 bits of its event id.
ENTRY = np.dtype([("seq", ">u8"), ("id", ">u8")])

_HEAD = struct.Struct(">2sHI")
_MARK = b"bl"

#: A publisher begins another file at this size, so that settled ones can go, bytes.
_FILE_BYTES = 16 << 20


class LedgerTrouble(Transient):
    """The ledger could not be written; the sender is not told that its records were accepted."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Entries of one source that were noted together."""

    source: str
    entries: NDArray[np.void]


class Ledger:
    """One publisher's files in `folder`.

    Args:
        folder: `<data>/ledger`, made when missing.
        publisher: part of the file's name, e.g. `api`.
    """

    def __init__(self, folder: Path, publisher: str) -> None:
        self._folder, self._publisher = folder, publisher
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0

    def note(self, accepted: Sequence[tuple[int, str, str]]) -> None:
        """Append (stream sequence, event id, source) of each record; durable when this returns.

        Raises:
            LedgerTrouble: the disk refused; the records are in the stream, but their sender must send again.
        """
        if not accepted:
            return
        by_source: dict[str, list[tuple[int, int]]] = {}
        for seq, event_id, source in accepted:
            by_source.setdefault(source, []).append((seq, int(event_id[:16], 16)))
        data = b"".join(_frame(source, entries) for source, entries in by_source.items())
        with self._lock:
            try:
                self._append(data)
            except OSError as error:
                self._end()
                raise LedgerTrouble(
                    f"ledger {self._folder}: {len(accepted)} accepted records could not be noted ({error.strerror}); "
                    "free some room and send them again"
                ) from error

    def _append(self, data: bytes) -> None:
        if self._file is None or self._size > _FILE_BYTES:
            self._end()
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._folder / f"{self._publisher}-{uuid4().hex[:12]}.ledger"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            # Who finds it unlocked knows that nothing will be added.
            fcntl.flock(self._file, fcntl.LOCK_SH)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        # A frame that was cut off ends the reading of its file, so nothing may follow one.
        if os.write(self._file, data) != len(data):
            raise OSError(28, "no space left on the device")
        os.fdatasync(self._file)
        self._size += len(data)

    def _end(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._size = None, 0

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._end()


def _frame(source: str, entries: Sequence[tuple[int, int]]) -> bytes:
    name = source.encode("utf-8", "replace")[:1000]
    body = _HEAD.pack(_MARK, len(name), len(entries)) + name + np.array(entries, ENTRY).tobytes()
    return body + zlib.crc32(body).to_bytes(4, "big")


def read(path: Path, offset: int = 0) -> Iterator[tuple[Noted, int]]:
    """Frames of a file from `offset` on, each with the offset after it.

    A last frame that is being written, or was cut off by a crash, is left out: its sender had no answer.
    """
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    at = 0
    while at + _HEAD.size <= len(data):
        mark, named, count = _HEAD.unpack_from(data, at)
        body = at + _HEAD.size + named + count * ENTRY.itemsize
        if mark != _MARK or body + 4 > len(data):
            return
        if zlib.crc32(data[at:body]) != int.from_bytes(data[body : body + 4], "big"):
            return
        start = at + _HEAD.size
        source = data[start : start + named].decode()
        at, entries = body + 4, np.frombuffer(data[start + named : body], ENTRY)
        yield Noted(source, entries), offset + at
