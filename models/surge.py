"""Surge detection: a Shiryaev-Roberts mixture over counts that are overdispersed and seasonal.

Each segment's count in a bucket is negative binomial about level x season. Under a surge its mean is
k times that, for one of several k. The statistic averages the Shiryaev-Roberts sums over k (Pollak
1985; Tartakovsky et al. 2014, section 8.2), whose mean time to a false alarm is at least the threshold,
so that the threshold follows from how many false incidents are tolerated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurgeParams:
    """How surges are looked for; the defaults are DESIGN's measured ones where it has them.

    Args:
        threshold: buckets to a false alarm of one segment; see `threshold_for`.
        ratios: the surges looked for, as multiples of the expected count.
        half_life: buckets after which an observation weighs half in the level.
        warmup: buckets before anything is called a surge.
        quiet: buckets a surge must be over before it is closed.
        least_expected: floor under the expected count, so that a rare segment needs several complaints.
        least_excess: complaints above the expected ones before anything is called a surge.
    """

    threshold: float
    ratios: tuple[float, ...] = (1.5, 2.0, 3.0, 5.0)
    half_life: float = 864.0
    warmup: int = 288
    quiet: int = 6
    least_expected: float = 0.02
    least_excess: float = 5.0


@dataclass(slots=True)
class Episode:
    """A surge of one segment; positions are bucket indices, `end` is exclusive and None while it lasts."""

    segment: int
    start: int
    detected: int
    end: int | None = None
    observed: int = 0
    expected: float = 0.0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """Episodes in order of detection, the expected counts (T, S) and their standard deviations (T, S)."""

    episodes: list[Episode]
    expected: NDArray[np.float32]
    deviation: NDArray[np.float32]


def threshold_for(segments: int, buckets_per_week: float, false_per_week: float) -> float:
    """Buckets to a false alarm that one segment may have, so that all together make `false_per_week`."""
    return max(10.0, segments * buckets_per_week / false_per_week)


def detect(counts: NDArray[np.int64], hours: NDArray[np.int64], params: SurgeParams) -> Found:
    """Run the detector over history, causally: a bucket is judged by those before it alone.

    Args:
        counts: (T, S) int64, complaints per bucket and segment, zeros included, oldest first.
        hours: (T,) int64, hour of the week of each bucket, 0 to 167.
        params: see SurgeParams.

    Returns:
        Found; no episode where there is no data.
    """
    buckets, segments = counts.shape
    season, state = _Season(), _State.new(segments, len(params.ratios))
    expected = np.zeros((buckets, segments), dtype=np.float32)
    deviation = np.zeros((buckets, segments), dtype=np.float32)
    totals = counts.sum(axis=1)
    for t in range(buckets):
        factor = season.factor(int(hours[t]))
        mean = np.maximum(state.level() * factor, params.least_expected)
        size = 1.0 / state.inverse_size()
        expected[t], deviation[t] = mean, np.sqrt(mean + mean * mean / size)
        if t >= params.warmup:
            score = state.accumulate(t, counts[t], mean, size, params)
            state.follow(t, counts[t], mean, score)
            state.open_new(t, score, counts, expected, params)
            state.close_quiet(t, counts, expected, deviation, params)
        state.learn(counts[t], mean, deviation[t], factor, params)
        season.learn(int(hours[t]), float(totals[t]))
    return Found(state.episodes, expected, deviation)


class _Season:
    """The hour-of-week shape of all complaints together, each hour drawn towards its hour of the day."""

    #: What draws an hour towards its hour of the day, and that towards the mean, is worth this many complaints.
    _PRIOR = 6.0

    def __init__(self) -> None:
        self._sum, self._seen = np.zeros(168), np.zeros(168)

    def factor(self, hour: int) -> float:
        """Expected total of this hour over the mean one; 1 until every hour of the day has been seen.

        Before, "the mean one" would be that of the hours seen so far, and the level would follow it.
        """
        if not (self._seen.reshape(7, 24).sum(axis=0) > 0).all() or self._sum.sum() <= 0:
            return 1.0
        mean = self._sum.sum() / self._seen.sum()
        same, buckets = slice(hour % 24, None, 24), self._PRIOR / mean
        daily = (self._sum[same].sum() + buckets * mean) / (self._seen[same].sum() + buckets)
        weekly = (self._sum[hour] + 4 * buckets * daily) / (self._seen[hour] + 4 * buckets)
        return float(max(weekly / mean, 0.05))

    def learn(self, hour: int, total: float) -> None:
        seen = self._seen.sum()
        mean = self._sum.sum() / seen if seen > 24 else total
        # A surge must not become part of the season.
        self._sum[hour] += min(total, 4.0 * mean * max(self.factor(hour), 0.25) + 4.0)
        self._seen[hour] += 1


@dataclass(slots=True)
class _State:
    """Per segment: level as a discounted ratio, overdispersion, SR sums, and the open episode.

    Beside each SR sum runs a CUSUM: the bucket after its last zero is the maximum-likelihood onset.
    """

    count: Floats
    exposure: Floats
    spread: Floats
    spread_seen: Floats
    log_sums: Floats
    cusums: Floats
    onsets: NDArray[np.int64]
    open: dict[int, Episode] = field(default_factory=dict)
    episodes: list[Episode] = field(default_factory=list)

    @classmethod
    def new(cls, segments: int, ratios: int) -> _State:
        count, exposure, spread, spread_seen = np.zeros((4, segments))
        sums = np.full((ratios, segments), -np.inf)
        onsets = np.zeros((ratios, segments), dtype=np.int64)
        return cls(count, exposure, spread, spread_seen, sums, np.zeros((ratios, segments)), onsets)

    def level(self) -> Floats:
        # A weak prior of .05 complaints a bucket, worth ten buckets.
        return (self.count + 0.5) / (self.exposure + 10.0)

    def inverse_size(self) -> Floats:
        # Drawn towards .1 with the weight of 100 buckets; bounded, so that one burst does not blind it.
        return np.clip((self.spread + 10.0) / (self.spread_seen + 100.0), 0.01, 1.0)

    def accumulate(self, t: int, seen: NDArray[np.int64], mean: Floats, size: Floats, params: SurgeParams) -> Floats:
        """Add a bucket's evidence; the logarithm of the mixture (S,)."""
        for row, ratio in enumerate(params.ratios):
            shrink = np.log((size + mean) / (size + ratio * mean))
            gain = seen * (np.log(ratio) + shrink) + size * shrink
            self.log_sums[row] = np.logaddexp(0.0, self.log_sums[row]) + gain
            self.onsets[row] = np.where(self.cusums[row] <= 0, t, self.onsets[row])
            self.cusums[row] = np.maximum(0.0, self.cusums[row] + gain)
        mixture: Floats = np.logaddexp.reduce(self.log_sums, axis=0) - np.log(len(params.ratios))
        return mixture

    def follow(self, t: int, seen: NDArray[np.int64], mean: Floats, score: Floats) -> None:
        """Add a bucket to the open episodes."""
        for segment, episode in self.open.items():
            episode.observed += int(seen[segment])
            episode.expected += float(mean[segment])
            episode.score = max(episode.score, float(score[segment]))

    def open_new(
        self,
        t: int,
        score: Floats,
        counts: NDArray[np.int64],
        expected: NDArray[np.float32],
        params: SurgeParams,
    ) -> None:
        """Open an episode where the evidence and the excess are enough."""
        for segment in np.flatnonzero(score >= np.log(params.threshold)).tolist():
            if segment in self.open:
                continue
            start = int(self.onsets[int(self.log_sums[:, segment].argmax()), segment])
            observed = int(counts[start : t + 1, segment].sum())
            mean = float(expected[start : t + 1, segment].sum())
            if observed - mean >= params.least_excess:
                episode = Episode(segment, start, t, None, observed, mean, float(score[segment]))
                self.open[segment] = episode
                self.episodes.append(episode)

    def close_quiet(
        self,
        t: int,
        counts: NDArray[np.int64],
        expected: NDArray[np.float32],
        deviation: NDArray[np.float32],
        params: SurgeParams,
    ) -> None:
        first = t + 1 - params.quiet
        for segment, episode in list(self.open.items()):
            if first <= episode.detected:
                continue
            window = slice(first, t + 1)
            most = expected[window, segment].sum() + 2.0 * np.sqrt((deviation[window, segment] ** 2).sum())
            if counts[window, segment].sum() <= max(most, 1.0):
                episode.end = first
                episode.observed -= int(counts[window, segment].sum())
                episode.expected -= float(expected[window, segment].sum())
                del self.open[segment]
                self.log_sums[:, segment] = -np.inf
                self.cusums[:, segment] = 0.0

    def learn(
        self, seen: NDArray[np.int64], mean: Floats, deviation: NDArray[np.float32], factor: float, params: SurgeParams
    ) -> None:
        closed = np.ones(len(seen), dtype=bool)
        closed[list(self.open)] = False
        # A count far above the expected one teaches only up to three deviations and a complaint, so that a
        # surge does not become the baseline; a tighter bound was seen to hold the level too low for days.
        taught = np.minimum(seen, np.ceil(mean + 3.0 * deviation) + 1.0)
        keep = 0.5 ** (1.0 / params.half_life)
        self.count = np.where(closed, keep * self.count + taught, self.count)
        self.exposure = np.where(closed, keep * self.exposure + factor, self.exposure)
        excess = ((taught - mean) ** 2 - mean) / np.maximum(mean * mean, 1e-3)
        # Weighted by how much a bucket can say about overdispersion: little where hardly anything is expected.
        weight = np.where(closed, np.minimum(mean, 1.0), 0.0)
        self.spread = keep * self.spread + weight * excess
        self.spread_seen = keep * self.spread_seen + weight
