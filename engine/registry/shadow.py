"""The challenger on live traffic: what it would have said of a sample of new complaints, kept beside what was said.

Nobody is shown it as a category. A complaint is in the sample by its id, so whoever looks finds the same ones.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connectors.lance import open_reader
from engine.labels.metrics import wilson
from engine.registry.aliases import decisions, read
from engine.registry.errors import NoModel, UnusableModel
from engine.registry.load import target, trained
from engine.settings import Settings
from engine.stages.context import Classifier, Context
from engine.stages.model import vectors_of
from engine.store import filters
from engine.tables import SHADOW
from models.embedder import Embedder

log = logging.getLogger("beejan.registry")

#: Complaints of a look at most.
_ROWS = 2_000

_READS = [
    "event_id", "text", "vector", "category", "subcategory", "confidence", "channel", "language", "region",
    "received_at",
]  # fmt: skip

#: What `summary` reads of governance.shadow.
SUMMED = ["champion_subcategory", "challenger_subcategory", "language", "channel", "region"]

_ALL = 2**31 - 1


class Shadow:
    """Follows new complaints.

    Args:
        settings: the sample.
        complaints: a reader of serving.complaints.
        shadow: a reader of governance.shadow.
        put: Writer.put_shadow.
    """

    def __init__(self, settings: Settings, complaints: Any, shadow: Any, put: Callable[[pa.Table], Any]) -> None:
        self._settings, self._complaints, self._shadow, self._put = settings, complaints, shadow, put

    @classmethod
    def open(cls, settings: Settings, complaints: Any) -> Shadow:
        """Of a running engine."""
        from engine.run import actors

        return cls(settings, complaints, reader_of(settings), lambda rows: actors.writer_call("put_shadow", rows))

    def look(self, embedder: Embedder, context: Context) -> int:
        """Have the challenger look at what came in since the last look; returns how many complaints.

        Raises:
            Transient: the store is away.
        """
        from engine.curate.context import load_lineage

        name = self._settings.classifier
        version = read(self._settings.data_dir, name).challenger
        if version is None or context.classifier_version != target(self._settings):
            return 0
        which = f"{name}/{version}"
        rows = self._new(context.classifier_version, which)
        if not rows.num_rows:
            return 0
        try:
            challenger = trained(self._settings, version, load_lineage(self._settings), embedder)
        except (NoModel, UnusableModel) as error:
            log.error("the challenger is not tried: %s", error)
            return 0
        self._put(predicted(rows, context.classifier_version, which, challenger))
        return int(rows.num_rows)

    def _new(self, champion: str, challenger: str) -> pa.Table:
        known = pair_of(self._shadow, champion, challenger, ["event_id", "received_at"])
        seen = set(known["event_id"].to_pylist())
        room = min(_ROWS, self._settings.registry.shadow_rows - len(seen))
        empty = pa.table({"event_id": pa.array([], pa.string())})
        if room <= 0:
            return empty
        since = max(known["received_at"].to_pylist(), default=self._since(challenger))
        where = (
            f"received_at >= {filters.moment(since)} AND classifier_version = {filters.text(champion)} "
            f"AND event_id < {filters.text(below(self._settings.registry.shadow_share))}"
        )
        found = self._complaints.search().where(where).select(["event_id", "received_at"]).limit(_ALL).to_arrow()
        fresh = sorted((r["received_at"], r["event_id"]) for r in found.to_pylist() if r["event_id"] not in seen)
        listed = ", ".join(filters.text(key) for _, key in fresh[:room])
        if not listed:
            return empty
        rows: pa.Table = (
            self._complaints.search().where(f"event_id IN ({listed})").select(_READS).limit(_ALL).to_arrow()
        )
        return rows

    def _since(self, challenger: str) -> datetime:
        """When it became the challenger."""
        version = challenger.partition("/")[2]
        made = [
            one["at"]
            for one in decisions(self._settings.data_dir, self._settings.classifier)
            if one["challenger"]["to"] == version and one["challenger"]["from"] != version
        ]
        return datetime.fromisoformat(made[-1]) if made else datetime.now(UTC) - timedelta(hours=1)


def predicted(rows: pa.Table, champion: str, challenger: str, classifier: Classifier) -> pa.Table:
    """Rows of governance.shadow."""
    found = classifier.predict(rows["text"].to_pylist(), vectors_of(rows["vector"]))
    now = datetime.now(UTC)
    made = [
        {
            "shadow_id": f"{challenger}:{row['event_id']}",
            "event_id": row["event_id"],
            "champion": champion,
            "challenger": challenger,
            "champion_category": row["category"],
            "champion_subcategory": row["subcategory"],
            "champion_confidence": row["confidence"],
            "challenger_category": one.category,
            "challenger_subcategory": one.subcategory,
            "challenger_confidence": float(one.confidence),
            "channel": row["channel"],
            "language": row["language"],
            "region": row["region"],
            "received_at": row["received_at"],
            "scored_at": now,
        }
        for row, one in zip(rows.drop_columns(["text", "vector"]).to_pylist(), found, strict=True)
    ]
    return pa.Table.from_pylist(made, schema=SHADOW.schema)


def below(share: float) -> str:
    """Event ids below this one are that share of all: they are hashes in hex, 0 to 9 before a to f."""
    return f"{int(share * 16**8):08x}" if share < 1 else "g"


def reader_of(settings: Settings) -> Any:
    """A reader of governance.shadow."""
    return open_reader(f"{settings.zones_uri.rstrip('/')}/governance", SHADOW.name, settings.storage_options)


def pair_of(shadow: Any, champion: str, challenger: str, columns: list[str]) -> pa.Table:
    """What a challenger said beside a champion."""
    where = f"champion = {filters.text(champion)} AND challenger = {filters.text(challenger)}"
    found: pa.Table = shadow.search().where(where).select(columns).limit(_ALL).to_arrow()
    return found


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How often the two agree: complaints, the share of equal leaves with its 95 % interval, and where they part."""
    same = [row["champion_subcategory"] == row["challenger_subcategory"] for row in rows]
    low, high = wilson(sum(same), len(same))
    parted = Counter(
        (row["champion_subcategory"], row["challenger_subcategory"])
        for row, equal in zip(rows, same, strict=True)
        if not equal
    )
    slices = {
        column: {
            value: {"of": len(mine), "agree": round(sum(mine) / len(mine), 4)}
            for value, mine in sorted(_grouped(rows, same, column).items())
        }
        for column in ("language", "channel", "region")
    }
    return {
        "of": len(rows),
        "agree": round(sum(same) / len(same), 4) if same else None,
        "low": round(low, 4),
        "high": round(high, 4),
        "slices": slices,
        "parted": [{"champion": a, "challenger": b, "count": n} for (a, b), n in parted.most_common(20)],
    }


def _grouped(rows: Sequence[Mapping[str, Any]], same: Sequence[bool], column: str) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = {}
    for row, equal in zip(rows, same, strict=True):
        if row[column]:
            found.setdefault(row[column], []).append(equal)
    return found
