"""Complaints over time in any version of the taxonomy, with the breaks that its changes make."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from engine.taxonomy.versions import Applied, Lineage
from models.crosswalk import crosswalk_counts

By = Literal["category", "subcategory"]


def trends(rows: pa.Table, lineage: Lineage, version: str, by: By, bucket_s: int) -> dict[str, Any]:
    """Counts of one version's categories or leaves over time.

    Complaints of any version are told in this one, so a trend is whole also while a change is applied. Where a leaf
    was split or merged, counts on the other side of it are estimates by shares.

    Args:
        rows: taxonomy_version, subcategory, occurred_at; those without a leaf of their version are left out, counted
            as `unknown`.
        lineage: the versions.
        version: to tell in.
        by: what a series is of.
        bucket_s: length of a bucket, s; buckets start at multiples of it since the epoch.

    Returns:
        buckets as times, a series of counts for each id, ids whose counts are estimates, and the breaks.

    Raises:
        NoVersion: there is none of this name.
    """
    counts, unknown = _counted(rows, lineage, bucket_s)
    walks = {source: lineage.crosswalk(source, version) for source in lineage.versions}
    told: dict[int, Counter[str]] = defaultdict(Counter)
    estimated: set[str] = set()
    for (source, bucket), found in counts.items():
        for leaf, count in crosswalk_counts(found, walks[source]).items():
            told[bucket][leaf if by == "subcategory" else leaf.partition(".")[0]] += count  # type: ignore[assignment]
        estimated |= _estimated(found, walks[source].shares, by)
    buckets = range(min(told), max(told) + 1) if told else range(0)
    names = sorted({name for one in told.values() for name in one})
    return {
        "taxonomy": lineage.base.name,
        "version": version,
        "by": by,
        "bucket_s": bucket_s,
        "buckets": [_time(bucket * bucket_s) for bucket in buckets],
        "series": {name: [round(told[b][name], 3) if b in told else 0 for b in buckets] for name in names},
        "estimated": sorted(estimated),
        "unknown": unknown,
        "breaks": breaks(lineage, by),
    }


def breaks(lineage: Lineage, by: By) -> list[dict[str, Any]]:
    """When new complaints were classified by each next version, and what ended, began or was divided with it."""
    return [_break(one, by) for one in lineage.live]


def _counted(rows: pa.Table, lineage: Lineage, bucket_s: int) -> tuple[dict[tuple[str, int], Counter[str]], int]:
    """Counts by version and bucket, and rows without a leaf of their version."""
    prefix = f"{lineage.base.name}/"
    leaves = {
        f"{prefix}{version}": {leaf.id for leaf in lineage.at(version).leaves(retired=True)}
        for version in lineage.versions
    }
    counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    unknown = 0
    columns = (rows[name].to_pylist() for name in ("taxonomy_version", "subcategory", "occurred_at"))
    for version, leaf, moment in zip(*columns, strict=True):
        if leaf in leaves.get(version, ()):
            counts[version.removeprefix(prefix), int(moment.timestamp()) // bucket_s][leaf] += 1
        else:
            unknown += 1
    return counts, unknown


def _estimated(counts: Counter[str], shares: Any, by: By) -> set[str]:
    """Ids that get a part of a leaf; a leaf whose parts stay in one category leaves that category exact."""
    found: set[str] = set()
    for leaf in counts:
        ids = {new if by == "subcategory" else new.partition(".")[0] for new in shares[leaf]}
        found |= ids if len(ids) > 1 else set()
    return found


def _break(one: Applied, by: By) -> dict[str, Any]:
    """When new complaints were classified by the next version, and what ended, began or was divided with it."""
    walk = one.step.crosswalk
    before, after = (
        {name if by == "subcategory" else name.partition(".")[0] for name in ids}
        for ids in (walk.shares, (leaf.id for leaf in one.step.taxonomy.leaves(retired=True)))
    )
    return {
        "at": one.about.get("live_at"),
        "from": walk.source,
        "to": walk.target,
        "end": sorted(before - after),
        "begin": sorted(after - before),
        "split": sorted(one.step.splits),
        "state": one.state,
    }


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
