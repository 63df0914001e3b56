from datetime import UTC, datetime, timedelta

import numpy as np

from engine.settings import SurgeSettings
from engine.surge.chains import joined
from engine.surge.judge import Grid, recent
from models.surge import Episode, Found


def test_what_is_back_within_the_gap_goes_on():
    first, second = Episode(0, 10, 12, 20, 30, 5.0, 8.0), Episode(0, 24, 25, None, 40, 6.0, 9.0)
    (one,) = joined([first, second], 4)
    assert (one.start, one.detected, one.end, one.observed, one.expected) == (10, 12, None, 70, 11.0)
    assert (one.score, one.returns) == (9.0, 1)


def test_what_is_back_later_or_elsewhere_is_another():
    first, later, other = Episode(0, 10, 12, 20), Episode(0, 25, 26, 30), Episode(1, 21, 22, 30)
    found = joined([later, first, other], 4)
    assert [(e.segment, e.start, e.returns) for e in found] == [(0, 10, 0), (1, 21, 0), (0, 25, 0)]


def test_a_surge_of_days_is_still_looked_at_when_it_ends():
    start = datetime(2026, 3, 2, tzinfo=UTC)
    counts = Grid(["region=Lagos"], start, 3600, np.ones((96, 1), np.int64))
    ended, old = Episode(0, 4, 5, 94), Episode(0, 4, 5, 20)
    found = Found([ended, old], np.ones((96, 1), np.float32), np.ones((96, 1), np.float32))
    assert recent(found, counts, start + timedelta(hours=96), SurgeSettings()) == [ended]


def test_the_order_given_does_not_matter():
    episodes = [Episode(0, start, start + 1, start + 3, 1, 0.5, 1.0) for start in (10, 15, 20, 60)]
    assert joined(episodes, 4) == joined(reversed(episodes), 4)
    assert [e.returns for e in joined(episodes, 4)] == [2, 0]
