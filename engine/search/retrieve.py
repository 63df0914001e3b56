"""What the store is asked: nearest vectors, best words, and vectors of rows, always by row ids.

A row id is good for one version of the table only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.search.query import Parsed, tells

Floats = NDArray[np.float32]
Ids = NDArray[np.uint64]

#: The column of the words.
WORDS = "search_text"

#: A filter that leaves at most so many rows is searched exactly: an index would look at hundreds of partitions in
#: vain (recall .91 at 1 % of a million rows, DESIGN 10).
EXACT_ROWS = 20_000

#: Partitions that are looked into at least, and at most where a filter leaves few rows in each.
_PROBES, _MOST_PROBES = 40, 400
#: Times as many vectors as are wanted are compared in full: without it the distances are wrong by a factor of two.
_REFINE = 10
_MOST_REFINED = 1000


def nearest(table: Any, vector: Floats, condition: str | None, depth: int) -> tuple[Ids, Floats]:
    """The rows nearest to a unit vector, the nearest first: their ids and cosines, both (n,).

    Args:
        table: serving.complaints.
        vector: (d,) float32, a unit vector.
        condition: of engine.store.filters.
        depth: how many at most.
    """
    query = table.search(vector, vector_column_name="vector").distance_type("cosine")
    if condition:
        query = query.where(condition, prefilter=True)
    if condition and table.count_rows(condition) <= EXACT_ROWS:
        query = query.bypass_vector_index()
    else:
        query = query.minimum_nprobes(_PROBES).maximum_nprobes(_MOST_PROBES)
        query = query.refine_factor(max(1, min(_REFINE, _MOST_REFINED // depth)))
    found = query.with_row_id(True).select(["_rowid", "_distance"]).limit(depth).to_arrow()
    return _ids(found), 1 - np.asarray(found["_distance"], np.float32)


def best_words(table: Any, query: Any, condition: str | None, depth: int) -> tuple[Ids, Floats]:
    """The rows with the best BM25, the best first: their ids and scores, both (n,).

    Args:
        table: serving.complaints.
        query: a full-text query, see `words`; None matches nothing.
        condition: of engine.store.filters.
        depth: how many at most.
    """
    if query is None:
        return np.zeros(0, np.uint64), np.zeros(0, np.float32)
    search = table.search(query, query_type="fts")
    if condition:
        search = search.where(condition, prefilter=True)
    found = search.with_row_id(True).select(["_rowid", "_score"]).limit(depth).to_arrow()
    return _ids(found), np.asarray(found["_score"], np.float32)


def words(parsed: Parsed, *, phrases: bool) -> Any:
    """The full-text query of a parsed one; None where nothing of it can match.

    Args:
        parsed: the query.
        phrases: whether the index knows phrases; otherwise their words are looked for.
    """
    from lancedb.query import BooleanQuery, MatchQuery, Occur

    told = [word for word in parsed.must if tells(word)]
    must = [(Occur.MUST, MatchQuery(word, WORDS, operator="AND")) for word in told]
    must += [(Occur.MUST, _phrase(phrase, phrases)) for phrase in parsed.phrases if tells(phrase)]
    should = [(Occur.SHOULD, MatchQuery(" ".join(parsed.words), WORDS))] if parsed.words else []
    if not must and not should:
        return None
    never = [(Occur.MUST_NOT, unwanted) for unwanted in _unwanted(parsed, phrases)]
    if not must and not never:
        return should[0][1]
    return BooleanQuery([*must, *should, *never])


def having(table: Any, parsed: Parsed, ids: Ids, *, phrases: bool) -> Ids:
    """Those of the rows that have a word that `parsed` does not want; phrases are left to engine.search.phrases."""
    found = [np.zeros(0, np.uint64)]
    if len(ids):
        among = f"_rowid IN ({', '.join(map(str, ids.tolist()))})"
        found += [best_words(table, unwanted, among, len(ids))[0] for unwanted in _unwanted(parsed, phrases)]
    return np.unique(np.concatenate(found))


def _unwanted(parsed: Parsed, phrases: bool) -> list[Any]:
    from lancedb.query import MatchQuery

    found = [MatchQuery(word, WORDS, operator="AND") for word in parsed.without if tells(word)]
    # Without positions, what has the words of a phrase may still not have the phrase.
    return found + [_phrase(one, True) for one in parsed.without_phrases if phrases and tells(one)]


def _phrase(phrase: str, phrases: bool) -> Any:
    from lancedb.query import MatchQuery, PhraseQuery

    return PhraseQuery(phrase, WORDS) if phrases else MatchQuery(phrase, WORDS, operator="AND")


def knows_positions(table: Any) -> bool:
    """Whether the index of words can tell phrases."""
    found = [index.index_details or {} for index in table.list_indices() if index.columns == [WORDS]]
    return bool(found and found[0].get("with_position"))


def texts(table: Any, ids: Ids, column: str) -> list[str]:
    """A column's texts of rows, in the order of their ids; "" where there is none."""
    return [value or "" for value in rows(table, ids, [column])[column].to_pylist()]


def sample(table: Any, count: int, most: int) -> Floats:
    """(m, d) float32 vectors of rows taken at random, the same of the same table.

    Args:
        table: serving.complaints.
        count: its rows.
        most: how many at most.
    """
    chosen = np.random.default_rng(count).choice(count, min(count, most), replace=False)
    return _matrix(table.take_offsets(np.sort(chosen).tolist()).select(["vector"]).to_arrow())


def vectors(table: Any, ids: Ids) -> Floats:
    """(n, d) float32 of rows, in the order of their ids; a row without a vector is all zeros."""
    return _matrix(rows(table, ids, ["vector"]))


def _matrix(found: pa.Table) -> Floats:
    column = found["vector"].combine_chunks()
    size = column.type.list_size
    filled = column.fill_null([0.0] * size) if column.null_count else column
    flat: Floats = filled.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, size)


def rows(table: Any, ids: Ids, columns: Sequence[str]) -> pa.Table:
    """Columns of rows, in the order of their ids."""
    if not len(ids):
        schema = table.schema
        return pa.schema([schema.field(name) for name in columns]).empty_table()
    # They come in whatever order the store reads them.
    found = table.take_row_ids(ids.tolist()).select([*columns, "_rowid"]).to_arrow()
    place = np.argsort(_ids(found))
    return found.select(columns).take(pa.array(place[np.searchsorted(_ids(found), ids, sorter=place)]))


def newest(table: Any, condition: str | None, most: int | None = None) -> tuple[Ids, int]:
    """The row ids of what matches, the newest first, `most` of them, and how many match.

    Lance does not sort: times alone are read, and of a million rows the newest chosen.
    """
    query = table.search().with_row_id(True).select(["_rowid", "occurred_at"])
    found = (query.where(condition) if condition else query).limit(2**31 - 1).to_arrow()
    times = found["occurred_at"].cast(pa.int64()).fill_null(0).to_numpy()
    ids = _ids(found)
    if most is not None and most < len(ids):
        # All that are as new as the last one of them, so that ties fall the same way for every `most`.
        kept = np.flatnonzero(times >= np.partition(times, len(times) - most)[len(times) - most])
        times, kept_ids = times[kept], ids[kept]
    else:
        kept_ids = ids
    return kept_ids[np.lexsort((kept_ids, -times))][:most], len(ids)


def _ids(found: pa.Table) -> Ids:
    return np.asarray(found["_rowid"], np.uint64)
