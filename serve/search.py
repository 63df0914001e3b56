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

from connectors.errors import Terminal
from engine.store import filters
from models.embedder import Embedder
from models.pii import mask

Mode = Literal["hybrid", "vector", "text"]

MODES = ("hybrid", "vector", "text")

#: Candidates that are ranked; what lies behind is not paged to.
WINDOW = 1000

_VECTOR_WEIGHT = 0.7
_COLUMNS = [
    "event_id", "source", "source_key", "channel", "text", "category", "subcategory", "confidence", "priority",
    "priority_score", "region", "product", "language", "occurred_at", "received_at", "duplicate_of", "cluster_id",
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
        `hits` with score and why each matched, `total` candidates, `next_cursor`.

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
        total, rows = len(ranked), ranked[start : start + wanted.limit]
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


def _ranked(table: Any, embedder: Embedder, query: str, mode: Mode, condition: str | None) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    words: dict[str, float] = {}
    vector = embedder.encode([query])[0] if mode != "text" else None
    if mode != "text":
        for row in _by_vector(table, vector, condition):
            rows[row["event_id"]] = row
    if mode != "vector":
        for row in _by_words(table, query, condition):
            words[row["event_id"]] = row["_score"]
            rows.setdefault(row["event_id"], row)
    best = max(words.values(), default=0.0)
    found = [_scored(row, vector, words.get(key, 0.0), best, query) for key, row in rows.items()]
    return sorted(found, key=lambda r: (-r["score"], r["event_id"]))[:WINDOW]


def _by_vector(table: Any, vector: Any, condition: str | None) -> list[dict[str, Any]]:
    query = table.search(vector, vector_column_name="vector").distance_type("cosine")
    query = query.where(condition, prefilter=True) if condition else query
    rows: list[dict[str, Any]] = query.select([*_COLUMNS, "vector", "_distance"]).limit(_depth()).to_list()
    return rows


def _by_words(table: Any, query: str, condition: str | None) -> list[dict[str, Any]]:
    from lancedb.query import MatchQuery

    search = table.search(MatchQuery(query, "search_text"), query_type="fts")
    search = search.where(condition, prefilter=True) if condition else search
    rows: list[dict[str, Any]] = search.select([*_COLUMNS, "vector", "_score"]).limit(_depth()).to_list()
    return rows


def _depth() -> int:
    return WINDOW // 2


def _scored(row: dict[str, Any], vector: Any, bm25: float, best: float, query: str) -> dict[str, Any]:
    share = bm25 / best if best else 0.0
    why = []
    if bm25:
        shared = shared_words(query, row["text"])
        why.append(f"words: {', '.join(shared)} (BM25 {bm25:.1f})" if shared else f"words (BM25 {bm25:.1f})")
    score = share
    if vector is not None:
        cosine = float(np.dot(np.asarray(row["vector"], dtype=np.float32), vector))
        why.insert(0, f"meaning (cosine {cosine:.2f})")
        score = _VECTOR_WEIGHT * cosine + (1 - _VECTOR_WEIGHT) * share
    kept = {name: row[name] for name in _COLUMNS}
    return kept | {"score": round(score, 6), "why": why}


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
