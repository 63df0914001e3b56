"""Lines to entries: an entry starts where a pattern says so, and its fields are found by patterns."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from connectors.logs.rotation import PRINT_BYTES

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or the beginning of one that is too long.

    Args:
        data: its bytes with the line end, of a long one the first.
        end: the offset behind what was read of it.
        whole: whether its line end was read.
        chain: hash over all lines up to this one.
        head: the first bytes of the file.
        recent: the last bytes up to `end`.
    """

    data: bytes
    end: int
    whole: bool
    chain: str
    head: bytes
    recent: bytes


def lines(stream: IO[bytes], offset: int, chain: str, most: int, *, skip: bool) -> Iterator[Line]:
    """The lines from `offset` on; a last one without an end comes as not whole, if it has any bytes.

    Of a line over `most` bytes the first come, at once and not whole, and its rest is passed over. NULs before a line
    are the hole that a program leaves which writes on after a truncation; they are no part of it.

    Args:
        stream: a file that can be sought.
        offset: see there.
        chain: hash of what came before.
        most: see there.
        skip: whether the stream stands inside of a line whose beginning came before.
    """
    held, at = bytearray(), offset
    head = stream.read(min(offset, PRINT_BYTES))
    stream.seek(max(0, offset - PRINT_BYTES))
    recent = stream.read(min(offset, PRINT_BYTES))
    while part := stream.read(_CHUNK_BYTES):
        for piece in _pieces(part):
            at += len(piece)
            recent = (recent + piece)[-PRINT_BYTES:]
            if len(head) < PRINT_BYTES:
                head = (head + piece)[:PRINT_BYTES]
            if skip:
                skip = not piece.endswith(b"\n")
                continue
            held += piece if held else piece.lstrip(b"\0")
            if piece.endswith(b"\n") and len(held) <= most:
                chain = _link(chain, bytes(held))
                yield Line(bytes(held), at, True, chain, head, recent)
                held.clear()
            elif len(held) > most:
                # How much of it is here by now must not change what comes out.
                kept, skip = bytes(held[:most]), not piece.endswith(b"\n")
                chain = _link(chain, kept)
                yield Line(kept, at, False, chain, head, recent)
                held.clear()
    if held:
        yield Line(bytes(held), at, False, _link(chain, bytes(held)), head, recent)


def _pieces(part: bytes) -> list[bytes]:
    """Cut at line feeds alone."""
    found = part.split(b"\n")
    return [piece + b"\n" for piece in found[:-1]] + ([found[-1]] if found[-1] else [])


def _link(chain: str, data: bytes) -> str:
    return hashlib.blake2b(bytes.fromhex(chain) + data, digest_size=16).hexdigest()


def payload(text: str, fields: Sequence[re.Pattern[str]]) -> tuple[bytes, str]:
    """(payload, content type) of an entry: JSON of its fields where there are any, else its text.

    Of a group that several patterns have, the first match counts. `text` is the whole entry where no pattern finds it;
    where one does, `entry` holds the whole, so that nothing is lost.
    """
    if not fields:
        return text.encode(), "text/plain"
    found: dict[str, str] = {}
    for pattern in fields:
        if match := pattern.search(text):
            found |= {k: v.strip() for k, v in match.groupdict().items() if v and k not in found}
    found = found | {"entry": text} if "text" in found else found | {"text": text}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
