"""A map of many 64-bit keys to row numbers in sorted arrays: 8 bytes an entry, cheap to add to, dropped by age."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROW_BITS = 26
#: Row numbers stay under this.
MOST_ROWS = 1 << _ROW_BITS

#: A sorted array grows no longer than this many entries, so that merging never takes long or much memory.
_LONGEST = 1 << 22


class Runs:
    """Pairs of a key and a row, in arrays that each hold the rows of a stretch of time.

    Of a key the upper 38 bits count: with 32 million entries, one lookup in 8,000 also finds a stranger.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []
        self._last: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return 8 * len(self)

    def add(self, keys: NDArray[np.uint64], rows: NDArray[np.int64]) -> None:
        """Add pairs (n,), of rows not lower than those that were added before."""
        if not len(keys):
            return
        run = np.sort((keys >> _ROW_SHIFT << _ROW_SHIFT) | rows.astype(np.uint64))
        last = int(rows.max())
        # Neighbours of like length are merged: each entry moves log n times, and old rows stay together.
        while self._runs and len(self._runs[-1]) <= 2 * len(run) and len(self._runs[-1]) + len(run) <= _LONGEST:
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
            last = max(last, self._last.pop())
        self._runs.append(run)
        self._last.append(last)

    def find(self, keys: NDArray[np.uint64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which rows each of `keys` (n,) has: places in `keys`, and rows, both (m,).

        Args:
            keys: what to look for.
            most: of a key with more rows in one array, its newest so many.
        """
        order = np.argsort(keys)
        low = keys[order] >> _ROW_SHIFT << _ROW_SHIFT
        places, rows = [], []
        for run in self._runs:
            start = np.searchsorted(run, low)
            counts = np.searchsorted(run, low | _ROW_MASK, side="right") - start
            hit = np.flatnonzero(counts)
            if not len(hit):
                continue
            taken = np.minimum(counts[hit], most)
            first = start[hit] + counts[hit] - taken
            offsets = np.arange(int(taken.sum())) - np.repeat(np.cumsum(taken) - taken, taken)
            places.append(np.repeat(order[hit], taken))
            rows.append((run[np.repeat(first, taken) + offsets] & _ROW_MASK).astype(np.int64))
        if not places:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(places), np.concatenate(rows)

    def drop_before(self, row: int) -> None:
        """Forget arrays that hold only rows below `row`."""
        while self._last and self._last[0] < row:
            del self._runs[0], self._last[0]


_ROW_SHIFT = np.uint64(_ROW_BITS)
_ROW_MASK = np.uint64(MOST_ROWS - 1)
