"""Which clusters grow faster than everything else does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Chance of a false alarm in a run, over all clusters together.
_FALSE_ALARM = 0.01

#: So many complaints in the recent window at least, and so many times the share of before.
_LEAST_RECENT, _LEAST_GROWTH = 5, 2.0


@dataclass(frozen=True, slots=True)
class Growth:
    """recent: complaints of the recent window; growth: their share of all, against the share before (at least half a
    complaint is taken for it); emerging: more than chance explains.
    """

    recent: int
    growth: float
    emerging: bool


def growth(recent: NDArray[np.int64], past: NDArray[np.int64]) -> list[Growth]:
    """Judge each cluster by its complaints in the recent window and in the time before it.

    All complaints grow or shrink together without any cluster being new, so shares are compared: of a cluster's
    complaints a binomial number is recent, by the share of all complaints that are. Without a past nothing emerges.

    Args:
        recent: (c + 1,) complaints of each cluster, noise last.
        past: the same of the time before.
    """
    from scipy.stats import binom

    now, then = int(recent.sum()), int(past.sum())
    found = []
    for r, p in zip(recent[:-1].tolist(), past[:-1].tolist(), strict=True):
        if not now or not then:
            found.append(Growth(r, 1.0, emerging=False))
            continue
        times = (r / now) / (max(p, 0.5) / then)
        chance = float(binom.sf(r - 1, r + p, now / (now + then)))
        emerging = r >= _LEAST_RECENT and times >= _LEAST_GROWTH and chance < _FALSE_ALARM / (len(recent) - 1)
        found.append(Growth(r, round(times, 3), emerging))
    return found
