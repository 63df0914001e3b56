"""Columns that are named like a complaint's fields are taken without a mapping."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from connectors.mapping.schema import FIELDS, Mapping

#: Column names taken without a mapping, besides the fields' own.
ALIASES = {
    "id": "source_key",
    "complaint_id": "source_key",
    "ticket": "source_key",
    "complaint": "text",
    "message": "text",
    "body": "text",
    "description": "text",
    "created_at": "occurred_at",
    "timestamp": "occurred_at",
    "date": "occurred_at",
    "account_id": "account",
    "account_number": "account",
    "phone_number": "phone",
    "msisdn": "phone",
    "state": "region",
}


def default_mapping(columns: Iterable[str]) -> Mapping:
    """The mapping of a source whose columns are named like ours (case and spaces aside)."""
    return _default(tuple(columns))


@lru_cache(maxsize=256)  # the rows of a table share their columns
def _default(columns: tuple[str, ...]) -> Mapping:
    fields: dict[str, str] = {}
    by_name = {column.strip().casefold().replace(" ", "_"): column for column in columns}
    for name in FIELDS:
        if name in by_name:
            fields[name] = by_name[name]
    for alias, name in ALIASES.items():
        if alias in by_name:
            fields.setdefault(name, by_name[alias])
    return Mapping.model_validate({"fields": fields})
