"""Cuts a stream of JSON into the bytes of its records, without holding more than one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_MARK = re.compile(rb'["{}\[\],]')
_IN_STRING = re.compile(rb'["\\]')


class Broken(ValueError):
    """The stream is not an array, nor objects one after the other."""


def elements(parts: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The bytes of an array's elements, or of objects that follow each other; of each, `most` + 1 at most.

    Only brackets and strings are looked at: an element may still not be JSON.

    Args:
        parts: pieces of the stream, in an encoding that keeps ASCII; cut anywhere.
        most: bytes; a longer element comes out cut to one more than that.

    Raises:
        Broken: it starts with something else, breaks off, closes more than it opened, or goes on after its array.
    """
    splitter = _Splitter(most)
    for part in parts:
        yield from splitter.feed(part)
    splitter.finish()


class _Splitter:
    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()
        self._depth = 0
        self._in_string = False
        self._skip = 0  # 1 where a part ended in a backslash within a string
        self._array: bool | None = None

    def feed(self, part: bytes) -> Iterator[bytes]:
        at, start = self._skip, 0
        if self._array is None:
            at = start = self._begin(part)
        self._skip = 0
        while found := (_IN_STRING if self._in_string else _MARK).search(part, at):
            at = found.end()
            mark = found[0]
            if mark == b"\\":
                at += 1
            elif mark == b'"':
                self._in_string = not self._in_string
            elif self._ends(mark):
                # A comma or the array's own bracket is not part of the element; an object's brace is.
                self._hold(part[start : at if mark == b"}" else at - 1])
                start = at
                if element := bytes(self._held).strip():
                    yield element
                self._held.clear()
        self._skip = max(0, at - len(part))
        self._hold(part[start:])

    def finish(self) -> None:
        if self._array is None:
            raise Broken("it holds nothing")
        if self._depth or self._in_string:
            raise Broken("it breaks off inside a record" if self._held.strip() else "it breaks off")
        if self._held.strip():
            raise Broken("something follows the last record")

    def _begin(self, part: bytes) -> int:
        stripped = part.lstrip()
        if not stripped:
            return len(part)
        if stripped[:1] not in (b"[", b"{"):
            raise Broken("it starts with neither [ nor {")
        self._array = stripped[:1] == b"["
        self._depth = int(self._array)
        return len(part) - len(stripped) + self._depth

    def _ends(self, mark: bytes) -> bool:
        if mark == b",":
            return self._depth == int(bool(self._array))
        self._depth += 1 if mark in b"{[" else -1
        if self._depth < 0:
            raise Broken("more brackets are closed than opened")
        return self._depth == 0 and mark in b"}]"

    def _hold(self, piece: bytes) -> None:
        self._held += piece[: self._most + 1 - len(self._held)]
