"""What the console shows of clusters, from the functions behind the API's endpoints."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.cluster.chart import chart
from engine.cluster.keep import ACTIVE, reader
from engine.store import filters
from models.clusters.topics import NOISE
from serve import clusters
from serve.problems import Problem
from serve.services import Services

#: Days of a cluster's trend, and values of each of its facets.
_DAYS, _VALUES = 28, 8
_FACETS = ("category", "channel", "region", "priority")


class ClusterViews:
    """See serve.console.cluster_pages.ClusterBackend; `_services` gives the replica's services."""

    _services: Callable[[], Services]

    def __init__(self) -> None:
        self._charted: tuple[int, dict[str, Any]] | None = None
        self._charting = threading.Lock()
        self._named: tuple[int, dict[str, str]] | None = None

    async def clusters(self, state: str, emerging: bool, limit: int, offset: int) -> dict[str, Any]:
        """A page of clusters, emerging ones first, then the largest.

        Raises:
            ValueError: no such state.
        """
        if state not in clusters.STATES:
            raise ValueError(f"state {state[:20]!r}: expected one of {', '.join(clusters.STATES)}")
        return await asyncio.to_thread(clusters.listed, self._services(), state, emerging, limit, offset)

    async def cluster_map(self) -> dict[str, Any]:
        """See engine.cluster.chart, with the name and size of each cluster; made anew with each clustering."""
        return await asyncio.to_thread(self._chart)

    async def cluster_names(self) -> dict[str, str]:
        """The name of each cluster by its id, as in filters."""
        return await asyncio.to_thread(self._names)

    async def cluster(self, cluster_id: int) -> dict[str, Any] | None:
        """One cluster with its exemplars, its days and what its complaints are; None where there is none."""
        served = self._services()
        try:
            found = await asyncio.to_thread(clusters.one, served, cluster_id)
        except Problem:
            return None
        return found | await asyncio.to_thread(_counted, served.complaints, cluster_id, datetime.now(UTC))

    def _names(self) -> dict[str, str]:
        table = reader(self._services().settings)
        version, named = int(table.version), self._named
        if named is None or named[0] != version:
            rows = table.search().select(["cluster_id", "name"]).limit(2**31 - 1).to_list()
            found = {str(row["cluster_id"]): row["name"] or f"cluster {row['cluster_id']}" for row in rows}
            named = self._named = (version, found | {str(NOISE): "in no cluster"})
        return named[1]

    def _chart(self) -> dict[str, Any]:
        served = self._services()
        table = reader(served.settings)
        version = int(table.version)
        with self._charting:
            if self._charted is None or self._charted[0] != version:
                rows = table.search().where(f"state = {filters.text(ACTIVE)}").limit(2**31 - 1).to_list()
                made = chart(served.complaints, rows)
                about = {row["cluster_id"]: {"name": row["name"], "size": row["size"]} for row in rows}
                made["clusters"] = [one | about[one["cluster_id"]] for one in made["clusters"]]
                self._charted = (version, made)
            return self._charted[1]


def _counted(table: Any, cluster_id: int, now: datetime) -> dict[str, Any]:
    found = table.search().where(f"cluster_id = {cluster_id}").select([*_FACETS, "occurred_at"])
    rows: pa.Table = found.limit(2**31 - 1).to_arrow()
    days: dict[date, int] = {}
    for one in pc.value_counts(pc.cast(pc.floor_temporal(rows["occurred_at"], unit="day"), pa.date32())):
        days[one["values"].as_py()] = one["counts"].as_py()
    first = now.date() - timedelta(days=_DAYS - 1)
    span = [first + timedelta(days=n) for n in range(_DAYS)]
    return {
        "days": [{"bucket": f"{day.isoformat()}T00:00:00+00:00", "count": days.get(day, 0)} for day in span],
        **{f"by_{name}": counts(rows[name], _VALUES) for name in _FACETS},
    }


def counts(column: pa.ChunkedArray, most: int) -> list[dict[str, Any]]:
    """The commonest values of a column with their counts."""
    found = pc.value_counts(column).to_pylist()
    found.sort(key=lambda one: (-one["counts"], str(one["values"])))
    return [{"value": one["values"], "count": one["counts"]} for one in found[:most]]
