"""Which encoding a file is in, and its lines as bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

_SAMPLE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16
_HEAD_BYTES = 4096

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

#: A file whose lines are UTF-8 but for this share is UTF-8 with broken lines, not another encoding.
_BROKEN_SHARE = 0.1

#: Characters below U+0100 are a third or more of most UTF-16 tables; a stray NUL is far below a tenth.
_NUL_SHARE = 0.1

_CANDIDATES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1256", "latin_1", "gb18030", "shift_jis"]


def sample(stream: IO[bytes]) -> bytes:
    """The beginning of a stream."""
    parts, size = [], 0
    while size < _SAMPLE_BYTES and (part := stream.read(_SAMPLE_BYTES - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def encoding_of(head: bytes, record_end: bytes | None = None) -> tuple[str, int]:
    """(encoding, length of the byte-order mark) told by the beginning of a file.

    A broken record must not decide for the others: they are told apart by lines, or by `record_end`.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    if wide := _wide(head[:_HEAD_BYTES]):
        return wide, 0
    return ("utf-8" if _mostly_utf8(head, record_end) else _guess(head)), 0


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark shows as NULs in every other byte only, its line ends among them."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < _NUL_SHARE * len(head) / 2 or min(even, odd) * 10 > max(even, odd):
        return None
    name, end = ("utf-16-be", b"\0\n") if even > odd else ("utf-16-le", b"\n\0")
    return name if head.count(end) * 2 >= head.count(b"\n") else None


def _mostly_utf8(head: bytes, record_end: bytes | None) -> bool:
    """Whether broken lines are the exception: few of many, or fewer than those that only UTF-8 explains."""
    whole = head.split(record_end) if record_end else head.splitlines()
    cut = len(head) >= _SAMPLE_BYTES
    broken = sum(not _is_utf8(line) for line in whole[:-1])
    broken += bool(whole) and not _is_utf8(whole[-1], cut)
    proven = sum(not line.isascii() for line in whole) - broken
    few = len(whole) >= 20 and broken <= _BROKEN_SHARE * len(whole) and broken <= max(proven, 25)
    return broken == 0 or few or proven > broken


def _is_utf8(line: bytes, cut: bool = False) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(line, final=not cut)
    except UnicodeDecodeError:
        return False
    return True


def _guess(head: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(head[:65_536], cp_isolation=_CANDIDATES).best()
    return best.encoding if best else "cp1252"


def lines(stream: IO[bytes], head: bytes, skip: int, encoding: str, most: int) -> Iterator[bytes]:
    """Physical lines with their ends, as bytes; \\n, \\r\\n and a lone \\r end a line.

    Wide encodings are turned to UTF-8 first, so that a line end is one byte. Of a line over `most` bytes
    only the first `most` + 1 come out: its length tells that it was too long, and memory stays bounded.
    """
    held = bytearray()
    waiting = b""  # a \r at the end of a part: it may be half of \r\n
    for part in parts(stream, head[skip:], encoding):
        joined = waiting + part
        waiting = b"\r" if joined.endswith(b"\r") else b""
        for piece in joined[: len(joined) - len(waiting)].splitlines(keepends=True):
            held += piece[: most + 1 - len(held)]
            if piece.endswith((b"\n", b"\r")):
                yield bytes(held)
                held.clear()
    if held or waiting:
        yield bytes(held + waiting)


def parts(stream: IO[bytes], head: bytes, encoding: str) -> Iterator[bytes]:
    """What is in `head` and then the stream, in pieces, to be decoded with `text_encoding`.

    What is broken in a wide encoding comes out as bytes that are not UTF-8 either, so that its line shows it.
    """
    if not _is_wide(encoding):
        yield head
        while part := stream.read(_CHUNK_BYTES):
            yield part
        return
    codecs.register_error("connectors-mark", _mark)
    decoder = codecs.getincrementaldecoder(encoding)("connectors-mark")
    yield decoder.decode(head).encode("utf-8", "surrogatepass")
    while part := stream.read(_CHUNK_BYTES):
        yield decoder.decode(part).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


def text_encoding(encoding: str) -> str:
    """What a line of `lines` is to be decoded with."""
    return "utf-8" if _is_wide(encoding) else encoding


def _is_wide(encoding: str) -> bool:
    return encoding.replace("_", "-").startswith(("utf-16", "utf-32"))
