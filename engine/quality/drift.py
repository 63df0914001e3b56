"""Drift: whether the mix of languages or categories is another than that of the weeks before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.quality.hours import Past
from engine.quality.rules import Drift
from engine.quality.verdict import State, Verdict, unknown

#: The reference: this many days before the window, of which so many must have brought something.
_REFERENCE_DAYS, _LEAST_DAYS = 28, 7

#: Values under this share in both mixes are one, so that a tail of rare ones is not counted as drift.
_RARE = 0.01

_MARGIN = 0.2


def drift(name: str, rule: Drift, past: Past, channel: str, now_h: int) -> Verdict:
    """The Jensen-Shannon distance between the last `window_h` hours and the four weeks before them."""
    first = now_h + 1 - rule.window_h
    now = getattr(past.window(channel, first, now_h + 1), rule.column)
    seen = sum(now.values())
    if seen < rule.least_rows:
        return unknown(name, channel, f"{seen} live complaints in {rule.window_h} h, fewer than {rule.least_rows}")
    days = [day for day in past.days(channel, first, _REFERENCE_DAYS) if day.live]
    if len(days) < _LEAST_DAYS:
        return unknown(name, channel, f"fewer than {_LEAST_DAYS} days of its past")
    before: Counter[str] = sum((getattr(day, rule.column) for day in days), Counter())
    if not before:
        return unknown(name, channel, f"no {rule.column} in its past")
    found, chance = distance(now, before)
    bad = found > rule.most and found > chance
    state: State = "bad" if bad else "well" if found <= (1 - _MARGIN) * rule.most else "between"
    value, was, is_ = most_moved(now, before)
    why = f"distance {found:.3f}, at most {rule.most:g}; {rule.column} {value} went from {was:.0%} to {is_:.0%}"
    return Verdict(name, channel, state, found, rule.most, why)


def distance(one: Mapping[str, int], other: Mapping[str, int]) -> tuple[float, float]:
    """The Jensen-Shannon distance of two mixes, and what chance alone may bring it to.

    The square root of the divergence in bits (Endres and Schindelin 2003), 0 to 1. Of two samples of one mix,
    8 ln 2 times the divergence over (1/n + 1/m) is about chi-square with k - 1 degrees of freedom: four of its
    standard deviations over its mean is what chance may bring.

    Args:
        one: counts by value, not empty.
        other: likewise.
    """
    n, m = sum(one.values()), sum(other.values())
    common = [v for v in {*one, *other} if max(one.get(v, 0) / n, other.get(v, 0) / m) >= _RARE]
    p = np.array([one.get(v, 0) / n for v in common] + [0.0])
    q = np.array([other.get(v, 0) / m for v in common] + [0.0])
    p[-1], q[-1] = max(0.0, 1 - p.sum()), max(0.0, 1 - q.sum())
    middle = (p + q) / 2
    divergence = (_entropy_to(p, middle) + _entropy_to(q, middle)) / 2
    free = max(len(common) - 1, 1)
    chance = (free + 4 * math.sqrt(2 * free)) * (1 / n + 1 / m) / (8 * math.log(2))
    return math.sqrt(max(divergence, 0.0)), math.sqrt(chance)


def _entropy_to(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))


def most_moved(now: Mapping[str, int], before: Mapping[str, int]) -> tuple[str, float, float]:
    """The value whose share changed most, its share before and now."""
    n, m = sum(now.values()), sum(before.values())
    shares = {v: (before.get(v, 0) / m, now.get(v, 0) / n) for v in {*now, *before}}
    value = max(sorted(shares), key=lambda v: abs(shares[v][0] - shares[v][1]))
    return value, *shares[value]
