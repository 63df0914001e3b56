"""Stored complaints by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.search.searcher import COLUMNS
from engine.store import filters


def by_ids(table: Any, ids: Sequence[str], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Rows of these ids, unordered."""
    if not ids:
        return []
    listed = ", ".join(filters.text(i) for i in ids)
    query = table.search().where(f"event_id IN ({listed})").select(list(columns or COLUMNS))
    rows: list[dict[str, Any]] = query.limit(len(ids)).to_list()
    return rows
