"""Counts of a search's candidates: by facet, each without its own filter, and over time against the period before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.lance_read import matching
from engine.counts.projection import NO_TIME, Columns, Mask, Projection
from engine.search import BadSearch, Search, Searcher
from engine.store import filters

#: Facets by their names in API and command line, and the columns behind them.
FACETS = {
    "category": "category", "subcategory": "subcategory", "priority": "priority", "channel": "channel",
    "source": "source", "region": "region", "product": "product", "language": "language", "cluster": "cluster_id",
}  # fmt: skip

#: Lengths of a bucket, and how many of them are shown where no time is given.
INTERVALS = {
    "hour": (timedelta(hours=1), 48), "day": (timedelta(days=1), 30), "week": (timedelta(weeks=1), 26),
}  # fmt: skip

#: Weeks begin on Mondays; the epoch was a Thursday.
_MONDAY = timedelta(days=4)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MOST_BUCKETS = 10_000

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Found:
    """Where the candidates of a search are, and whether there may be more of them."""

    places: Places
    more: bool


class Counts:
    """Facets and trends; many threads may use one.

    Args:
        search: finds the candidates; without it a query has to be empty.
        reader: of serving.complaints.
    """

    def __init__(self, search: Searcher | None, reader: Any) -> None:
        self._search, self._reader = search, reader
        self.projection = Projection(reader)

    def facets(self, wanted: Search, names: Sequence[str] = (), limit: int = 12) -> dict[str, Any]:
        """Counts of the values of facets among the candidates of a search.

        Args:
            wanted: the search; its own filter is left out of each facet, so that the other values can be chosen.
            names: of `FACETS`; default all.
            limit: values of a facet, the most frequent ones; those that are filtered on are always there.

        Returns:
            `facets`: values with counts, the largest first, and what is left out of them (`other`); `total` candidates
            with all filters; `more`: they are lower bounds, see engine.search; the table's `version`.

        Raises:
            BadSearch: an unknown facet, or a query that cannot be.
            BadFilter: see engine.store.filters.
        """
        names = _named(names)
        columns = self.projection.newest()
        selector = _Selector(self._search, self._reader, columns, wanted)
        whole = selector.found()
        facets = {}
        for name in names:
            column = FACETS[name]
            own = [value for value in wanted.equals.get(column, ()) if value]
            found = selector.found(without=column) if column in selector.filtered else whole
            facets[name] = _facet(columns, column, found.places, limit, set(own))
            facets[name]["more"] = found.more
        return {
            "facets": facets, "total": len(whole.places), "more": whole.more, "version": columns.version,
        }  # fmt: skip

    def trends(
        self,
        wanted: Search,
        interval: str = "day",
        by: str | None = None,
        limit: int = 8,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """Counts of a search's candidates over time, and of the period of the same length before.

        Args:
            wanted: the search; without `until` it ends now, without `since` it is as long as `INTERVALS` says. The
                beginning is moved back to that of its bucket.
            interval: hour, day or week (from Monday), in UTC.
            by: one of `FACETS`: a series for each of its values; default one for all.
            limit: series, the largest ones; the rest is one together.
            now: the time; default the clock's.

        Returns:
            `buckets`: their beginnings; `series`: value, counts, total, total of the period before, and the change as a
            share of that; the same in `all` for everything; `more` as in `facets`.

        Raises:
            BadSearch: an unknown interval or facet, or a query that cannot be.
            BadFilter: see engine.store.filters.
        """
        start, end, step = _window(wanted, interval, now or datetime.now(UTC))
        column = FACETS[_named([by])[0]] if by else None
        columns = self.projection.newest()
        length = end - start
        both = [
            _Selector(self._search, self._reader, columns, replace(wanted, since=since, until=until)).found()
            for since, until in ((start, end), (start - length, start))
        ]
        count = -(-length // step)
        slots = (columns.times[both[0].places] - _us(start)) // (step // timedelta(microseconds=1))
        totals = np.bincount(slots, minlength=count)
        series = []
        if column is not None:
            series = _series(columns, column, both[0].places, slots, count, both[1].places, limit)
        return {
            "interval": interval,
            "by": by,
            "since": start,
            "until": end,
            "buckets": [start + step * place for place in range(count)],
            "all": _change(None, totals, len(both[1].places)),
            "series": series,
            "more": any(one.more for one in both),
            "version": columns.version,
        }


def _named(names: Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(names)) or list(FACETS)
    for name in chosen:
        if name not in FACETS:
            raise BadSearch(f"facet {name[:40]!r}: expected one of {', '.join(FACETS)}")
    return chosen


class _Selector:
    """The candidates of one search in one version, with all filters or without one."""

    def __init__(self, search: Searcher | None, reader: Any, columns: Columns, wanted: Search) -> None:
        wanted.check()
        wanted.condition()  # also where no store is asked, a filter that cannot be is refused
        self._search, self._reader, self._columns, self._wanted = search, reader, columns, wanted
        self.filtered = [name for name, values in wanted.equals.items() if list(values)]
        self._masks: dict[str, Mask] = {}

    def found(self, without: str | None = None) -> Found:
        """Where the candidates are without the filter on one column."""
        wanted = self._wanted
        if wanted.query.strip():
            if self._search is None:
                raise BadSearch("query: texts are not searched here")
            equals = {name: values for name, values in wanted.equals.items() if name != without}
            found = self._search.candidates(replace(wanted, equals=equals), self._columns.version)
            if found.row_ids is not None:
                return Found(self._columns.places(found.row_ids), found.more)
        mask = self._bounds().copy()
        for name in self.filtered:
            if name != without:
                mask &= self._mask(name)
        return Found(np.flatnonzero(mask), False)

    def _bounds(self) -> Mask:
        """Which rows are within the times, and no copies where those are folded."""
        if "" not in self._masks:
            columns, wanted = self._columns, self._wanted
            mask = np.ones(len(columns.row_ids), np.bool_)
            if wanted.since is not None:
                mask &= columns.times >= _us(wanted.since)
            if wanted.until is not None:
                mask &= columns.times < _us(wanted.until)
                mask &= columns.times != NO_TIME
            if wanted.folded:
                mask &= ~columns.copies
            self._masks[""] = mask
        return self._masks[""]

    def _mask(self, name: str) -> Mask:
        """Which rows have one of the values that are asked for in a column."""
        if name not in self._masks:
            values = list(self._wanted.equals[name])
            columns = self._columns
            if name in columns.codes:
                given: set[Any] = {value or None for value in values}
                if name == "cluster_id":
                    given = {None if value is None else int(value) for value in given}
                chosen = np.fromiter((value in given for value in columns.values[name]), np.bool_)
                self._masks[name] = chosen[columns.codes[name]]
            else:
                self._masks[name] = self._of_many(name, values)
        return self._masks[name]

    def _of_many(self, name: str, values: Sequence[str]) -> Mask:
        """The same for a column of many values, which is not in memory."""
        condition = filters.where({name: values})
        ids = matching(self._reader, self._columns.version, condition or "")
        mask = np.zeros(len(self._columns.row_ids), np.bool_)
        mask[self._columns.places(ids)] = True
        return mask


def _facet(columns: Columns, column: str, places: Places, limit: int, always: set[str]) -> dict[str, Any]:
    counts = np.bincount(columns.codes[column][places], minlength=1)
    values = columns.values[column]
    ranked = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], str(values[code])))
    shown = ranked[:limit] + [code for code in ranked[limit:] if str(values[code]) in always]
    listed = [{"value": values[code], "count": int(counts[code])} for code in shown]
    rest = len(places) - sum(one["count"] for one in listed)
    return {"values": listed, "other": {"values": len(ranked) - len(shown), "count": rest}}


def _series(
    columns: Columns,
    column: str,
    places: Places,
    slots: NDArray[np.int64],
    count: int,
    before: Places,
    limit: int,
) -> list[dict[str, Any]]:
    values, codes = columns.values[column], columns.codes[column]
    size = len(values)
    table = np.bincount(slots * size + codes[places], minlength=count * size).reshape(count, size)
    past = np.bincount(codes[before], minlength=size)
    totals = table.sum(axis=0)
    ranked = sorted(np.flatnonzero(totals + past).tolist(), key=lambda code: (-totals[code], str(values[code])))
    series = [_change(values[code], table[:, code], int(past[code])) for code in ranked[:limit]]
    if rest := ranked[limit:]:
        others = _change(None, table[:, rest].sum(axis=1), int(past[rest].sum()))
        series.append(others | {"other": len(rest)})
    return series


def _change(value: Any, counts: NDArray[np.int64], before: int) -> dict[str, Any]:
    total = int(counts.sum())
    return {
        "value": value,
        "counts": counts.tolist(),
        "total": total,
        "before": before,
        "change": round((total - before) / before, 4) if before else None,
    }


def _window(wanted: Search, interval: str, now: datetime) -> tuple[datetime, datetime, timedelta]:
    if interval not in INTERVALS:
        raise BadSearch(f"interval {interval[:40]!r}: expected one of {', '.join(INTERVALS)}")
    step, count = INTERVALS[interval]
    end = wanted.until or now
    start = wanted.since if wanted.since is not None else end - step * count
    offset = _EPOCH + (_MONDAY if interval == "week" else timedelta())
    start = offset + (start - offset) // step * step
    if start >= end:
        raise BadSearch(f"since {start.isoformat()}: expected a time before until, {end.isoformat()}")
    if (end - start) // step > _MOST_BUCKETS:
        raise BadSearch(f"interval {interval}: more than {_MOST_BUCKETS:,} of them; take a longer one or less time")
    return start.astimezone(UTC), end.astimezone(UTC), step


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def breaks_within(breaks: Iterable[Mapping[str, Any]], start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Those breaks of the taxonomy (engine.taxonomy.trends) that fall between two times."""
    kept = []
    for one in breaks:
        at = datetime.fromisoformat(one["at"]) if one.get("at") else None
        if at is not None and start <= at < end:
            kept.append(dict(one))
    return kept
