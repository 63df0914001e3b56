"""Keeps the tables in order between commits: compaction by tiers, folding, and vector indices trained beside them."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

from connectors.errors import Transient
from connectors.lance import Table

log = logging.getLogger("beejan.writer")

#: (every so many compactions, fragments under so many rows are folded), so that large ones are rewritten seldom.
#: Folding all of a young table each time kept 7 GB of old versions of 18,000 rows (docs/decisions/0013).
TIERS = ((100, 100_000), (10, 10_000), (1, 1_000))

#: By these rows are looked up: at a million rows in 9 ms with an index, in 283 ms without.
LOOKUPS = ("event_id", "text_hash")

#: By these searches are narrowed: a filter is counted before each search, see engine.search.retrieve.
FILTERS = ("channel", "category", "subcategory", "priority", "language", "region", "product")

#: Old versions are removed so many times in the time for which they are kept: it takes seconds at thousands of them.
_CLEANINGS = 6


class Upkeep:
    """Maintenance of an engine's tables by their one writer.

    Args:
        tables: all of them.
        searched: the one with the indices of searches.
        keep_s: age from which old versions are removed, s.
    """

    def __init__(self, tables: Sequence[Table], searched: Table, keep_s: float) -> None:
        self._tables, self._searched, self._keep_s = tables, searched, keep_s
        self._compactions = 0
        self._training: threading.Thread | None = None
        self._cleaning: threading.Thread | None = None
        self._cleaned = -math.inf
        self._trained: dict[str, Any] | None = None

    def turn(self) -> None:
        """A compaction by its tier; every tenth also sees whether the indices of searches will do."""
        self._compactions += 1
        fold_rows = next(rows for every, rows in TIERS if self._compactions % every == 0)
        self.compact(fold_rows, clean=False)
        self._clean_aside()
        if fold_rows > TIERS[-1][1]:
            self.index()

    def compact(self, fold_rows: int = TIERS[0][1], clean: bool = True) -> dict[str, Any]:
        """Fold fragments under `fold_rows` and indices, drop old versions; returns what was done by table.

        A table whose vector index is being trained is left alone: a compaction would make the training vain.
        """
        done: dict[str, Any] = {}
        for table in self._tables:
            if table is self._searched and self.training:
                continue
            large = fold_rows > TIERS[-1][1]
            lookups = [column for column in LOOKUPS if column in table.schema.names and large]
            filters = FILTERS if table is self._searched and large else ()
            done[table.path] = table.compact(self._keep_s if clean else None, fold_rows, lookups, filters)
        return done

    def _clean_aside(self) -> None:
        """Drop old versions beside the commits, where it is time to."""
        busy = self._cleaning is not None and self._cleaning.is_alive()
        if busy or time.monotonic() < self._cleaned + self._keep_s / _CLEANINGS:
            return
        self._cleaned = time.monotonic()
        self._cleaning = threading.Thread(target=self._clean, name="clean versions", daemon=True)
        self._cleaning.start()

    def _clean(self) -> None:
        for table in self._tables:
            try:
                table.clean(self._keep_s)
            except Transient as error:
                log.warning("old versions of %s are kept until the next time: %s", table.path, error)

    def index(self, column: str = "vector") -> dict[str, Any]:
        """Bring the indices of searches up to date, and train a vector index where the table has outgrown its own.

        The training goes on beside commits, in a thread of its own.

        Args:
            column: of vectors.

        Returns:
            Names of `folded` indices, whether the index of words was made `anew`, the partitions of the vector index
            that is `training`, and the `last` that was trained here.
        """
        if self.training:
            return {"folded": [], "anew": False, "training": True, "last": self._trained}
        anew = self._searched.refresh_text_index("search_text")
        folded = self._searched.fold()
        due = self._searched.vectors_due(column)
        if due is not None:
            self._training = threading.Thread(target=self._train, args=(column, due), name="train index", daemon=True)
            self._training.start()
        return {"folded": folded, "anew": anew, "training": due is not None, "last": self._trained}

    @property
    def training(self) -> bool:
        """Whether a vector index is being trained."""
        return self._training is not None and self._training.is_alive()

    def settle(self) -> None:
        """Wait for a training and a clean-up to end."""
        for one in (self._training, self._cleaning):
            if one is not None:
                one.join()

    def _train(self, column: str, partitions: int) -> None:
        started = time.monotonic()
        try:
            self._searched.index_vectors(column, partitions)
        except Transient as error:
            log.warning("vector index of %s: %s", self._searched.path, error)
            return
        seconds = round(time.monotonic() - started, 1)
        self._trained = {"partitions": partitions, "seconds": seconds}
        log.info("vector index of %s: %d partitions trained in %.1f s", self._searched.path, partitions, seconds)
