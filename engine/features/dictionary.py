"""The data dictionary: every feature with its meaning, its type, and the SQL that makes it.

What computes a feature is what documents it. Another meaning is another name, and `VERSION` tells what there was.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

#: Of the features' meanings; stored with every row.
VERSION = 1

#: Windows, in days before the point in time.
WINDOWS = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class Feature:
    """A column.

    Attributes:
        name: its name.
        type: its Arrow type.
        meaning: for people.
        sql: an aggregate over a customer's complaints that were known: the columns of serving.complaints, and `age`,
            the days from the complaint to the point in time. Resends of one text count once, see docs/duplicates.md.
    """

    name: str
    type: pa.DataType
    meaning: str
    sql: str


def _windowed(days: int) -> list[Feature]:
    within, count, whole = f"age < {days}", "count(*) FILTER", pa.int64()
    priorities = [
        Feature(
            f"{priority.lower()}_{days}d", whole, f"Complaints of priority {priority} in {days} days",
            f"{count} (NOT resent AND {within} AND priority = '{priority}')",
        )
        for priority in ("P1", "P2", "P3", "P4")
    ]  # fmt: skip
    return [
        Feature(f"complaints_{days}d", whole, f"Complaints in {days} days", f"{count} (NOT resent AND {within})"),
        *priorities,
        Feature(
            f"repeats_{days}d", whole, f"Complaints in {days} days that follow an alike one of the same sender",
            f"{count} (NOT resent AND {within} AND repeat_of IS NOT NULL)",
        ),
        Feature(
            f"resends_{days}d", whole, f"The same text sent again in {days} days, not counted anywhere else",
            f"{count} (resent AND {within})",
        ),
        Feature(
            f"categories_{days}d", pa.string(), f"Complaints in {days} days by category, a JSON object",
            "CAST(to_json(histogram(coalesce(category, 'none')) "
            f"FILTER (NOT resent AND {within})) AS VARCHAR)",
        ),
        Feature(
            f"severity_mean_{days}d", pa.float64(), f"Mean priority score in {days} days; null without complaints",
            f"avg(priority_score) FILTER (NOT resent AND {within})",
        ),
    ]  # fmt: skip


FEATURES = (
    *(feature for days in WINDOWS for feature in _windowed(days)),
    Feature(
        "share_p1_90d", pa.float64(), "Share of P1 in the complaints of 90 days; null without complaints",
        "count(*) FILTER (NOT resent AND age < 90 AND priority = 'P1') "
        "/ nullif(count(*) FILTER (NOT resent AND age < 90), 0)",
    ),
    Feature(
        "severity_max_90d", pa.float64(), "Highest priority score in 90 days; null without complaints",
        "max(priority_score) FILTER (NOT resent AND age < 90)",
    ),
    Feature(
        "channels_90d", pa.int64(), "Channels that were used in 90 days",
        "count(DISTINCT channel) FILTER (age < 90)",
    ),
    Feature(
        "complaints_ever", pa.int64(), "Complaints before the point in time", "count(*) FILTER (NOT resent)",
    ),
    Feature("days_since_last", pa.float64(), "Days since the last complaint", "min(age)"),
    Feature("days_since_first", pa.float64(), "Days since the first complaint", "max(age)"),
    Feature(
        "rescored_share", pa.float64(),
        "Share of the complaints whose category and priority were given after the point in time, by a newer model: "
        "what of the features by category, priority and severity was not known then",
        "avg(CASE WHEN scored_at > known_until THEN 1.0 ELSE 0.0 END)",
    ),
)  # fmt: skip
