"""Indices of a Lance table: which to have by its size, and how new rows are folded into them.

New rows are found at once without an index, only slower; folding is for speed. A fold writes a new segment of the
new rows alone, and merges it with the segments before it that are not much larger, so a row is rewritten a few
times over a table's life and a search looks into few segments (as log-structured merge trees do, O'Neil et al. 1996).
Measured in docs/decisions/0036-index-life.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

#: Up to here all vectors are compared: 50,000 of them take 80 ms on two cores, and no recall is lost.
FLAT_ROWS = 20_000

#: From here on a lookup without an index takes 14 ms and more (283 ms at a million rows, 9 ms with one).
SCALAR_ROWS = 50_000

_PARTITION_ROWS = 1000
_LEAST_PARTITIONS, _MOST_PARTITIONS = 32, 4096

#: A table that has grown so much since its vector index was trained gets a new one.
_GROWN = 4

#: A segment is merged into the one that is folded when it has at most so many times its rows.
_ALIKE = 2


def partitions(rows: int) -> int | None:
    """Partitions of a vector index for so many rows, a power of two; None: no index."""
    if rows < FLAT_ROWS:
        return None
    wanted = 1 << round(rows / _PARTITION_ROWS).bit_length() - 1
    if rows / _PARTITION_ROWS > wanted * 1.5:
        wanted *= 2
    return min(max(wanted, _LEAST_PARTITIONS), _MOST_PARTITIONS)


def to_merge(segments: Sequence[int], new: int) -> int:
    """How many of the newest segments are merged with the new rows.

    Args:
        segments: rows of each, the oldest first.
        new: rows without an index.
    """
    count, whole = 0, new
    for size in reversed(segments):
        if size > _ALIKE * whole:
            break
        count, whole = count + 1, whole + size
    return count


def fold(dataset: Any, scalars: bool) -> list[str]:
    """Bring a dataset's indices up to date; returns the names of those that were not.

    Args:
        dataset: of pylance.
        scalars: BTrees too, which are written anew as a whole.
    """
    rows = {fragment.fragment_id: fragment.count_rows() for fragment in dataset.get_fragments()}
    done = []
    for index in dataset.describe_indices():
        if "BTree" in index.type_url and not scalars:
            continue
        covered = [sum(rows.get(number, 0) for number in part.fragment_ids) for part in index.segments]
        new = sum(rows.values()) - sum(covered)
        if new <= 0:
            continue
        count = len(covered) if "BTree" in index.type_url else to_merge(covered, new)
        dataset.optimize.optimize_indices(num_indices_to_merge=count, index_names=[index.name])
        done.append(index.name)
    return done


def vectors_due(dataset: Any, column: str) -> int | None:
    """Partitions of the vector index that a dataset should get now; None where what it has will do.

    Args:
        dataset: of pylance.
        column: of vectors.
    """
    wanted = partitions(int(dataset.count_rows()))
    names = [index.name for index in dataset.describe_indices() if index.field_names == [column]]
    if wanted is None or not names:
        return wanted
    # Or the answer holds all centroids, megabytes of them.
    os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")
    trained = dataset.stats.index_stats(names[0])["indices"][0]["num_partitions"]
    return wanted if wanted >= _GROWN * trained else None
