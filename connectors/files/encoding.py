"""Which encoding a file is in, and its lines as bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

_SAMPLE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

#: A file whose lines are UTF-8 but for this share is UTF-8 with broken lines, not another encoding.
_BROKEN_SHARE = 0.1

_CANDIDATES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1256", "latin_1", "gb18030", "shift_jis"]


def sample(stream: IO[bytes]) -> bytes:
    """The beginning of a stream."""
    parts, size = [], 0
    while size < _SAMPLE_BYTES and (part := stream.read(_SAMPLE_BYTES - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def encoding_of(head: bytes) -> tuple[str, int]:
    """(encoding, length of the byte-order mark) told by the beginning of a file."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    if b"\0" in head[:4096]:
        return ("utf-16-be" if head[:1] == b"\0" else "utf-16-le"), 0
    lines = head.splitlines()[:-1] or [head]
    broken = sum(not _is_utf8(line) for line in lines)
    odd = sum(not line.isascii() for line in lines)
    if broken == 0 or (len(lines) >= 20 and broken <= _BROKEN_SHARE * len(lines) and broken <= max(odd - broken, 25)):
        return "utf-8", 0
    return _guess(head), 0


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guess(head: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(head[:65_536], cp_isolation=_CANDIDATES).best()
    return best.encoding if best else "cp1252"


def lines(stream: IO[bytes], head: bytes, skip: int, encoding: str) -> Iterator[bytes]:
    """Physical lines with their ends, as bytes; \\n, \\r\\n and a lone \\r end a line.

    Wide encodings are turned to UTF-8 first, so that a line end is one byte.
    """
    rest = b""
    for part in _parts(stream, head[skip:], encoding):
        rest += part
        # A \\r at the end may be half of \\r\\n: it waits for what comes.
        whole = rest[:-1] if rest.endswith(b"\r") else rest
        done = whole.splitlines(keepends=True)  # of bytes: at \n, \r\n and \r alone
        tail = done.pop() if done and not done[-1].endswith((b"\n", b"\r")) else b""
        rest = tail + rest[len(whole) :]
        yield from done
    if rest:
        yield from rest.splitlines(keepends=True)


def _parts(stream: IO[bytes], head: bytes, encoding: str) -> Iterator[bytes]:
    if encoding.startswith(("utf-16", "utf-32", "utf_16")):
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        yield decoder.decode(head).encode("utf-8", "replace")
        while part := stream.read(_CHUNK_BYTES):
            yield decoder.decode(part).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
        return
    yield head
    while part := stream.read(_CHUNK_BYTES):
        yield part


def text_encoding(encoding: str) -> str:
    """What a line of `lines` is to be decoded with."""
    return "utf-8" if encoding.startswith(("utf-16", "utf-32", "utf_16")) else encoding
