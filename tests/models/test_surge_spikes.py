from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.surge_spikes import Spikes, scores


def _noise(seed: int, segments: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).poisson(20, (1200, segments))


@given(st.integers(0, 500))
@settings(max_examples=10, deadline=None)
def test_a_constant_series_never_scores(level: int) -> None:
    assert not scores(np.full((700, 3), level)).any()


def test_a_spike_scores_highest_and_at_its_own_bucket() -> None:
    counts = _noise(1)
    counts[800, 0] = 300
    scored = scores(counts)
    assert scored[:, 0].argmax() == 800
    assert scored[800, 0] > 2 * scored[:, 1].max()


def test_nothing_scores_in_the_warm_up() -> None:
    counts = _noise(2)
    counts[100] = 500
    assert not scores(counts)[:288].any()


def test_a_spike_that_is_no_rarer_than_the_last_one_is_not_told_again() -> None:
    counts = _noise(3)
    counts[800:803, 0] = (400, 100, 50)
    assert not scores(counts)[801:810, 0].any()


def test_after_the_refractory_period_the_same_spike_is_told_again() -> None:
    counts = _noise(6)
    counts[[500, 700, 900], 0] = 400
    assert [bool(scores(counts)[at, 0]) for at in (500, 700, 900)] == [True, False, True]


def test_what_is_saved_goes_on_exactly() -> None:
    counts, first = _noise(4), Spikes(2)
    whole = scores(counts)
    for row in counts[:700]:
        first.step(row)
    second = Spikes.restore(first.save())
    assert np.array_equal([second.step(row) for row in counts[700:]], whole[700:])


def test_another_segment_changes_nothing() -> None:
    counts = _noise(5)
    wider = np.column_stack([counts, np.full(len(counts), 7)])
    assert np.array_equal(scores(wider)[:, :2], scores(counts))
