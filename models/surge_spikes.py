"""Spikes in counts that are bursty and heavy-tailed: a calibrated tail, one score a bucket and segment.

A count's square root (Anscombe 1948) is held against its exponentially weighted mean and deviation. How rare
the result is follows from the segment's own past: beyond a streaming quantile the tail is a power law whose
index is Hill's mean of log excesses (Hill 1975), so that a segment that always bursts needs a greater burst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpikeParams:
    """How spikes are looked for; the defaults were chosen on simulated series and two public ones (docs/surge.md).

    Args:
        short: buckets over which the present is averaged, as half-life.
        long: buckets over which the past is averaged, as half-life.
        tail: share of buckets that make up the tail.
        memory: buckets after which a spike's own score no longer hides a next one, as half-life.
        warmup: buckets before anything scores.
    """

    short: float = 1.0
    long: float = 288.0
    tail: float = 0.02
    memory: float = 288.0
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
        self.state[3], self.state[4] = 2.0, 0.3  # a tail that begins at two deviations, with Hill's index .3

    def step(self, counts: NDArray[np.generic]) -> Floats:
        """Score a bucket.

        Args:
            counts: (S,) counts of all segments, zeros included.

        Returns:
            (S,) float64: -log10 of the chance of such a bucket; 0 in the warm-up, for what is not in the tail,
            and for what is no rarer than what was told lately.
        """
        p = self.params
        now, mean, variance, start, index, held = self.state
        root = 2.0 * np.sqrt(np.maximum(counts.astype(np.float64), 0.0) + 0.375)
        self.seen += 1
        if self.seen == 1:
            now[:], mean[:], variance[:] = root, root, 1.0
        now += _rate(p.short) * (root - now)
        z = (now - mean) / np.sqrt(np.maximum(variance, 0.25))
        scale = np.maximum(start, 0.5)
        over = np.maximum(z, scale) / scale
        chance = np.where(z > scale, -np.log10(p.tail) + np.log10(over) / np.maximum(index, 0.05), 0.0)
        # Early on, a rate that falls as 1/n makes the averages plain means.
        rate = max(_rate(p.long), 1.0 / (self.seen + 1.0))
        # Bounded, so that a spike does not become the past.
        off = np.clip(root - mean, -4.0 * np.sqrt(variance), 4.0 * np.sqrt(variance))
        mean += rate * off
        variance += rate * (off * off - variance)
        pace = max(0.002, 1.0 / (self.seen + 10.0))
        start += pace * np.where(z > start, 1.0 - p.tail, -p.tail) * 5.0
        np.maximum(start, 0.5, out=start)
        index += np.where(z > scale, max(0.02, pace) * (np.log(over) - index), 0.0)
        told = np.where((chance > held) & (self.seen > p.warmup), chance, 0.0)
        if self.seen > p.warmup:
            held *= 0.5 ** (1.0 / p.memory)
            np.maximum(held, chance, out=held)
        return told

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


def _rate(half_life: float) -> float:
    return 1.0 - float(0.5 ** (1.0 / half_life))
