"""A compact in-memory index of event ids: which are already committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


class KeyIndex:
    """Ids by the first 64 bits of their sha256: 8 bytes an id, plus a small unsorted tail.

    A miss is certain. A hit is not (two ids in 2^64 may share their bits), so a caller for whom it
    matters confirms it in the table.
    """

    #: The tail is sorted in when it is this long.
    FOLD_ROWS = 50_000

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._sorted = np.unique(prefixes(list(ids)))
        self._tail: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._tail)

    def hits(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """(n,) bool: which of `ids` are (almost certainly) present."""
        return self.has(prefixes(ids))

    def has(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """(n,) bool: the same for ids by their `prefixes`."""
        found = np.zeros(len(keys), dtype=bool)
        if len(self._sorted):
            at = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
            found = self._sorted[at] == keys
        if self._tail:
            found |= np.fromiter((int(key) in self._tail for key in keys), dtype=bool, count=len(keys))
        return found

    def add(self, ids: Sequence[str]) -> None:
        """Add `ids`; those present stay once."""
        self._tail.update(int(key) for key in prefixes(ids))
        if len(self._tail) >= self.FOLD_ROWS:
            tail = np.fromiter(self._tail, dtype=np.uint64, count=len(self._tail))
            self._sorted = np.unique(np.concatenate([self._sorted, tail]))
            self._tail = set()


def prefixes(ids: Sequence[str]) -> NDArray[np.uint64]:
    """(n,) uint64: the first 16 hex digits of each id."""
    return np.fromiter((int(i[:16], 16) for i in ids), dtype=np.uint64, count=len(ids))
