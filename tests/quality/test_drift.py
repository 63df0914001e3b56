import math
from collections import Counter

import pytest

from engine.quality.drift import distance, drift, most_moved
from engine.quality.hours import Hour, Past
from engine.quality.rules import Drift


def test_the_distance_of_mixes_by_hand():
    assert distance({"a": 5, "b": 5}, {"a": 50, "b": 50})[0] == 0.0
    assert distance({"a": 1}, {"b": 1})[0] == pytest.approx(1.0)
    # p = (1, 0), q = (1/2, 1/2): H((3/4, 1/4)) - (0 + 1) / 2 = .8113 - .5 bits.
    assert distance({"a": 100}, {"a": 50, "b": 50})[0] == pytest.approx(math.sqrt(0.31128), abs=1e-4)


def test_chance_shrinks_with_the_number_of_complaints():
    # Two values: one degree of freedom, (1 + 4 * sqrt(2)) * (1/n + 1/m) / (8 ln 2).
    few, many = (distance({"a": n // 2, "b": n // 2}, {"a": n // 2, "b": n // 2})[1] for n in (100, 10_000))
    assert few == pytest.approx(math.sqrt((1 + 4 * math.sqrt(2)) * 0.02 / (8 * math.log(2))))
    assert many == pytest.approx(few / 10)


def test_rare_values_are_one():
    rare = {f"r{n}": 1 for n in range(50)}
    other = {f"s{n}": 1 for n in range(50)}
    assert distance({"a": 9_950} | rare, {"a": 9_950} | other)[0] == 0.0


def test_the_value_that_moved_most_is_named():
    assert most_moved({"a": 40, "b": 60}, {"a": 60, "b": 30, "c": 10}) == ("b", 0.3, 0.6)


def test_what_chance_may_bring_is_no_drift():
    # 200 complaints over ten values: chance alone may bring (9 + 4 sqrt 18) (1/200) / (8 ln 2), whose root is .153.
    values = [f"v{n}" for n in range(10)]
    before = dict.fromkeys(values, 10_000)
    now = {v: 27 if n % 2 else 13 for n, v in enumerate(values)}
    hours = [Hour("sms", 24 * d, rows=10_000, live=10_000, language=Counter(before)) for d in range(100, 110)]
    hours.append(Hour("sms", 24 * 111, rows=200, live=200, language=Counter(now)))
    rule = Drift(check="drift", column="language", most=0.1)
    found = drift("d", rule, Past(hours), "sms", 24 * 111)
    assert 0.1 < found.observed < 0.153
    assert found.state == "between"
    hours[-1] = Hour("sms", 24 * 111, rows=2000, live=2000, language=Counter({v: 10 * c for v, c in now.items()}))
    assert drift("d", rule, Past(hours), "sms", 24 * 111).state == "bad"
