"""Finds candidates, and shows pages of them with why each matched."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.lance import VersionGone, at_version
from engine.reembed.embedders import at
from engine.search import cursor, rank, retrieve
from engine.search.candidates import Candidates
from engine.search.coverage import coverage
from engine.search.explain import Encoder, Explained, explain, words_of
from engine.search.phrases import holds
from engine.search.query import BadSearch, Mode, Parsed, Search, parse
from engine.search.spelling import Spelling
from engine.store.vectors import label_of
from models.embedder import Embedder
from models.pii import mask

Floats = NDArray[np.float32]

#: Candidates of each way, by meaning and by words.
DEPTH = 500

#: Candidates of a query with words or phrases that must be there.
BOUND_DEPTH = 2000

#: Rows taken at random to tell what an unrelated complaint's cosine is, and rows of a table from which it is told.
_SAMPLED, _LEAST_SAMPLED = 1000, 100

_NONE = np.zeros(0, np.float32)

#: Searches by words at once.
_SIDE_BY_SIDE = 8

#: What a hit shows.
COLUMNS = (
    "event_id", "source", "source_key", "channel", "text", "category", "subcategory", "confidence", "priority",
    "priority_score", "region", "product", "language", "occurred_at", "received_at", "duplicate_of", "cluster_id",
    "degraded",
)  # fmt: skip

#: Query vectors that are kept: pages, facets and trends of a search ask for the same one.
_KEPT_VECTORS = 256


@dataclass(frozen=True, slots=True)
class _Found:
    """Candidates: row ids, cosines (nan without a vector), BM25 (0 without a word), vectors; whether there are more."""

    ids: retrieve.Ids
    cosines: Floats
    bm25: Floats
    vectors: Floats | None
    more: bool

    def at(self, places: NDArray[np.intp]) -> _Found:
        """Some of them, in this order."""
        vectors = None if self.vectors is None else self.vectors[places]
        return _Found(self.ids[places], self.cosines[places], self.bm25[places], vectors, self.more)


class Searcher:
    """Search over serving.complaints; many threads may use one.

    Args:
        table: a reader of serving.complaints.
        embedder: the model of the stored vectors.
        key: the pseudonym key: personal data in a query is masked as it is in the texts.
        quick: makes vectors of sentences in the embedder's space, for the nearest sentence; see engine.search.explain.
    """

    def __init__(self, table: Any, embedder: Embedder, key: bytes, quick: Encoder | None = None) -> None:
        self._table, self._embedder, self._key, self._quick = table, embedder, key, quick
        self._vectors: OrderedDict[tuple[str, str, str], Floats] = OrderedDict()
        self._sample: tuple[int, str, Floats | None] = (0, "", None)
        self._positions = False
        self._spelling = Spelling()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE, "search words")

    def run(self, wanted: Search) -> dict[str, Any]:
        """Search, and show a page.

        Returns:
            `hits`, each with score, ranks, matched words, nearest sentence, snippet and why; `total` candidates
            (`more`: or more); `next_cursor`; `corrected` words; how the query was `understood`; the table's `version`.

        Raises:
            BadSearch: an unknown mode, a query or cursor that cannot be.
            BadFilter: see engine.store.filters.
        """
        version, start = cursor.read(wanted)
        try:
            found = self.candidates(wanted, version)
        except VersionGone as error:
            raise BadSearch("cursor: too old; begin again without one") from error
        hits = self.page(found, start, wanted.limit)
        after = start + len(hits)
        more = bool(hits) and after < found.total
        return {
            "hits": hits,
            "total": found.total,
            "more": found.more,
            "next_cursor": cursor.cursor(wanted, found.version, after) if more else None,
            "corrected": found.corrected,
            "understood": found.parsed.public() if found.parsed else None,
            "version": found.version,
        }

    def page(self, found: Candidates, start: int, limit: int) -> list[dict[str, Any]]:
        """The rows of candidates `start` to `start + limit`, each with why it is there."""
        if found.row_ids is None or found.parsed is None:
            ids, _ = retrieve.newest(found.table, found.condition, start + limit)
            rows = retrieve.rows(found.table, ids[start:], COLUMNS).to_pylist()
            return [_shown(row) | _listed(row["text"]) for row in rows]
        rows = retrieve.rows(found.table, found.row_ids[start : start + limit], COLUMNS).to_pylist()
        vector = self.vector(found.parsed.meaning, found.table) if found.mode != "text" else None
        reasons = explain(
            [row["text"] or "" for row in rows], words_of(found.parsed.meaning), vector, self._encoder(found.table)
        )
        ranks = found.ranks
        return [
            _shown(row) | _ranked(found, ranks, place, reason)
            for place, (row, reason) in enumerate(zip(rows, reasons, strict=True), start)
        ]

    def candidates(self, wanted: Search, version: int | None = None) -> Candidates:
        """Everything a search finds: the one set that hits, facets, trends, exports and saved searches count.

        Args:
            wanted: query and filters; `limit` and `cursor` mean nothing here.
            version: of the table; default the newest.

        Returns:
            The candidates after the cut-off, the best first; without a text in the query the filters alone,
            see Candidates.row_ids.

        Raises:
            BadSearch: a query that cannot be.
            BadFilter: see engine.store.filters.
            VersionGone: the version is no longer kept.
        """
        wanted.check()
        condition = wanted.condition()
        query = mask(" ".join(wanted.query.split()), self._key).text
        version = int(self._table.version) if version is None else version
        table = at_version(self._table, version)
        none = np.zeros(0, np.float32)
        if not query:
            total = int(table.count_rows(condition))
            return Candidates(table, version, condition, wanted.mode, None, {}, None, none, none, none, total)
        parsed = parse(query)
        if not parsed.meaning:
            raise BadSearch(f"query {wanted.query[:80]!r}: it only says what must not be; add what to look for")
        parsed, corrected = self._spelling.correct(table, parsed)
        found = self._found(table, wanted, parsed, condition)
        scores, found = self._judged(table, wanted.mode, parsed, found)
        return Candidates(
            table, version, condition, wanted.mode, parsed, corrected, found.ids, scores, found.cosines, found.bm25,
            len(found.ids), found.more,
        )  # fmt: skip

    def _found(self, table: Any, wanted: Search, parsed: Parsed, condition: str | None) -> _Found:
        """All candidates, unordered."""
        depth = BOUND_DEPTH if parsed.bound else DEPTH
        by_words = by_meaning = (np.zeros(0, np.uint64), np.zeros(0, np.float32))
        vector = None
        pending = None
        if wanted.mode != "vector" or parsed.bound:
            query = retrieve.words(parsed, phrases=self._phrases(table))
            # Beside the embedding and the search by meaning, which leave the other cores idle.
            pending = self._pool.submit(retrieve.best_words, table, query, condition, depth)
        if wanted.mode != "text":
            vector = self.vector(parsed.meaning, table)
            if not parsed.bound:
                by_meaning = retrieve.nearest(table, vector, condition, DEPTH)
        if pending is not None:
            by_words = pending.result()
        more = len(by_meaning[0]) >= DEPTH or len(by_words[0]) >= depth
        ids = np.union1d(by_words[0], by_meaning[0])
        if parsed.without or parsed.without_phrases:
            ids = np.setdiff1d(ids, retrieve.having(table, parsed, ids, phrases=self._phrases(table)))
        if parsed.phrases or parsed.without_phrases:
            ids = ids[holds(retrieve.texts(table, ids, retrieve.WORDS), parsed)]
        bm25 = np.zeros(len(ids), np.float32)
        if wanted.mode != "vector":
            known, place = _places(by_words[0], ids)
            bm25[place] = by_words[1][known]
        if vector is None:
            return _Found(ids, np.full(len(ids), np.nan, np.float32), bm25, None, more)
        vectors = retrieve.vectors(table, ids)
        return _Found(ids, vectors @ vector, bm25, vectors, more)

    def _judged(self, table: Any, mode: Mode, parsed: Parsed, found: _Found) -> tuple[Floats, _Found]:
        """The relevant ones, the best first, with their scores."""
        if mode == "hybrid":
            fused = rank.fuse(found.cosines, found.bm25)
        else:
            fused = found.cosines if mode == "vector" else found.bm25
        if not parsed.bound:
            # With a word that must be there, what has it is what was asked for.
            unrelated = self._sampled(table) @ self.vector(parsed.meaning, table) if mode != "text" else _NONE
            kept = np.flatnonzero(rank.relevant(found.cosines, found.bm25, unrelated))
            found, fused = found.at(kept), fused[kept]
        order = np.lexsort((found.ids, -fused))
        found, scores = found.at(order), fused[order]
        if mode != "hybrid" or found.vectors is None or not len(order):
            return scores, found
        read = retrieve.texts(table, found.ids[: rank.READ], "text")
        scores[: len(read)] += rank.TOGETHER * coverage(read, words_of(parsed.meaning))
        head = rank.draw(scores[: rank.HEAD], found.vectors[: rank.HEAD])
        scores = np.concatenate([head, np.minimum(scores[rank.HEAD :], head.min())])
        order = np.lexsort((found.ids, -scores))
        return scores[order], found.at(order)

    def _phrases(self, table: Any) -> bool:
        """Whether the index of words knows their positions; one of before there was such a thing does not yet."""
        if not self._positions:
            self._positions = retrieve.knows_positions(table)
        return self._positions

    def _sampled(self, table: Any) -> Floats:
        """(m, d) vectors of rows taken at random, none of a small table; taken anew when it has doubled."""
        rows = int(table.count_rows())
        if rows < _LEAST_SAMPLED:
            return np.zeros((0, at(self._embedder, table).dimensions), np.float32)
        # Of another model's vectors it is taken anew, too.
        model = label_of(table.schema)
        then, of, sample = self._sample
        if sample is None or of != model or not then <= rows < 2 * then:
            sample = retrieve.sample(table, rows, _SAMPLED)
            self._sample = (rows, model, sample)
        return sample

    def _encoder(self, table: Any) -> Encoder | None:
        """What makes vectors of sentences in the space of the table's vectors."""
        embedder = at(self._embedder, table)
        base = getattr(self._quick, "base", (embedder.name, embedder.revision))
        return self._quick if base == (embedder.name, embedder.revision) else None

    def vector(self, text: str, table: Any = None) -> Floats:
        """(d,) float32, the unit vector of a masked text, by the model of the table's vectors; default the newest."""
        embedder = at(self._embedder, self._table if table is None else table)
        key = (embedder.name, embedder.revision, text)
        with self._lock:
            found = self._vectors.get(key)
            if found is not None:
                self._vectors.move_to_end(key)
                return found
        made: Floats = embedder.encode([text])[0]
        with self._lock:
            self._vectors[key] = made
            while len(self._vectors) > _KEPT_VECTORS:
                self._vectors.popitem(last=False)
        return made


def _places(some: retrieve.Ids, ids: retrieve.Ids) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of `some` are in the sorted `ids`, and where."""
    if not len(ids):
        empty = np.zeros(0, np.intp)
        return empty, empty
    place = np.minimum(np.searchsorted(ids, some), len(ids) - 1)
    known = np.flatnonzero(ids[place] == some)
    return known, place[known]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"degraded": row["degraded"] or []}  # null in rows of before there was such a thing


def _listed(text: str | None) -> dict[str, Any]:
    """What a hit of a search without a text says of itself."""
    (found,) = explain([text or ""], ())
    return {
        "score": None, "vector_rank": None, "text_rank": None, "cosine": None, "bm25": None, "matched": [],
        "nearest_sentence": None, "snippet": list(found.snippet), "why": ["newest first"],
    }  # fmt: skip


def _ranked(found: Candidates, ranks: tuple[Any, Any], place: int, reason: Explained) -> dict[str, Any]:
    cosine, bm25 = float(found.cosines[place]), float(found.bm25[place])
    why = [] if np.isnan(cosine) else [f"meaning (cosine {cosine:.2f})"]
    if bm25 > 0:
        shared = ", ".join(reason.words)
        why.append(f"words{': ' if shared else ''}{shared} (BM25 {bm25:.1f})")
    return {
        "score": round(float(found.scores[place]), 6),
        "vector_rank": None if np.isnan(cosine) else int(ranks[0][place]),
        "text_rank": int(ranks[1][place]) if bm25 > 0 else None,
        "cosine": None if np.isnan(cosine) else round(cosine, 4),
        "bm25": round(bm25, 3) if bm25 > 0 else None,
        "matched": list(reason.words),
        "nearest_sentence": reason.nearest,
        "snippet": list(reason.snippet),
        "why": why,
    }
