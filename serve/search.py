"""Search: by meaning, by words, or both as a convex combination, over typed filters.

Hybrid is .7 x cosine + .3 x BM25 over the best BM25 (Bruch et al. 2023, "An analysis of fusion
functions for hybrid retrieval"; the weight was chosen on SciFact's queries, DESIGN 10).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.errors import Terminal
from engine.stages.model import vectors_of
from engine.store import filters
from models.embedder import Embedder
from models.pii import mask

Mode = Literal["hybrid", "vector", "text"]

MODES = ("hybrid", "vector", "text")

#: Candidates that are ranked; what lies behind is not paged to.
WINDOW = 1000

_VECTOR_WEIGHT = 0.7

#: Candidates of each way.
_DEPTH = WINDOW // 2

_COLUMNS = [
    "event_id", "source", "source_key", "channel", "text", "category", "subcategory", "confidence", "priority",
    "priority_score", "region", "product", "language", "occurred_at", "received_at", "duplicate_of", "cluster_id",
    "degraded",
]  # fmt: skip


class BadSearch(Terminal):
    """A search that cannot be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; without `query` the newest come first."""

    query: str = ""
    mode: Mode = "hybrid"
    equals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 20
    cursor: str | None = None


def run(table: Any, embedder: Embedder, key: bytes, wanted: Search) -> dict[str, Any]:
    """Search the complaints.

    Args:
        table: a reader of serving.complaints.
        embedder: the model of the stored vectors.
        key: the pseudonym key: personal data in a query is masked as it is in the texts.
        wanted: see Search.

    Returns:
        `hits` with score, why each matched and what of it is `degraded`, `total` candidates, `next_cursor`.

    Raises:
        BadSearch: an unknown mode or cursor, or an over-long query.
        BadFilter: see engine.store.filters.
    """
    _check(wanted)
    condition = filters.where(wanted.equals, wanted.since, wanted.until)
    start = _offset(wanted.cursor)
    query = mask(" ".join(wanted.query.split()), key).text
    if not query:
        total = int(table.count_rows(condition))
        rows = _newest(table, condition, start, wanted.limit)
    else:
        ranked = _ranked(table, embedder, query, wanted.mode, condition)
        total, rows = len(ranked), ranked.page(start, wanted.limit, query)
    for row in rows:
        row["degraded"] = row["degraded"] or []  # null in rows of before there was such a thing
    after = start + len(rows)
    return {"hits": rows, "total": total, "next_cursor": _cursor(after) if after < total and rows else None}


def _check(wanted: Search) -> None:
    if wanted.mode not in MODES:
        raise BadSearch(f"mode {wanted.mode!r}: expected one of {', '.join(MODES)}")
    if len(wanted.query) > 2000:
        raise BadSearch(f"query: {len(wanted.query)} characters; at most 2,000 are taken")
    if not 1 <= wanted.limit <= 200:
        raise BadSearch(f"limit {wanted.limit}: expected 1 to 200")


def _newest(table: Any, condition: str | None, start: int, limit: int) -> list[dict[str, Any]]:
    # Lance does not sort: read ids and times of what matches, sort, then fetch the page.
    keys = table.search().select(["event_id", "occurred_at"])
    keys = (keys.where(condition) if condition else keys).limit(2**31 - 1).to_arrow()
    order = keys.sort_by([("occurred_at", "descending"), ("event_id", "ascending")])
    page = order["event_id"].slice(start, limit).to_pylist()
    rows = {row["event_id"]: row for row in by_ids(table, page)}
    return [rows[i] | {"score": None, "why": ["newest first"]} for i in page if i in rows]


def by_ids(table: Any, ids: Sequence[str], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Rows of these ids, unordered."""
    if not ids:
        return []
    listed = ", ".join(filters.text(i) for i in ids)
    query = table.search().where(f"event_id IN ({listed})").select(list(columns or _COLUMNS))
    rows: list[dict[str, Any]] = query.limit(len(ids)).to_list()
    return rows


def _ranked(table: Any, embedder: Embedder, query: str, mode: Mode, condition: str | None) -> Ranked:
    vector = embedder.encode([query])[0] if mode != "text" else None
    parts = []
    if vector is not None:
        parts.append(_by_vector(table, vector, condition))
    if mode != "vector":
        parts.append(_by_words(table, query, condition))
    return _merged(parts, vector)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates, the best first: rows, scores, cosines (nan without a vector) and BM25 (0 without a word)."""

    rows: pa.Table
    scores: NDArray[np.float32]
    cosines: NDArray[np.float32]
    words: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def page(self, start: int, limit: int, query: str) -> list[dict[str, Any]]:
        """Rows of a page, each with its score and why it matched."""
        page = []
        for place, row in enumerate(self.rows.slice(start, limit).to_pylist(), start):
            why = []
            if not np.isnan(self.cosines[place]):
                why.append(f"meaning (cosine {self.cosines[place]:.2f})")
            if self.words[place] > 0:
                shared = ", ".join(shared_words(query, row["text"]))
                why.append(f"words{': ' if shared else ''}{shared} (BM25 {self.words[place]:.1f})")
            page.append(row | {"score": round(float(self.scores[place]), 6), "why": why})
        return page


def _by_vector(table: Any, vector: NDArray[np.float32], condition: str | None) -> pa.Table:
    query = table.search(vector, vector_column_name="vector").distance_type("cosine")
    query = query.where(condition, prefilter=True) if condition else query
    return query.select([*_COLUMNS, "vector", "_distance"]).limit(_DEPTH).to_arrow()


def _by_words(table: Any, query: str, condition: str | None) -> pa.Table:
    from lancedb.query import MatchQuery

    search = table.search(MatchQuery(query, "search_text"), query_type="fts")
    search = search.where(condition, prefilter=True) if condition else search
    return search.select([*_COLUMNS, "vector", "_score"]).limit(_DEPTH).to_arrow()


def _merged(parts: list[pa.Table], vector: NDArray[np.float32] | None) -> Ranked:
    """One row a complaint, scored; vectors stay in Arrow, as a thousand of them as Python lists cost a second."""
    both = pa.concat_tables([part.select([*_COLUMNS, "vector"]) for part in parts])
    words = np.concatenate(
        [
            np.asarray(part["_score"], dtype=np.float32)
            if "_score" in part.column_names
            else np.zeros(part.num_rows, dtype=np.float32)
            for part in parts
        ]
    )
    ids = both["event_id"].to_pylist()
    best_words: dict[str, float] = {}
    first: dict[str, int] = {}
    for place, key in enumerate(ids):
        first.setdefault(key, place)
        best_words[key] = max(best_words.get(key, 0.0), float(words[place]))
    rows = both.take(pa.array(list(first.values()), pa.int64()))
    bm25 = np.array([best_words[key] for key in first], dtype=np.float32)
    share = bm25 / bm25.max() if len(bm25) and bm25.max() > 0 else np.zeros_like(bm25)
    cosines = np.full(len(bm25), np.nan, dtype=np.float32)
    scores = share
    if vector is not None and len(bm25):
        cosines = vectors_of(rows["vector"]) @ vector
        scores = _VECTOR_WEIGHT * cosines + (1 - _VECTOR_WEIGHT) * share
    order = np.lexsort((np.array(list(first)), -scores))[:WINDOW] if len(bm25) else np.zeros(0, dtype=np.int64)
    taken = rows.drop_columns(["vector"]).take(pa.array(order, pa.int64()))
    return Ranked(taken, scores[order], cosines[order], bm25[order])


def shared_words(query: str, text: str) -> list[str]:
    """The query's words that the text has, by their first five letters."""
    present = {word[:5] for word in re.findall(r"\w+", text.casefold())}
    return [word for word in dict.fromkeys(re.findall(r"\w{3,}", query.casefold())) if word[:5] in present]


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"o{offset}".encode()).decode().rstrip("=")


def _offset(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        if text[:1] != "o" or not text[1:].isdigit():
            raise ValueError(text)
        return min(int(text[1:]), 10**9)
    except (ValueError, binascii.Error) as error:
        raise BadSearch("cursor: not one of ours; use next_cursor of the answer before") from error
