import numpy as np
import pytest

from models.surge import SurgeParams, detect, threshold_for

WEEK = 2016  # buckets of five minutes
HOURS = (np.arange(WEEK) // 12) % 168


def flat(segments=20, mean=0.3, seed=1):
    return np.random.default_rng(seed).poisson(mean, (WEEK, segments))


def params(segments=20, **more):
    return SurgeParams(threshold=threshold_for(segments, WEEK, 1), **more)


def test_a_quiet_week_raises_nothing():
    assert detect(flat(), HOURS, params()).episodes == []


def test_a_surge_is_found_soon_and_dated_at_its_beginning():
    counts = flat()
    counts[1900:1912, 7] += 4
    episode = detect(counts, HOURS, params()).episodes[0]
    assert episode.segment == 7
    assert 1898 <= episode.start <= 1900
    assert 1900 <= episode.detected <= 1903


def test_a_surge_that_is_over_is_closed_and_another_opens():
    counts = flat()
    counts[1500:1512, 3] += 5
    counts[1800:1812, 3] += 5
    first, second = detect(counts, HOURS, params()).episodes
    assert 1512 <= first.end <= 1520
    assert second.start >= 1798
    assert first.observed >= 60 > first.expected


def test_a_surge_does_not_teach_the_baseline():
    counts = flat()
    before = detect(counts, HOURS, params()).expected[-1, 5]
    counts[1700:1800, 5] += 10
    after = detect(counts, HOURS, params()).expected[-1, 5]
    assert after == pytest.approx(before, rel=0.6)


def test_the_future_does_not_change_the_past():
    counts = flat()
    counts[1900:1910, 2] += 6
    whole = detect(counts, HOURS, params())
    part = detect(counts[:1905], HOURS[:1905], params())
    np.testing.assert_array_equal(whole.expected[:1905], part.expected)
    assert whole.episodes[0].detected == part.episodes[0].detected


def test_nothing_is_called_a_surge_before_the_warm_up():
    counts = flat()
    counts[100:110, 0] += 20
    assert all(e.detected >= 288 for e in detect(counts, HOURS, params()).episodes)


def test_a_few_complaints_in_a_rare_segment_are_no_surge():
    counts = np.zeros((WEEK, 5), dtype=np.int64)
    counts[1500, 0] = 2
    counts[1505, 0] = 1
    assert detect(counts, HOURS, params(5)).episodes == []


def test_a_daily_rhythm_is_no_surge():
    rng = np.random.default_rng(4)
    season = 1 + 0.8 * np.sin(2 * np.pi * ((HOURS % 24) - 8) / 24)
    counts = rng.poisson(np.outer(season, np.full(10, 1.0)))
    assert len(detect(counts, HOURS, params(10)).episodes) <= 1


def test_the_threshold_grows_with_the_number_of_segments():
    assert threshold_for(1000, WEEK, 1) == 1000 * threshold_for(1, WEEK, 1)
