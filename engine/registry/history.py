"""How a version did day by day on live complaints: their number, its confidence, abstention and mix of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.quality.drift import distance
from engine.registry.compare import abstained
from engine.registry.drift import REFERENCE, WINDOW
from engine.registry.shadow import below
from engine.settings import Settings
from engine.store import filters

#: Complaints that are looked at; of more a sample by their ids.
_MOST_ROWS = 50_000

_READS = ["received_at", "confidence", "category_reasons", "subcategory"]
_ALL = 2**31 - 1


def history(settings: Settings, which: str, now: datetime) -> list[dict[str, Any]]:
    """The days that `models show` judges drift by, the oldest first; a day without complaints is left out.

    Args:
        settings: where the tables are.
        which: a version, `name/version`.
        now: the end.

    Returns:
        For each day `day`, `of` complaints looked at, mean `confidence`, the share `abstained` on, and `moved`, the
        Jensen-Shannon distance of its mix of leaves from that of all the days.
    """
    root = settings.zones_uri.rstrip("/")
    try:
        complaints = open_reader(f"{root}/serving", "complaints", settings.storage_options)
    except Transient:
        return []
    start = now - WINDOW - REFERENCE
    where = f"classifier_version = {filters.text(which)} AND received_at >= {filters.moment(start)}"
    share = min(1.0, _MOST_ROWS / max(1, int(complaints.count_rows(where))))
    sampled = f"{where} AND event_id < {filters.text(below(share))}"
    return by_day(complaints.search().where(sampled).select(_READS).limit(_ALL).to_list())


def by_day(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """See `history`; rows of received_at, confidence, category_reasons and subcategory."""
    days: dict[date, list[Mapping[str, Any]]] = {}
    for row in rows:
        at = row["received_at"]
        days.setdefault((at.astimezone(UTC) if at.tzinfo else at).date(), []).append(row)
    mixes = {day: Counter(row["subcategory"] or "none" for row in mine) for day, mine in days.items()}
    whole = sum(mixes.values(), Counter[str]())
    return [
        {
            "day": day.isoformat(),
            "of": len(mine),
            "confidence": round(sum(row["confidence"] or 0.0 for row in mine) / len(mine), 4),
            "abstained": round(sum(abstained(row["category_reasons"] or []) for row in mine) / len(mine), 4),
            "moved": round(distance(mixes[day], whole)[0], 4),
        }
        for day, mine in sorted(days.items())
    ]
