"""Spikes in counts that are bursty and heavy-tailed: a calibrated tail, one score a bucket and segment.

A count's square root (Anscombe 1948) is held against its exponentially weighted mean and deviation. How rare the result
is follows from the segment's own past: beyond a streaming quantile the tail falls exponentially with the mean excess that
the segment has had there (peaks over a threshold, Pickands 1975), so that one that often bursts needs a greater burst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Of a square root: Anscombe's has 1 under a Poisson law.
_LEAST_VARIANCE = 0.25
#: Deviations beyond which nothing is learned.
_BOUND = 3.0
#: How fast the streaming quantile moves, and the mean excess beyond it.
_PACE, _EXCESS_RATE, _LEAST_START = 0.002, 0.03, 0.5


@dataclass(frozen=True, slots=True)
class SpikeParams:
    """How spikes are looked for; the defaults were chosen on simulated series and two public ones (docs/surge.md).

    Args:
        long: buckets over which the past is averaged, as half-life.
        tail: share of buckets that make up the tail.
        refractory: buckets for which a spike hides those that are no rarer.
        warmup: buckets before anything scores.
    """

    long: float = 1152.0
    tail: float = 0.02
    refractory: int = 288
    warmup: int = 288


class Spikes:
    """The state of all segments, six numbers each; `step` takes a bucket's counts in order of time.

    Args:
        segments: how many.
        params: see SpikeParams.
    """

    def __init__(self, segments: int, params: SpikeParams | None = None) -> None:
        self.params = params or SpikeParams()
        self.seen = 0
        self.state = np.zeros((6, segments))
        self.state[2], self.state[3] = 2.0, 1.0  # a tail that begins at two deviations, with a mean excess of one

    def step(self, counts: NDArray[np.generic]) -> Floats:
        """Score a bucket.

        Args:
            counts: (S,) counts of all segments, zeros included.

        Returns:
            (S,) float64: -log10 of the chance of such a bucket; 0 in the warm-up, for what is not in the tail,
            and for what is no rarer than what was told lately.
        """
        p = self.params
        mean, variance, start, excess, held, age = self.state
        root = 2.0 * np.sqrt(np.maximum(counts.astype(np.float64), 0.0) + 0.375)
        self.seen += 1
        if self.seen == 1:
            mean[:], variance[:] = root, 1.0
        deviation = np.sqrt(np.maximum(variance, _LEAST_VARIANCE))
        z = (root - mean) / deviation
        over = z > start
        chance = np.where(over, -np.log10(p.tail) + (z - start) / (excess * np.log(10.0)), 0.0)
        # Bounded, so that a spike does not become the past; early on the averages are plain means.
        rate = max(1.0 - 0.5 ** (1.0 / p.long), 1.0 / (self.seen + 1.0))
        off = np.clip(root - mean, -_BOUND * deviation, _BOUND * deviation)
        mean += rate * off
        variance += rate * (off * off - variance)
        pace = max(_PACE, 1.0 / (self.seen + 10.0))
        excess += np.where(over, max(_EXCESS_RATE, pace) * (np.minimum(z - start, 5.0 * excess) - excess), 0.0)
        start += 5.0 * pace * np.where(over, 1.0 - p.tail, -p.tail)
        np.maximum(start, _LEAST_START, out=start)
        if self.seen <= p.warmup:
            return np.zeros_like(z)
        age += 1
        held[age > p.refractory] = 0.0
        told = chance > held
        held[told], age[told] = chance[told], 0.0
        return np.where(told, chance, 0.0)

    def save(self) -> dict[str, NDArray[np.float64] | int]:
        """What `restore` needs to go on exactly here."""
        return {"seen": self.seen, "state": self.state.copy()}

    @classmethod
    def restore(cls, saved: dict[str, NDArray[np.float64] | int], params: SpikeParams | None = None) -> Spikes:
        """A detector that goes on where `save` was called."""
        state = np.array(saved["state"], dtype=np.float64)
        made = cls(state.shape[1], params)
        made.seen, made.state = int(np.asarray(saved["seen"])), state
        return made


def scores(counts: NDArray[np.generic], params: SpikeParams | None = None) -> Floats:
    """Scores (T, S) of counts (T, S), oldest first; each by what came before it alone."""
    detector = Spikes(counts.shape[1], params)
    return np.array([detector.step(row) for row in counts]).reshape(counts.shape)
