"""Weights that are set by category or leaf, as they stand after changes of the taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.crosswalk import Crosswalk


def carried_weights(weights: Mapping[str, float], crosswalks: Iterable[Crosswalk]) -> dict[str, float]:
    """Weights by leaf or category with those of ids that came later.

    An id that has a weight of its own keeps it; a new one that others became gets the largest of theirs.

    Args:
        weights: as configured.
        crosswalks: from the configured version on, in order.
    """
    found = dict(weights)
    for crosswalk in crosswalks:
        given: dict[str, float] = {}
        for old, weight in found.items():
            for new in _became(old, crosswalk):
                given[new] = max(weight, given.get(new, 0.0))
        found = {**given, **found}
    return found


def with_carried(values: Mapping[str, Any], crosswalks: Iterable[Crosswalk]) -> dict[str, Any]:
    """A configuration of priorities with the weights of ids that came later."""
    walks = list(crosswalks)
    named = {name: carried_weights(values[name], walks) for name in ("categories", "subcategories") if name in values}
    return {**values, **named}


def _became(old: str, crosswalk: Crosswalk) -> set[str]:
    if "." in old:
        return set(crosswalk.shares.get(old, ()))
    leaves = [leaf for leaf in crosswalk.shares if leaf.startswith(f"{old}.")]
    # A leaf that moves into a category that was there does not change that one's weight.
    there = {leaf.partition(".")[0] for leaf in crosswalk.shares}
    return {new.partition(".")[0] for leaf in leaves for new in crosswalk.shares[leaf]} - there
