"""Computes the features of customers from the complaints that were known at a point in time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa

from engine.features.dictionary import FEATURES, VERSION
from engine.store import filters

#: Columns of serving.complaints that are read.
READS = (
    "customer_id", "occurred_at", "received_at", "scored_at", "category", "priority", "priority_score", "channel",
    "duplicate_kind", "repeat_of",
)  # fmt: skip

Known = Literal["received", "occurred"]


def condition(as_of: datetime, known: Known = "received") -> str:
    """The complaints that were known at `as_of`, for the store.

    Args:
        as_of: the point in time.
        known: when a complaint is known: when it was received, or when it happened, for complaints that were brought in
            later from another system.
    """
    until = filters.moment(as_of)
    parts = ["customer_id IS NOT NULL", f"occurred_at <= {until}"]
    return " AND ".join([*parts, f"received_at <= {until}"] if known == "received" else parts)


def compute(complaints: pa.Table, as_of: datetime, known: Known = "received") -> pa.Table:
    """Features of every customer who had complained by then.

    Args:
        complaints: `READS`; those that were not known at `as_of` are left out here, too.
        as_of: the point in time.
        known: see `condition`.

    Returns:
        feature_id, customer_id, as_of, dictionary_version, then `FEATURES`, sorted by customer.
    """
    import duckdb

    connection = duckdb.connect(config={"threads": "2"})
    connection.register("complaints", complaints)
    listed = ", ".join(f"{feature.sql} AS {feature.name}" for feature in FEATURES)
    received = "AND received_at <= known_until" if known == "received" else ""
    sql = f"""
        WITH moment AS (SELECT make_timestamptz({int(as_of.timestamp() * 1e6)}) AS known_until),
        known AS (
            SELECT *, epoch_us(known_until) / 86400e6 - epoch_us(occurred_at) / 86400e6 AS age,
                   coalesce(duplicate_kind = 'resend', false) AS resent
            FROM complaints, moment
            WHERE customer_id IS NOT NULL AND occurred_at <= known_until {received})
        SELECT customer_id, {listed} FROM known GROUP BY customer_id ORDER BY customer_id
    """  # noqa: S608 -- nothing of a user's is in it
    made = connection.sql(sql).to_arrow_table()
    when = as_of.astimezone(UTC)
    ids = pa.array([f"{key}@{when:%Y-%m-%dT%H:%M:%S.%fZ}" for key in made["customer_id"].to_pylist()], pa.string())
    about = {
        "feature_id": ids,
        "customer_id": made["customer_id"],
        "as_of": pa.array([when] * len(ids), pa.timestamp("us", "UTC")),
        "dictionary_version": pa.array([VERSION] * len(ids), pa.int32()),
    }
    return pa.table(about | {feature.name: made[feature.name].cast(feature.type) for feature in FEATURES})
