"""Fits the weights of a priority model to labelled complaints; no weight can fall below zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.priority import LEVELS, Complaint, Level, PriorityModel

#: Labels below which nothing is fitted: a level that was hardly seen would get an arbitrary threshold.
LEAST_LABELS, LEAST_A_LEVEL = 40, 5

#: Share of the labelled P1 that has to be found, whatever it costs in agreement; one may always be missed.
P1_RECALL = 0.95

#: Agreement that is given up for a lower threshold of P1: few labels say little of what a higher one would miss.
_LEAN = 0.03

#: Least distance of two thresholds, in points.
_GAP = 0.1
_DECIMALS = 2

_DISTANCE = np.subtract.outer(np.arange(4), np.arange(4)) ** 2

Places = NDArray[np.int64]


class TooFewLabels(ValueError):
    """There are not enough labels to fit to."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted configuration, and how well it does on what it was fitted to.

    Attributes:
        config: as the YAML holds it.
        kappa: quadratic weighted kappa on the labels it was fitted to.
        p1_recall: share of their P1 that it finds.
    """

    config: dict[str, Any]
    kappa: float
    p1_recall: float


def fit(
    config: Mapping[str, Any],
    complaints: Sequence[Complaint],
    labels: Sequence[Level],
    *,
    version: str,
    strength: float = 5.0,
) -> Fitted:
    """Stretch each weight by a factor of at least 0, and set the thresholds anew.

    A cumulative-logit model (McCullagh, "Regression Models for Ordinal Data", 1980) over the contributions, its
    coefficients bounded below by 0 and drawn to the weights as they are; then the thresholds of best agreement that
    find P1_RECALL of P1. Terms, floors and bands stay. The same labels give the same result.

    Args:
        config: the weights to start from.
        complaints: as they are scored.
        labels: their levels.
        version: of the result.
        strength: how strongly weights are drawn to those of `config`: a factor of 2 costs as much as `strength` / 2
            labels of probability 1/e.

    Raises:
        TooFewLabels: fewer than LEAST_LABELS, or than LEAST_A_LEVEL of a level.
    """
    _check(labels)
    model = PriorityModel.from_dict(config)
    parts = [model.parts(complaint) for complaint in complaints]
    keys = sorted({part.key for found in parts for part in found})
    place = {key: column for column, key in enumerate(keys)}
    points = np.zeros((len(parts), len(keys)))
    for row, found in enumerate(parts):
        for part in found:
            points[row, place[part.key]] += part.points
    urgency = np.array([3 - LEVELS.index(label) for label in labels])
    factors = _factors(points, urgency, strength)
    stretched = _stretch(config, dict(zip(keys, factors.tolist(), strict=True)), version)
    return _with_thresholds(stretched, complaints, labels)


def kappa(found: Sequence[Level], labels: Sequence[Level]) -> float:
    """Quadratic weighted kappa (Cohen, 1968) of two raters: 1 is agreement, 0 is chance."""
    one, other = (np.array([LEVELS.index(level) for level in side], dtype=np.int64) for side in (found, labels))
    return _agreement(one, other)


def recall(found: Sequence[Level], labels: Sequence[Level], level: Level = "P1") -> float:
    """Share of the complaints labelled `level` that are found as such; 1 where there is none."""
    hits = [one == level for one, label in zip(found, labels, strict=True) if label == level]
    return sum(hits) / len(hits) if hits else 1.0


def _check(labels: Sequence[Level]) -> None:
    counts = {level: labels.count(level) for level in LEVELS}
    if len(labels) < LEAST_LABELS or min(counts.values()) < LEAST_A_LEVEL:
        told = ", ".join(f"{level} {n}" for level, n in counts.items())
        raise TooFewLabels(
            f"{len(labels)} labels ({told}); expected {LEAST_LABELS} or more and {LEAST_A_LEVEL} of each level: label more"
        )


def _factors(points: NDArray[np.float64], urgency: NDArray[np.int64], strength: float) -> NDArray[np.float64]:
    """(k,) factors of the weights, each at least 0."""
    from scipy.optimize import minimize

    size = points.shape[1]

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        factors, cuts, slope = values[:size], np.cumsum(values[size : size + 3]), values[-1]
        score = points @ factors
        # P(urgency >= j) = sigmoid(slope * (score - cut_j)); the bounds keep cuts apart, so no level has less than 0.
        above = np.column_stack([np.ones(len(score)), _sigmoid(slope * (score[:, None] - cuts)), np.zeros(len(score))])
        rows = np.arange(len(score))
        chance = np.maximum(above[rows, urgency] - above[rows, urgency + 1], 1e-12)
        steep = above * (1 - above)
        drift = steep[rows, urgency] - steep[rows, urgency + 1]
        away = factors - 1
        value = -np.log(chance).sum() + strength / 2 * (away**2).sum()
        by_score = -slope * drift / chance
        by_cut = np.zeros(3)
        for level in (1, 2, 3):
            is_low, is_high = urgency == level, urgency == level - 1
            by_cut[level - 1] = (slope * steep[is_low, level] / chance[is_low]).sum()
            by_cut[level - 1] -= (slope * steep[is_high, level] / chance[is_high]).sum()
        margin = np.column_stack([np.zeros(len(score)), score[:, None] - cuts, np.zeros(len(score))]) * steep
        by_slope = -((margin[rows, urgency] - margin[rows, urgency + 1]) / chance).sum()
        by_step = np.cumsum(by_cut[::-1])[::-1]
        return float(value), np.concatenate([points.T @ by_score + strength * away, by_step, [by_slope]])

    start = np.concatenate([np.ones(size), [2.5, 3.0, 3.0], [1.0]])
    bounds = [(0.0, None)] * size + [(_GAP, None)] * 3 + [(0.05, 5.0)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000})
    return np.asarray(found.x[:size], dtype=np.float64)


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), dtype=np.float64)


def _stretch(config: Mapping[str, Any], factors: Mapping[tuple[str, ...], float], version: str) -> dict[str, Any]:
    new = deepcopy(dict(config))
    new["version"] = version
    for key, factor in factors.items():
        *path, last = key
        place = new
        for name in path:
            place = place[name]
        value = place[last]
        if isinstance(value, dict):
            for name in ("weight", "most"):
                if value.get(name) is not None:
                    value[name] = _rounded(value[name] * factor)
            for band in value.get("bands", ()):
                band["weight"] = _rounded(band["weight"] * factor)
        else:
            place[last] = _rounded(value * factor)
    return new


def _rounded(weight: float) -> float:
    return round(min(weight, 100.0), _DECIMALS)


def _with_thresholds(config: dict[str, Any], complaints: Sequence[Complaint], labels: Sequence[Level]) -> Fitted:
    """The highest P1 that misses few enough, the pair of P2 and P3 that agrees best, and P1 lowered by _LEAN."""
    model = PriorityModel.from_dict(config)
    scored = [model.score(complaint) for complaint in complaints]
    scores = np.array([one.score for one in scored])
    # The least urgent place that floors leave; the place itself comes from the thresholds.
    floors = np.array([_floor(one.reasons) for one in scored])
    wanted = np.array([LEVELS.index(label) for label in labels])
    cuts = _cuts(scores)
    if not cuts:
        raise TooFewLabels("the labels fit no weight: all labelled complaints would get one score; look at the labels")
    top = _top(cuts, scores, floors, wanted)
    # Where nothing lies below P1, its parts.
    best, second, third = -1.0, round(top * 2 / 3, _DECIMALS), round(top / 3, _DECIMALS)
    for high, low in ((high, low) for low in cuts for high in cuts if low < high < top):
        agreed = _agreement(_places(scores, floors, (top, high, low)), wanted)
        if agreed > best:
            best, second, third = agreed, high, low
    for cut in reversed([cut for cut in cuts if second < cut <= top]):
        if _agreement(_places(scores, floors, (cut, second, third)), wanted) >= best - _LEAN:
            top = cut
    config["thresholds"] = {"P1": top, "P2": second, "P3": third}
    found = [LEVELS[place] for place in _places(scores, floors, (top, second, third)).tolist()]
    return Fitted(config, kappa(found, labels), recall(found, labels))


def _top(cuts: Sequence[float], scores: NDArray[np.float64], floors: Places, wanted: Places) -> float:
    """The highest threshold of P1 that misses few enough of them; one may be missed however few there are."""
    urgent = wanted == 0
    missable = max(1, int(urgent.sum() * (1 - P1_RECALL)))
    for cut in reversed(cuts):
        if (_places(scores, floors, (cut, cut, cut))[urgent] > 0).sum() <= missable:
            return cut
    return cuts[0]


def _cuts(scores: NDArray[np.float64], most: int = 60) -> list[float]:
    """Thresholds to try: between scores that occur, at most about so many."""
    seen = sorted({round(float(score), _DECIMALS) for score in scores})
    between = [round((low + high) / 2, _DECIMALS) for low, high in pairwise(seen)]
    distinct = sorted({cut for cut in between if cut >= 3 * 10**-_DECIMALS})
    return distinct[:: max(1, len(distinct) // most)]


def _floor(reasons: Sequence[str]) -> int:
    found = [place for place, level in enumerate(LEVELS) for line in reasons if line.startswith(f"floor {level}")]
    return min(found, default=3)


def _places(scores: NDArray[np.float64], floors: Places, cuts: tuple[float, float, float]) -> Places:
    """(n,) 0 for P1 to 3 for P4."""
    reached = (scores[:, None] >= np.array(cuts)).sum(axis=1)
    places: Places = np.minimum(3 - reached, floors)
    return places


def _agreement(found: Places, wanted: Places) -> float:
    seen = np.bincount(4 * found + wanted, minlength=16).reshape(4, 4)
    chance = np.outer(seen.sum(1), seen.sum(0)) / max(len(found), 1)
    expected = float((_DISTANCE * chance).sum())
    return 1.0 - float((_DISTANCE * seen).sum()) / expected if expected else 1.0
