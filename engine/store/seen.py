"""The complaints of a window in memory: who sent them, when, and by which keys a copy finds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.store.runs import Runs

SENDERS, PRINT = 3, 32

ROW = np.dtype(
    [
        ("id", "u1", 32),  # the event id's bytes
        ("key", "u8"),  # its first 64 bits
        ("text", "u8"),  # first 64 bits of the text's hash
        ("received", "i8"),  # s
        ("occurred", "i8"),  # s
        ("senders", "u8", SENDERS),  # hashes of the ids of who sent it; 0: none
        ("print", "u1", PRINT),  # a byte of every fourth hash of the signature
        ("head", "u4"),  # the row whose text it has: itself, or an earlier one
        ("voices", "u2"),  # of a head: known senders of its text
    ]
)

_CHUNK_BITS = 16
_CHUNK_ROWS = 1 << _CHUNK_BITS

#: Heads that one key finds at most: a key with more is a commonplace, and later ones are found by their others.
MOST_HEADS = 32
#: Complaints of one sender that are looked at, the newest.
MOST_OF_SENDER = 64
#: Heads that a text is compared with at most, the likeliest.
MOST_COMPARED = 16
#: Equal bytes of two prints below which two texts are not compared: 2e-4 of the pairs of Jaccard .52 have fewer.
_LEAST_PRINT = 7


@dataclass(frozen=True, slots=True)
class Found:
    """For one complaint: (row, equal bytes of the prints) of likely heads, and rows of its sender, oldest first."""

    heads: list[tuple[int, int]]
    sent: list[int]


class Seen:
    """Rows numbered in the order they came."""

    def __init__(self) -> None:
        self._chunks: dict[int, NDArray[np.void]] = {}
        self.count = self.first = self._newest_s = 0
        self._texts, self._senders, self._ids = Runs(), Runs(), Runs()

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        runs = self._texts.nbytes + self._senders.nbytes + self._ids.nbytes
        return runs + sum(chunk.nbytes for chunk in self._chunks.values())

    def __getitem__(self, row: int) -> np.void:
        """A row; writing to its fields changes it."""
        found: np.void = self._chunks[row >> _CHUNK_BITS][row & (_CHUNK_ROWS - 1)]
        return found

    def take(self, rows: NDArray[np.int64], field: str) -> NDArray[np.generic]:
        """A field of many rows."""
        out = np.empty((len(rows), *ROW[field].shape), ROW[field].base)
        for chunk in np.unique(rows >> _CHUNK_BITS).tolist():
            here = rows >> _CHUNK_BITS == chunk
            out[here] = self._chunks[chunk][field][rows[here] & (_CHUNK_ROWS - 1)]
        return out

    def event_id(self, row: int) -> str:
        """A row's event id, in hex."""
        return bytes(self[row]["id"]).hex()

    def append(self, rows: NDArray[np.void]) -> None:
        """Add rows, each its own head for now; they are numbered from `count` on, and found after `index`."""
        done = 0
        rows["head"] = np.arange(self.count, self.count + len(rows))
        rows["voices"] = (rows["senders"] != 0).any(axis=1)
        self._newest_s = max(self._newest_s, int(rows["received"].max()))
        while done < len(rows):
            chunk, at = self.count >> _CHUNK_BITS, self.count & (_CHUNK_ROWS - 1)
            part = rows[done : done + _CHUNK_ROWS - at]
            self._chunks.setdefault(chunk, np.zeros(_CHUNK_ROWS, ROW))[at : at + len(part)] = part
            self.count += len(part)
            done += len(part)

    def index(self, first: int, keys: NDArray[np.uint64], owners: NDArray[np.int64]) -> None:
        """Make the rows from `first` on findable: all by id and sender, heads by the keys of their texts.

        Args:
            first: the first row that is not yet.
            keys: keys of texts (m,).
            owners: the head that each belongs to (m,).
        """
        rows = np.arange(first, self.count)
        self._ids.add(self.take(rows, "key").astype(np.uint64), rows)
        senders = self.take(rows, "senders").astype(np.uint64).ravel()
        known = senders != 0
        self._senders.add(senders[known], np.repeat(rows, SENDERS)[known])
        self._texts.add(keys, owners)

    def by_id(self, keys: NDArray[np.uint64], ids: NDArray[np.uint8]) -> dict[int, int]:
        """Place in `keys` to row, of those that are here."""
        places, rows = self._ids.find(keys, MOST_HEADS)
        same = (self.take(rows, "id") == ids[places]).all(axis=1)
        return dict(zip(places[same].tolist(), rows[same].tolist(), strict=True))

    def taken(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """(n,): how many heads each key has."""
        places, _ = self._texts.find(keys, MOST_HEADS)
        return np.bincount(places, minlength=len(keys))

    def find(
        self, keys: NDArray[np.uint64], prints: NDArray[np.uint8], senders: NDArray[np.uint64]
    ) -> tuple[list[Found], NDArray[np.int64]]:
        """What each of n texts may be a copy of, and how many live heads each of its keys has already (n, k)."""
        n, width = keys.shape
        places, rows = self._texts.find(keys.ravel(), MOST_HEADS)
        live = rows >= self.first
        places, rows = places[live], rows[live]
        taken = np.bincount(places, minlength=n * width).reshape(n, width)
        pairs = np.unique((places // width) << 26 | rows)
        owner, rows = pairs >> 26, pairs & ((1 << 26) - 1)
        equal = (self.take(rows, "print") == prints[owner]).sum(axis=1)
        likely = equal >= _LEAST_PRINT
        heads: list[list[tuple[int, int]]] = [[] for _ in range(n)]
        for at, row, score in zip(owner[likely].tolist(), rows[likely].tolist(), equal[likely].tolist(), strict=True):
            heads[at].append((row, score))
        sent = self._sent(senders)
        return [Found(likeliest(one), rows_) for one, rows_ in zip(heads, sent, strict=True)], taken

    def compared(self, rows: list[int], other: np.void) -> list[tuple[int, int]]:
        """(row, equal bytes of the prints) of those of `rows` that `other` may be a copy of."""
        equal = (self.take(np.array(rows, np.int64), "print") == other["print"]).sum(axis=1).tolist()
        return [(row, score) for row, score in zip(rows, equal, strict=True) if score >= _LEAST_PRINT]

    def add_keys(self, keys: NDArray[np.uint64], owners: NDArray[np.int64]) -> None:
        """Make heads findable by these keys too."""
        self._texts.add(keys, owners)

    def sent(self, row: int) -> list[int]:
        """Complaints of a row's sender before it, the oldest first."""
        return [one for one in self._sent(self[row]["senders"][None, :])[0] if one < row]

    def _sent(self, senders: NDArray[np.uint64]) -> list[list[int]]:
        flat = senders.ravel()
        known = np.flatnonzero(flat)
        places, rows = self._senders.find(flat[known], MOST_OF_SENDER)
        found: list[set[int]] = [set() for _ in range(len(senders))]
        for place, row in zip((known[places] // SENDERS).tolist(), rows.tolist(), strict=True):
            if row >= self.first:
                found[place].add(row)
        return [sorted(rows)[-MOST_OF_SENDER:] for rows in found]

    def expire(self, window_s: float, most: int) -> list[int]:
        """Move `first` past rows received `window_s` before the newest, or beyond `most`; keys of those freed."""
        self.first = max(self.first, self.count - most)
        while self.first < self.count and self[self.first]["received"] < self._newest_s - window_s:
            self.first += 1
        gone: list[int] = []
        for chunk in [c for c in self._chunks if (c + 1) << _CHUNK_BITS <= self.first]:
            gone += self._chunks.pop(chunk)["key"].tolist()
        for runs in (self._texts, self._senders, self._ids):
            runs.drop_before(self.first)
        return gone


def likeliest(heads: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those to compare with: most alike by their prints, the earlier first."""
    return sorted(heads, key=lambda head: (-head[1], head[0]))[:MOST_COMPARED]
