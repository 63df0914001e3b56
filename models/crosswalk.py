"""Which id of one taxonomy version is which of another, and counts of one version told in the other.

Errors:
    CrosswalkError (ValueError)   shares that do not add up, or an id that the version does not have
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class CrosswalkError(ValueError):
    """The crosswalk cannot be made, or does not know an id."""


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """From the leaves of one version to those of another.

    Attributes:
        source: the version that counts come from.
        target: the version that they are told in.
        shares: for every leaf of `source` its leaves of `target`, each with the share of complaints that go there,
            0 to 1; they sum to 1. A share between 0 and 1 is an estimate for any one time.
    """

    source: str
    target: str
    shares: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        for old, new in self.shares.items():
            total = math.fsum(new.values())
            if not math.isclose(total, 1, abs_tol=1e-6) or any(not 0 <= share <= 1 for share in new.values()):
                raise CrosswalkError(
                    f"crosswalk {self.source} to {self.target}: shares of {old!r} are {dict(new)}, sum {total:g}; "
                    "expected shares of 0 to 1 that sum to 1"
                )

    @property
    def changed(self) -> dict[str, dict[str, float]]:
        """What becomes of the ids that are not simply themselves."""
        return {old: dict(new) for old, new in self.shares.items() if set(new) != {old}}

    @property
    def estimated(self) -> frozenset[str]:
        """Ids of `target` whose counts come from shares: their history is an estimate."""
        return frozenset(i for new in self.shares.values() for i, share in new.items() if 0 < share < 1)

    def one(self, old: str) -> str | None:
        """The only id that `old` became; None where it was split.

        Raises:
            CrosswalkError: the version has no such id.
        """
        _known(self, [old])
        whole = [new for new, share in self.shares[old].items() if share == 1]
        return whole[0] if whole else None


def same(version: str, ids: Iterable[str]) -> Crosswalk:
    """From a version to itself."""
    return Crosswalk(version, version, {name: {name: 1.0} for name in ids})


def compose(first: Crosswalk, second: Crosswalk) -> Crosswalk:
    """Through a version between: from `first.source` to `second.target`.

    Raises:
        CrosswalkError: the second does not begin where the first ends.
    """
    if first.target != second.source:
        raise CrosswalkError(
            f"a crosswalk to version {first.target} and one from {second.source} do not meet; expected one version"
        )
    shares = {old: crosswalk_counts(new, second) for old, new in first.shares.items()}
    return Crosswalk(first.source, second.target, shares)


def reverse(crosswalk: Crosswalk, counts: Mapping[str, float], homeless: Mapping[str, str]) -> Crosswalk:
    """The way back, for telling what is counted now in the version of before.

    Args:
        crosswalk: the way there.
        counts: complaints of each old id before the change: what a merged id is divided by. Sources of an id that
            have none share it evenly.
        homeless: for each new id that nothing became, the old id under which such complaints went before.
    """
    weights: dict[str, dict[str, float]] = {}
    for old, new in crosswalk.shares.items():
        for name, share in new.items():
            weights.setdefault(name, {})[old] = share * counts.get(old, 0)
    shares = {name: _normal(found) for name, found in weights.items()}
    shares |= {name: {old: 1.0} for name, old in homeless.items() if name not in shares}
    return Crosswalk(crosswalk.target, crosswalk.source, shares)


def _normal(weights: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(weights.values())
    if total == 0:
        return {name: 1 / len(weights) for name in weights}
    return {name: weight / total for name, weight in weights.items() if weight}


def crosswalk_counts(counts: Mapping[str, float], crosswalk: Crosswalk) -> dict[str, float]:
    """Counts of the crosswalk's source told in its target; their sum stays.

    Args:
        counts: a count for each leaf of `crosswalk.source`; none for one that is left out.

    Raises:
        CrosswalkError: an id that the version does not have.
    """
    _known(crosswalk, counts)
    found: dict[str, float] = {}
    for old, count in counts.items():
        for new, share in crosswalk.shares[old].items():
            found[new] = found.get(new, 0) + count * share
    return found


def _known(crosswalk: Crosswalk, ids: Iterable[str]) -> None:
    unknown = sorted(set(ids) - set(crosswalk.shares))
    if unknown:
        raise CrosswalkError(
            f"version {crosswalk.source} has no {', '.join(map(repr, unknown))}: use ids of that version, "
            "or the crosswalk of the version that they are of"
        )
