"""Which physical lines make one row of a csv, however its quotes are broken."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

#: A quoted cell that runs on for longer is an unbalanced quote.
_MOST_LINES = 1000


class Rows:
    """The rows of a csv as (number of the first line, bytes, whether a quote is left open), in order.

    Lines are joined while a quoted cell is open, as the csv module does. Where it does not end properly
    within bounds, or takes in lines that are rows of their own, its first line stands alone, marked,
    and reading goes on with the next line.

    Args:
        physical: lines with their ends, in an encoding that keeps ASCII.
        delimiter: one ASCII character.
        max_bytes: the most that lines are joined to.
    """

    def __init__(self, physical: Iterator[bytes], delimiter: str, max_bytes: int) -> None:
        #: Cells in the header, once known.
        self.width: int | None = None
        self._physical, self._delimiter, self._max_bytes = physical, delimiter, max_bytes
        self._opening = delimiter.encode() + b'"'
        self._closers = (delimiter.encode(), b"\r", b"\n", b"")
        self._ahead: deque[bytes] = deque()

    def __iter__(self) -> Iterator[tuple[int, bytes, bool]]:
        number = 0
        while (line := self._next()) is not None:
            number += 1
            if len(line) > self._max_bytes or not self._opens(line):
                yield number, line, False
                continue
            block, closed = self._block(line)
            if closed and not self._swallows(block):
                yield number, b"".join(block), False
                number += len(block) - 1
            else:
                self._ahead.extendleft(reversed(block[1:]))
                yield number, line, True

    def _next(self) -> bytes | None:
        return self._ahead.popleft() if self._ahead else next(self._physical, None)

    def _block(self, first: bytes) -> tuple[list[bytes], bool]:
        """(the lines from an opened quote on, whether it was closed by a quote that ends a cell)."""
        block, size = [first], len(first)
        while size <= self._max_bytes and len(block) < _MOST_LINES and (line := self._next()) is not None:
            block.append(line)
            size += len(line)
            end = _closing(line)
            if end is None:
                continue
            if line[end : end + 1] not in self._closers:
                return block, False
            if not self._opens(line, end):
                return block, size <= self._max_bytes
        return block, False

    def _opens(self, line: bytes, start: int = 0) -> bool:
        """Whether a quoted cell is open at the line's end; only a quote at a cell's start opens one."""
        if b'"' not in line:
            return False
        at = 1 if start == 0 and line.startswith(b'"') else self._after_opening(line, start)
        while at is not None:
            end = _closing(line, at)
            if end is None:
                return True
            at = self._after_opening(line, end)
        return False

    def _after_opening(self, line: bytes, start: int) -> int | None:
        found = line.find(self._opening, start)
        return None if found < 0 else found + len(self._opening)

    def _swallows(self, block: list[bytes]) -> bool:
        """Whether joining makes a row of the wrong width out of lines of which one is a row by itself."""
        if self.width is None or self.width < 2:
            return False
        texts = [line.decode("latin-1") for line in block]
        joined: list[str] = next(csv.reader(texts, delimiter=self._delimiter), [])
        alone = (next(csv.reader([text], delimiter=self._delimiter), []) for text in texts[1:])
        return len(joined) != self.width and any(len(cells) == self.width for cells in alone)


def _closing(line: bytes, start: int = 0) -> int | None:
    """The place after the quote that closes a cell open at `start`; doubled quotes are part of the cell."""
    at = line.find(b'"', start)
    while at >= 0:
        if line[at + 1 : at + 2] != b'"':
            return at + 1
        at = line.find(b'"', at + 2)
    return None
