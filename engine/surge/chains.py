"""Surges of one segment that come back soon after they were over are one surge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.surge import Episode


@dataclass(slots=True)
class Chain(Episode):
    """An episode and those that followed it; it counts what was in them, and `returns` is how many followed."""

    returns: int = 0


def joined(episodes: Iterable[Episode], gap: int) -> list[Episode]:
    """Episodes of which each begins more than `gap` buckets after the one before it in its segment ended.

    It depends on the counts alone, so that a restart or a replay joins the same ones.

    Returns:
        Chains, in the order of their detection.
    """
    chains: dict[int, list[Chain]] = {}
    for one in sorted(episodes, key=lambda e: (e.start, e.detected)):
        mine = chains.setdefault(one.segment, [])
        last = mine[-1] if mine else None
        if last is not None and (last.end is None or one.start - last.end <= gap):
            last.end = one.end
            last.observed += one.observed
            last.expected += one.expected
            last.score = max(last.score, one.score)
            last.returns += 1
        else:
            mine.append(Chain(one.segment, one.start, one.detected, one.end, one.observed, one.expected, one.score))
    return sorted((chain for mine in chains.values() for chain in mine), key=lambda e: (e.detected, e.segment))
