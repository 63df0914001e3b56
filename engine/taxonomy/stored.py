"""What is stored under a version of the taxonomy: rows by leaf, labels by leaf, segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.settings import Settings
from engine.store import filters

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Stored:
    """Readers of the tables that a version of the taxonomy stands in."""

    complaints: Any
    volumes: Any
    incidents: Any
    labels: Any
    scores: Any

    @classmethod
    def open(cls, settings: Settings) -> Stored:
        """Of an installation; a table that is not there yet is None."""
        root, options = settings.zones_uri.rstrip("/"), settings.storage_options

        def table(zone: str, name: str) -> Any:
            try:
                return open_reader(f"{root}/{zone}", name, options)
            except Transient:
                return None

        return cls(
            table("serving", "complaints"),
            table("serving", "volumes"),
            table("serving", "incidents"),
            table("governance", "labels"),
            table("governance", "taxonomy_scores"),
        )

    def rows(self, version: str, columns: list[str]) -> pa.Table:
        """Complaints classified by `name/version`."""
        return _read(self.complaints, columns, f"taxonomy_version = {filters.text(version)}")

    def all(self, columns: list[str], where: str | None) -> pa.Table:
        """Complaints of any version that meet `where`."""
        return _read(self.complaints, columns, where)

    def counts(self, version: str) -> dict[str, int]:
        """How many of them each leaf has."""
        return _counted(self.rows(version, ["subcategory"]))

    def labelled(self, version: str) -> dict[str, int]:
        """Labels that stand, given by `version` or `name/version`, by their leaf."""
        if self.labels is None:
            return {}
        versions = ", ".join(filters.text(one) for one in (version, version.partition("/")[2]))
        where = f"superseded_by IS NULL AND taxonomy_version IN ({versions})"
        return _counted(_read(self.labels, ["subcategory"], where))

    def segments(self) -> list[str]:
        """Segments that have had a complaint."""
        found = _read(self.volumes, ["segment"], "count > 0")
        return sorted(set(found["segment"].to_pylist()))

    def of_leaves(self, version: str, leaves: list[str], columns: list[str], batch: int) -> Iterator[pa.Table]:
        """Complaints of these leaves, `batch` rows at a time."""
        listed = ", ".join(filters.text(leaf) for leaf in leaves)
        where = f"taxonomy_version = {filters.text(version)} AND subcategory IN ({listed})"
        ids = _read(self.complaints, ["event_id"], where)["event_id"].to_pylist()
        for start in range(0, len(ids), batch):
            part = ", ".join(filters.text(key) for key in ids[start : start + batch])
            yield _read(self.complaints, columns, f"event_id IN ({part})")

    def scored(self, version: str) -> pa.Table:
        """What is scored for a version that is not visible yet."""
        return self.scores.search().where(f"taxonomy_version = {filters.text(version)}").limit(_ALL).to_arrow()


def _read(table: Any, columns: list[str], where: str | None) -> pa.Table:
    if table is None:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    query = table.search().select(columns).limit(_ALL)
    found: pa.Table = (query.where(where) if where else query).to_arrow()
    return found


def _counted(rows: pa.Table) -> dict[str, int]:
    return dict(Counter(leaf for leaf in rows["subcategory"].to_pylist() if leaf))
