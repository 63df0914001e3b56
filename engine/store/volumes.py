"""Counts per segment and bucket as rows of serving.volumes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from engine.surge.segments import DIMENSIONS
from engine.surge.segments import count as count_segments
from engine.tables import TIME, VOLUMES

if TYPE_CHECKING:
    from connectors.lance import Table


def count(complaints: pa.Table, bucket_s: int) -> pa.Table:
    """(volume_id, segment, bucket, count) of these complaints alone."""
    counted = count_segments(complaints.select([*DIMENSIONS, "occurred_at"]), bucket_s)
    return keyed(counted)


def keyed(counts: pa.Table) -> pa.Table:
    """`counts` with the table's key, `segment@bucket`."""
    ids = [
        volume_id(segment, bucket)
        for segment, bucket in zip(counts["segment"].to_pylist(), counts["bucket"].to_pylist(), strict=True)
    ]
    bare = counts.select(["segment", "bucket", "count"])
    return bare.add_column(0, pa.field("volume_id", pa.string(), nullable=False), pa.array(ids, pa.string())).cast(
        VOLUMES.schema
    )


def volume_id(segment: str, bucket: datetime) -> str:
    """The key of a segment's bucket."""
    return f"{segment}@{int(bucket.timestamp())}"


def added(table: Table, counts: pa.Table) -> pa.Table:
    """`counts` plus what the table holds for the same keys: absolute values, ready to replace."""
    span = pc.min_max(counts["bucket"]).as_py()
    low, high = (f"timestamp '{span[side]:%Y-%m-%d %H:%M:%S}'" for side in ("min", "max"))
    present = table.scan(["volume_id", "count"], f"bucket >= {low} AND bucket <= {high}")
    before = dict(zip(present["volume_id"].to_pylist(), present["count"].to_pylist(), strict=True))
    totals = [
        new + before.get(key, 0)
        for key, new in zip(counts["volume_id"].to_pylist(), counts["count"].to_pylist(), strict=True)
    ]
    return counts.set_column(3, "count", pa.array(totals, pa.int64()))


def moved(before: pa.Table, after: pa.Table, bucket_s: int) -> pa.Table:
    """What is to be added where complaints are replaced: counts of `after` less those of `before`, without zeros."""
    old, new = count(before, bucket_s), count(after, bucket_s)
    both = pa.concat_tables([new, old.set_column(3, "count", pc.negate(old["count"]))])
    summed = both.group_by(["volume_id", "segment", "bucket"]).aggregate([("count", "sum")])
    changed = summed.rename_columns({"count_sum": "count"}).select(VOLUMES.schema.names)
    return changed.filter(pc.not_equal(changed["count"], 0)).cast(VOLUMES.schema)


def differences(right: pa.Table, present: pa.Table) -> pa.Table:
    """Rows that make `present` right: of `right` where the count is another, and zeros for what is not in it."""
    known, wanted = (
        {(s, b): c for s, b, c in zip(*(rows[n].to_pylist() for n in ("segment", "bucket", "count")), strict=True)}
        for rows in (present, right)
    )
    wrong = right.filter(pa.array([known.get(key) != count for key, count in wanted.items()], pa.bool_()))
    extra = [key for key, count in known.items() if count and key not in wanted]
    gone = {
        "segment": [segment for segment, _ in extra],
        "bucket": pa.array([bucket for _, bucket in extra], TIME),
        "count": pa.array([0] * len(extra), pa.int64()),
    }
    return pa.concat_tables([wrong, keyed(pa.table(gone))])


def zeros(segments: list[str], buckets: list[datetime]) -> pa.Table:
    """An explicit zero for every segment in every bucket."""
    pairs = [(segment, bucket) for segment in segments for bucket in buckets]
    return pa.table(
        {
            "volume_id": [volume_id(s, b) for s, b in pairs],
            "segment": [s for s, _ in pairs],
            "bucket": pa.array([b for _, b in pairs], TIME),
            "count": pa.array([0] * len(pairs), pa.int64()),
        },
        schema=VOLUMES.schema,
    )
