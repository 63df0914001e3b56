"""Which clusters are called emerging."""

from __future__ import annotations

import numpy as np

from engine.cluster.emerging import growth


def judged(recent, past):
    return [(one.recent, one.growth, one.emerging) for one in growth(np.array(recent), np.array(past))]


def test_a_cluster_that_grows_as_everything_does_is_not_emerging():
    # Twice as many of everything, noise last.
    assert judged([20, 40, 40], [10, 20, 20]) == [(20, 1.0, False), (40, 1.0, False)]


def test_a_cluster_that_is_new_is_emerging_and_half_a_complaint_is_taken_for_its_past():
    # A share of 20 in 120 against .5 in 400.
    assert judged([20, 100, 0], [0, 400, 0])[0] == (20, 133.333, True)


def test_a_few_complaints_are_chance():
    assert judged([4, 100, 0], [0, 400, 0])[0][2] is False
    assert judged([6, 100, 0], [12, 400, 0])[0][2] is False


def test_without_a_past_nothing_emerges():
    assert judged([20, 5], [0, 0]) == [(20, 1.0, False)]
