"""Complaints in an order that is random and needs no shuffling: by their ids, from a point that a seed gives.

An event id is a SHA-256, so ids are spread evenly, and those that follow a point on the ring of all ids are a sample
in which every complaint has the same chance; a range of ids is read without reading the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

_SIZE = 2**64


def start_of(seed: int, what: str) -> int:
    """The point, 0 to 2^64, at which an order begins."""
    return int.from_bytes(hashlib.sha256(f"{what} {seed}".encode()).digest()[:8], "big")


def part(start: int, share: float) -> str:
    """The condition on event ids for the `share` of them, 0 to 1, that follows `start`."""
    width = int(share * _SIZE)
    if width >= _SIZE:
        return "event_id >= ''"
    end = start + width
    if end < _SIZE:
        return f"event_id >= '{start:016x}' AND event_id < '{end:016x}'"
    return f"(event_id >= '{start:016x}' OR event_id < '{end - _SIZE:016x}')"


def first(table: Any, where: str, total: int, start: int, wanted: int, without: Collection[str]) -> list[str]:
    """The first `wanted` event ids after `start` that are not in `without`, in the ring's order.

    Args:
        table: complaints.
        where: which of them count.
        total: how many those are.
        start: see `start_of`.
        wanted: how many; fewer where there are no more.
        without: ids that are left out.
    """
    share = min(1.0, (wanted + len(without) + 50) * 1.5 / max(1, total))
    while True:
        found = table.search().where(f"({where}) AND {part(start, share)}").select(["event_id"]).limit(2**31 - 1)
        ids = [key for key in found.to_arrow()["event_id"].to_pylist() if key not in without]
        if len(ids) >= wanted or share >= 1:
            return sorted(ids, key=lambda key: ((int(key[:16], 16) - start) % _SIZE, key))[:wanted]
        share = min(1.0, share * 4)
