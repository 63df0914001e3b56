"""Segments: the slices of complaints whose volumes are counted and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from urllib.parse import quote, unquote

import pyarrow as pa

from engine.tables import TIME

#: In the order in which they stand in a segment's name.
DIMENSIONS = ("category", "subcategory", "region", "channel", "product")

#: Pairs that are worth a series of their own.
PAIRS = (("category", "region"), ("category", "channel"), ("subcategory", "region"))


def count(rows: pa.Table, bucket_s: int) -> pa.Table:
    """Complaints per segment and bucket.

    Args:
        rows: DIMENSIONS as strings and `occurred_at` as timestamp; nulls make no segment.
        bucket_s: length of a bucket, s; buckets start at multiples of it since the epoch.

    Returns:
        (segment: string, bucket: timestamp UTC, count: int64), sorted.
    """
    counts: Counter[tuple[str, int]] = Counter()
    columns = (rows[name].to_pylist() for name in DIMENSIONS)
    for *values, moment in zip(*columns, rows["occurred_at"].to_pylist(), strict=True):
        bucket = int(moment.timestamp()) // bucket_s * bucket_s
        for segment in of(dict(zip(DIMENSIONS, values, strict=True))):
            counts[segment, bucket] += 1
    ordered = sorted(counts.items())
    return pa.table(
        {
            "segment": pa.array([segment for (segment, _), _ in ordered], pa.string()),
            "bucket": pa.array([datetime.fromtimestamp(b, UTC) for (_, b), _ in ordered], TIME),
            "count": pa.array([n for _, n in ordered], pa.int64()),
        }
    )


def of(values: dict[str, str | None]) -> Iterator[str]:
    """The segments that a complaint with these dimensions belongs to."""
    present = {name: values[name] for name in DIMENSIONS if values.get(name)}
    for name in present:
        yield _name({name: present[name]})
    for pair in combinations(present, 2):
        if pair in PAIRS:
            yield _name({name: present[name] for name in pair})


def _name(values: dict[str, str | None]) -> str:
    return "|".join(f"{name}={_escape(values[name] or '')}" for name in values)


def _escape(value: str) -> str:
    return "".join(quote(c) if c in "%|=@" else c for c in value)


def parse(segment: str) -> dict[str, str]:
    """Dimension: value of a segment's name."""
    return {name: unquote(value) for name, _, value in (part.partition("=") for part in segment.split("|"))}


def within(segment: str, wider: str) -> bool:
    """Whether every complaint of `segment` lies in `wider` too."""
    values = parse(segment)
    if leaf := values.get("subcategory"):
        values.setdefault("category", leaf.partition(".")[0])
    return parse(wider).items() <= values.items()


def compatible(first: str, second: str) -> bool:
    """Whether a complaint may lie in both: no dimension has two values.

    A category and a sub-category of another category are two values of one dimension.
    """
    one, two = parse(first), parse(second)
    for values, others in ((one, two), (two, one)):
        leaf = values.get("subcategory")
        if leaf and others.get("category") not in (None, leaf.partition(".")[0]):
            return False
    return all(one[name] == two[name] for name in one.keys() & two.keys())
