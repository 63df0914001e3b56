"""serving.complaints as arrays of small whole numbers, kept in memory and brought up to date fragment by fragment.

Texts and vectors are left out. A fragment of a Lance table never changes but by its list of deletions and files, so
what was read of a fragment is good until its metadata is another.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from connectors.lance_read import fragments_at

#: Columns of few values, as numbers that stand for them.
CODED = (
    "category", "subcategory", "priority", "channel", "source", "region", "product", "language", "cluster_id",
)  # fmt: skip

#: Where there is no time.
NO_TIME = np.iinfo(np.int64).min

Codes = NDArray[np.int32]
Ids = NDArray[np.uint64]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Columns:
    """One version of the table, or of a fragment.

    Attributes:
        version: of the table.
        row_ids: (n,) ascending.
        times: (n,) occurred_at in microseconds since the epoch, or `NO_TIME`.
        copies: (n,) whether a row is the copy of another.
        codes: (n,) of each of `CODED`: the place of the value in `values`.
        values: of each of `CODED`; the first is None.
    """

    version: int
    row_ids: Ids
    times: Times
    copies: Mask
    codes: Mapping[str, Codes]
    values: Mapping[str, Sequence[Any]]

    def places(self, row_ids: Ids) -> NDArray[np.intp]:
        """Where these rows are."""
        return np.searchsorted(self.row_ids, row_ids)


class Projection:
    """The newest columns of a table; many threads may use one.

    Args:
        reader: of serving.complaints.
    """

    def __init__(self, reader: Any) -> None:
        self._reader, self._lock = reader, threading.Lock()
        self._codes: dict[str, dict[Any, int]] = {name: {None: 0} for name in CODED}
        self._parts: dict[str, Columns] = {}
        self._whole: Columns | None = None

    def newest(self) -> Columns:
        """The columns as the table is now."""
        version = int(self._reader.version)
        with self._lock:
            if self._whole is None or self._whole.version < version:
                self._whole = self._read(version)
            return self._whole

    def _read(self, version: int) -> Columns:
        dataset, keys = fragments_at(self._reader, version)
        new = [fragment for key, fragment in keys.items() if key not in self._parts]
        read = self._fragments(dataset, version, new) if new else {}
        # One that has no rows left is not in what was read.
        parts = {key: self._parts.get(key) or read.get(fragment.fragment_id) for key, fragment in keys.items()}
        kept = [(key, part) for key, part in parts.items() if part is not None and len(part.row_ids)]
        kept.sort(key=lambda one: int(one[1].row_ids[0]))
        whole = self._joined(version, [part for _, part in kept])
        ends = np.cumsum([0, *(len(part.row_ids) for _, part in kept)]).tolist()
        slices = [slice(begin, end) for begin, end in itertools.pairwise(ends)]
        self._parts = {key: _part(whole, rows) for (key, _), rows in zip(kept, slices, strict=True)}
        return whole

    def _fragments(self, dataset: Any, version: int, fragments: Sequence[Any]) -> dict[int, Columns]:
        """What each fragment holds, by its id."""
        columns = [*CODED, "occurred_at", "duplicate_of"]
        scanner = dataset.scanner(columns=columns, fragments=list(fragments), with_row_id=True, scan_in_order=True)
        whole = self._joined(version, [self._coded(version, batch) for batch in scanner.to_batches()])
        # The upper half of a row's id is its fragment's.
        ids, begins = np.unique(whole.row_ids >> np.uint64(32), return_index=True)
        ends = [*begins[1:].tolist(), len(whole.row_ids)]
        return {
            int(key): _part(whole, slice(begin, end))
            for key, begin, end in zip(ids, begins.tolist(), ends, strict=True)
        }

    def _coded(self, version: int, rows: pa.RecordBatch) -> Columns:
        times = rows["occurred_at"].cast(pa.int64()).fill_null(NO_TIME)
        return Columns(
            version,
            np.asarray(rows["_rowid"], np.uint64),
            times.to_numpy(),
            pc.is_valid(rows["duplicate_of"]).to_numpy(zero_copy_only=False),
            {name: _codes(rows[name], self._codes[name]) for name in CODED},
            {},
        )

    def _joined(self, version: int, parts: Iterable[Columns]) -> Columns:
        parts = list(parts)
        empty = np.zeros(0, np.int64)
        ids = np.concatenate([empty.astype(np.uint64), *(part.row_ids for part in parts)])
        times = np.concatenate([empty, *(part.times for part in parts)])
        copies = np.concatenate([empty.astype(np.bool_), *(part.copies for part in parts)])
        codes = {
            name: np.concatenate([empty.astype(np.int32), *(part.codes[name] for part in parts)]) for name in CODED
        }
        values = {name: list(self._codes[name]) for name in CODED}
        return Columns(version, ids, times, copies, codes, values)


def _part(whole: Columns, rows: slice) -> Columns:
    """Some of the rows; they share the memory of the whole."""
    codes = {name: one[rows] for name, one in whole.codes.items()}
    return Columns(whole.version, whole.row_ids[rows], whole.times[rows], whole.copies[rows], codes, {})


def _codes(column: pa.Array, known: dict[Any, int]) -> Codes:
    """(n,) int32; values that were not known get the next numbers."""
    encoded = pc.dictionary_encode(column)
    table = [known.setdefault(value, len(known)) for value in encoded.dictionary.to_pylist()]
    # A null has no place in the dictionary; its code is 0.
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    codes: Codes = np.asarray([*table, 0], np.int32)[places]
    return codes
