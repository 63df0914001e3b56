"""The candidate set of a search: what hits, facets, trends and exports are all made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.search import retrieve
from engine.search.query import Mode, Parsed

Floats = NDArray[np.float32]
Ids = NDArray[np.uint64]


@dataclass(frozen=True)
class Candidates:
    """What a search finds, after the cut-off, the best first; see `Searcher.candidates`.

    Attributes:
        table: serving.complaints as it was when it was searched; all reads of these candidates go through it.
        version: its version.
        condition: the filters as the store's SQL, None without any. Without a text in the query, the candidates are
            all rows that meet it.
        mode: hybrid, vector or text.
        parsed: the query as it was understood; None without a text.
        corrected: words that no complaint has, and what was looked for in their place.
        row_ids: (n,) Lance row ids, good for `version` only; None without a text, where `total` rows meet `condition`.
        scores: (n,) what they are ordered by, the same way of counting within one query only.
        cosines: (n,) to the query; nan in text mode.
        bm25: (n,) 0 where no word matches, and in vector mode.
        total: how many there are.
        more: whether the store was asked for fewer than it has: `total` is a lower bound.
    """

    table: Any
    version: int
    condition: str | None
    mode: Mode
    parsed: Parsed | None
    corrected: dict[str, str]
    row_ids: Ids | None
    scores: Floats
    cosines: Floats
    bm25: Floats
    total: int
    more: bool = False

    @cached_property
    def ranks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The place of each candidate among them by its cosine, and by its BM25, from 1."""
        places = []
        for values in (self.cosines, self.bm25):
            place = np.empty(len(values), np.int64)
            place[np.argsort(-np.nan_to_num(values), kind="stable")] = np.arange(1, len(values) + 1)
            places.append(place)
        return places[0], places[1]

    @cached_property
    def event_ids(self) -> list[str] | None:
        """The ids of the candidates in their order; None without a text, as `row_ids`."""
        if self.row_ids is None:
            return None
        found: list[str] = retrieve.rows(self.table, self.row_ids, ["event_id"])["event_id"].to_pylist()
        return found
