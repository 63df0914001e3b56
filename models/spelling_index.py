"""Words within an edit distance, by symmetric deletion (SymSpell, Wolf Garbe 2012), in two NumPy arrays.

The deletes of each word's first letters are hashed and sorted; a query's own deletes are looked up among them. A
dictionary of strings would take ten times the memory in each worker.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

#: Letters of a word that are indexed: longer words share entries and are told apart by their distance.
_PREFIX = 7

_FACTOR = 1_000_003


class DeletionIndex:
    """Finds words like a given one.

    Args:
        words: lower case; other than Latin-1 letters they are never found.
        distance: 1 or 2; memory is 8 bytes for each of a word's 8, or 29, deletes.
    """

    def __init__(self, words: Sequence[str], distance: int) -> None:
        self._words, self._distance = words, distance
        hashes, owners = [], []
        lengths = np.array([min(len(word), _PREFIX) for word in words], dtype=np.int64)
        letters = np.zeros((len(words), _PREFIX), dtype=np.uint64)
        for row, word in enumerate(words):
            head = word[:_PREFIX].encode("latin-1", "replace")
            letters[row, : len(head)] = np.frombuffer(head, dtype=np.uint8)
        for length in range(1, _PREFIX + 1):
            rows = np.flatnonzero(lengths == length)
            for kept in _kept(length, distance):
                made = np.zeros(len(rows), dtype=np.uint64)
                for place in kept:
                    made = made * np.uint64(_FACTOR) + letters[rows, place]
                hashes.append(_folded(made))
                owners.append(rows.astype(np.uint32))
        every = np.concatenate(hashes)
        order = np.argsort(every, kind="stable")
        self._hashes, self._owners = every[order], np.concatenate(owners)[order]

    def near(self, word: str) -> list[str]:
        """Words that may be within the distance; the caller measures it."""
        head = word[:_PREFIX].encode("latin-1", "replace")
        keys = []
        for kept in _kept(len(head), self._distance):
            made = 0
            for place in kept:
                made = (made * _FACTOR + head[place]) & 0xFFFF_FFFF_FFFF_FFFF
            keys.append(made)
        wanted = np.unique(_folded(np.array(keys, dtype=np.uint64)))
        starts = np.searchsorted(self._hashes, wanted, "left")
        ends = np.searchsorted(self._hashes, wanted, "right")
        found = [self._owners[start:end] for start, end in zip(starts, ends, strict=True) if start < end]
        if not found:
            return []
        span = self._distance
        words = (self._words[row] for row in np.unique(np.concatenate(found)).tolist())
        return [near for near in words if abs(len(near) - len(word)) <= span]


def _kept(length: int, distance: int) -> Iterator[tuple[int, ...]]:
    for left_out in range(min(distance, length) + 1):
        yield from itertools.combinations(range(length), length - left_out)


def _folded(hashes: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return (hashes ^ (hashes >> np.uint64(32))).astype(np.uint32)
