"""Reads of a Lance table at one version: its fragments, and the rows that meet a condition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.lance import at_version


def fragments_at(reader: Any, version: int) -> tuple[Any, dict[str, Any]]:
    """The dataset at a version, and its fragments by a key that is another whenever their rows are others.

    Raises:
        VersionGone: the version was cleaned up, or never was.
    """
    dataset = at_version(reader, version).to_lance()
    return dataset, {repr(fragment.metadata): fragment for fragment in dataset.get_fragments()}


def matching(reader: Any, version: int, condition: str) -> NDArray[np.uint64]:
    """(n,) ids of the rows of a version that meet a condition, unordered.

    Args:
        reader: of a table.
        version: see above.
        condition: of engine.store.filters, never a user's.

    Raises:
        VersionGone: the version was cleaned up, or never was.
    """
    query = at_version(reader, version).search().where(condition).with_row_id(True).select(["_rowid"])
    return np.asarray(query.limit(2**31 - 1).to_arrow()["_rowid"], np.uint64)
