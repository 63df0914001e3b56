"""What a saved search matches: one matrix product for the meaning, then words and filters.

Pure: rows and saved searches in, matches out; watching, preview and replay all go through `Standing.match`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.search.query import Parsed, parse
from engine.store.filters import COLUMNS, BadFilter

Floats = NDArray[np.float32]

#: Columns of serving.complaints that are read to decide.
READS = (*COLUMNS, "event_id", "search_text", "text", "occurred_at", "vector")

#: Robust standard deviations above the cosines of unrelated complaints: by chance one in about 700 lies there, if they
#: are spread normally.
_DEVIATIONS = 3.0

#: The cut-off where there is nothing to calibrate by.
_UNCALIBRATED = 0.35

#: Complaints that are multiplied with all searches at once.
_ROWS = 1024

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved search.

    Attributes:
        search_id: its id.
        name: for people.
        query: its text, masked, in the syntax of engine.search; empty: filters alone.
        mode: hybrid or vector: by meaning; text: every word must stand in the complaint.
        equals: any of these values of a column, all columns; "" is where there is none.
        folded: copies of a text do not match.
        cutoff: the least cosine that matches.
        vector: (d,) float32 unit, of the query; empty without a meaning to compare.
        owner: id of the key that saved it.
        webhook: where matches are sent; None: nowhere.
        digest_s: matches are sent together, at most this often, s; 0: at once.
        created_at: RFC 3339.
    """

    search_id: str
    name: str
    query: str
    mode: str
    equals: Mapping[str, Sequence[str]]
    folded: bool
    cutoff: float
    vector: Sequence[float]
    owner: str
    webhook: str | None = None
    digest_s: float = 0
    created_at: str = ""

    def check(self) -> None:
        """Raises BadFilter where a filter is on an unknown column."""
        unknown = sorted(set(self.equals) - set(COLUMNS))
        if unknown:
            raise BadFilter(f"filter {unknown[0][:40]!r}: no such column; known: {', '.join(COLUMNS)}")

    def row(self) -> dict[str, Any]:
        """For governance.saved_searches."""
        about = {
            name: getattr(self, name) for name in ("name", "query", "mode", "equals", "folded", "webhook", "digest_s")
        }
        return {
            "search_id": self.search_id, "owner": self.owner, "about": json.dumps(about, ensure_ascii=False),
            "cutoff": self.cutoff, "vector": list(self.vector), "created_at": self.created_at, "removed": False,
        }  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Saved:
        """From governance.saved_searches."""
        return cls(
            search_id=row["search_id"], owner=row["owner"], cutoff=row["cutoff"], vector=row["vector"],
            created_at=row["created_at"], **json.loads(row["about"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """A complaint that a saved search matches; the score is the cosine, None where only filters and words decide."""

    search_id: str
    row: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Saved searches, ready to be held against complaints."""

    saved: Sequence[Saved]
    _parsed: list[Parsed] = field(init=False)
    _matrix: Floats = field(init=False)
    _meant: NDArray[np.intp] = field(init=False)
    _others: list[int] = field(init=False)

    def __post_init__(self) -> None:
        meant = [place for place, one in enumerate(self.saved) if len(one.vector)]
        matrix = np.asarray([self.saved[place].vector for place in meant], np.float32)
        object.__setattr__(self, "_parsed", [parse(one.query) for one in self.saved])
        object.__setattr__(self, "_matrix", matrix)
        object.__setattr__(self, "_meant", np.asarray(meant, np.intp))
        object.__setattr__(self, "_others", sorted(set(range(len(self.saved))) - set(meant)))

    def match(self, rows: pa.Table) -> Iterator[Match]:
        """Every pair of a saved search and a complaint that match, in the order of the complaints.

        Args:
            rows: `READS` of serving.complaints; vectors are unit rows, and one that has none matches no meaning.
        """
        for first in range(0, rows.num_rows, _ROWS):
            part = rows.slice(first, _ROWS)
            for place, row, score in self._pairs(part):
                yield Match(self.saved[place].search_id, first + row, score)

    def _pairs(self, part: pa.Table) -> Iterator[tuple[int, int, float | None]]:
        near = self._near(part)
        wanted = range(part.num_rows) if self._others else sorted(near)
        bare = part.select([name for name in READS if name != "vector"])
        for row, one in zip(wanted, bare.take(pa.array(wanted, pa.int64())).to_pylist(), strict=True):
            one["words"] = {word.lower() for word in _WORD.findall(f"{one['text'] or ''} {one['search_text'] or ''}")}
            for place, score in near.get(row, ()):
                if self._fits(place, one):
                    yield place, row, score
            for place in self._others:
                if self._fits(place, one):
                    yield place, row, None

    def _near(self, part: pa.Table) -> dict[int, list[tuple[int, float]]]:
        """Searches that are near enough in meaning, with the cosine, by row."""
        found: dict[int, list[tuple[int, float]]] = {}
        if not len(self._meant):
            return found
        column = part["vector"].combine_chunks()
        size = column.type.list_size
        if size != self._matrix.shape[1]:
            return found  # of another embedding model
        flat = (column.fill_null([0.0] * size) if column.null_count else column).flatten()
        cosines = flat.to_numpy(zero_copy_only=False).reshape(-1, size) @ self._matrix.T
        enough = np.asarray([self.saved[place].cutoff for place in self._meant], np.float32)
        for row, at in zip(*(places.tolist() for places in np.nonzero(cosines >= enough)), strict=True):
            found.setdefault(row, []).append((int(self._meant[at]), round(float(cosines[row, at]), 4)))
        return found

    def _fits(self, place: int, row: Mapping[str, Any]) -> bool:
        one, parsed = self.saved[place], self._parsed[place]
        if one.folded and row["duplicate_of"] is not None:
            return False
        for column, values in one.equals.items():
            if values and ("" if row[column] is None else str(row[column])) not in values:
                return False
        words, text = row["words"], (row["text"] or "").lower()
        must = {word.lower() for word in (*parsed.must, *(parsed.words if one.mode == "text" else ()))}
        return (
            must <= words
            and not {word.lower() for word in parsed.without} & words
            and all(phrase.lower() in text for phrase in parsed.phrases)
            and not any(phrase.lower() in text for phrase in parsed.without_phrases)
        )


def calibrated(vector: Floats, unrelated: Floats) -> float:
    """The cosine from which a complaint is nearer to a query than chance.

    Args:
        vector: (d,) of the query, unit.
        unrelated: (n, d) of stored complaints taken at random, unit rows.
    """
    if len(unrelated) < 30:
        return _UNCALIBRATED
    cosines = unrelated @ vector
    middle = float(np.median(cosines))
    # Of the lower half, which has no related ones in it.
    spread = 1.4826 * float(np.median(middle - cosines[cosines <= middle]))
    return round(min(middle + _DEVIATIONS * spread, 0.95), 4)
