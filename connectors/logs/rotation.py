"""The files of a log, the oldest first, and where in them a cursor stands, whatever they are called by now.

A place is told by content: hashes of the first bytes and of those before the offset. So it is found again after a
rename, in a copy, and in a packed one; a file that was truncated or replaced does not have it.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

#: How much of a file's beginning, and of what stands before the offset, tells a place.
PRINT_BYTES = 1024

_PACKED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True, slots=True)
class Place:
    """Behind a record.

    Args:
        offset: bytes of the file, unpacked, that were read.
        head: hash of its first bytes.
        tail: hash of the bytes before the offset.
        mtime_ns: when the file had been written to last.
        chain: hash over the lines of the log so far; the next keys follow from it.
        cut: the entry before was too long, and goes on here.
    """

    offset: int
    head: str
    tail: str
    mtime_ns: int
    chain: str
    cut: bool = False


def opened(path: Path) -> IO[bytes]:
    """A file of a log, unpacked."""
    stream: IO[bytes] = _PACKED.get(path.suffix, open)(path, "rb")
    return stream


def rotated_from(path: Path) -> list[Path]:
    """What a log was renamed, copied or packed to: `x.log.1`, `x.log-20260301.gz`, `x-2.log`; the oldest first."""
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    date = r"\d[\d\-_.T:]*"
    pattern = (
        rf"(?:{stem}{suffix}[.\-_](?P<n>{date}|old|prev|bak)|{stem}[.\-_](?P<m>{date}){suffix})(?:\.gz|\.bz2|\.xz)?"
    )
    found = []
    for other in path.parent.iterdir():
        match = re.fullmatch(pattern, other.name)
        half_packed = other.suffix in _PACKED and other.with_suffix("").exists()
        if match and other.is_file() and not half_packed:
            number = match["n"] or match["m"] or ""
            age = -int(number) if number.isdecimal() and len(number) < 5 else 0
            found.append((other.stat().st_mtime_ns, age, other.name, other))
    return [entry[-1] for entry in sorted(found)]


def prints(stream: IO[bytes], offset: int) -> tuple[str, str]:
    """(head, tail) of the place at `offset`; of a shorter file, what nothing matches."""
    head = _read(stream, min(offset, PRINT_BYTES))
    behind = min(offset, PRINT_BYTES)
    stream.seek(offset - behind)
    tail = _read(stream, behind)
    return (fingerprint(head), fingerprint(tail)) if len(tail) == behind else ("", "")


def holds(path: Path, place: Place) -> bool:
    """Whether a file has a place."""
    if path.suffix not in _PACKED and path.stat().st_size < place.offset:
        return False
    try:
        with opened(path) as stream:
            head = _read(stream, min(place.offset, PRINT_BYTES))
            if fingerprint(head) != place.head:
                return False
            stream.seek(0)
            return prints(stream, place.offset) == (place.head, place.tail)
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError):  # it is being packed
        return False


def same_beginning(path: Path, other: Path) -> bool:
    """Whether all of `path` is the beginning of `other`: a copy that is about to become the rotated file."""
    if path.suffix in _PACKED:
        return False
    size = path.stat().st_size
    if not 0 < size <= other.stat().st_size:
        return False
    with opened(path) as a, opened(other) as b:
        return prints(a, size) == prints(b, size)


def _read(stream: IO[bytes], count: int) -> bytes:
    parts = b""
    while len(parts) < count and (part := stream.read(count - len(parts))):
        parts += part
    return parts


def fingerprint(data: bytes) -> str:
    """A short hash of bytes."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()
