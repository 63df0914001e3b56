"""Typed filters over the complaints, made into the store's SQL with an allow-list of columns.

What a user typed is never SQL: values are quoted here, and columns come from `COLUMNS` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from connectors.errors import Terminal

#: Columns with a few values that can be filtered on.
COLUMNS = (
    "channel", "source", "category", "subcategory", "region", "product", "priority", "language",
    "customer_id", "account_id", "person_id", "duplicate_of", "source_key", "cluster_id",
)  # fmt: skip


#: Those of them that hold whole numbers.
_NUMBERS = ("cluster_id",)


class BadFilter(Terminal):
    """A filter on an unknown column, or with a value that cannot be."""


def where(
    equals: Mapping[str, Iterable[str]],
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    folded: bool = False,
) -> str | None:
    """The condition: any value of a column, all columns, `since` <= occurred_at < `until`.

    Args:
        equals: values by column; "" is where there is none.
        since, until: see above.
        folded: without those that are copies of another.

    Returns:
        SQL, or None where nothing is filtered.

    Raises:
        BadFilter: an unknown column or a control character in a value.
    """
    parts = []
    for column, values in equals.items():
        if column not in COLUMNS:
            raise BadFilter(f"filter {column!r}: no such column; known: {', '.join(COLUMNS)}")
        given = list(values)
        listed = [number(value) if column in _NUMBERS else text(value) for value in given if value]
        either = [f"{column} IN ({', '.join(listed)})"] if listed else []
        either += [f"{column} IS NULL"] if "" in given else []
        if either:
            parts.append(either[0] if len(either) == 1 else f"({' OR '.join(either)})")
    if since is not None:
        parts.append(f"occurred_at >= {moment(since)}")
    if until is not None:
        parts.append(f"occurred_at < {moment(until)}")
    if folded:
        parts.append("duplicate_of IS NULL")
    return " AND ".join(parts) or None


def text(value: str) -> str:
    """A string literal."""
    if len(value) > 500 or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise BadFilter("filter value: at most 500 characters and no control characters")
    return "'" + value.replace("'", "''") + "'"


def number(value: str) -> str:
    """An integer literal."""
    try:
        return str(int(value))
    except ValueError as error:
        raise BadFilter(f"filter value {value[:40]!r}: expected a whole number") from error


def moment(value: datetime) -> str:
    """A timestamp literal in UTC."""
    return f"timestamp '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
