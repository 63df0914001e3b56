"""Rules of batches over simulated channels: no false alarm in eight weeks, and an alarm where there is a cause."""

import itertools
from collections import Counter

import numpy as np
import pytest

from engine.quality.hours import HOUR_S, Hour, Past
from engine.quality.judge import judge
from engine.quality.rules import Completeness, Flagged, Freshness, Rejected, Rules, Volume, load_rules
from engine.quality.windows import completeness, flagged, freshness, rejected, volume
from engine.settings import Settings
from tests.quality.simulated import LANGUAGES, MONDAY, hour_of

SHIPPED = load_rules(Settings()).batches
WEEK = 168


def bad(past, hour, awake=0.0, rules=SHIPPED):
    """Failing (rule, channel) at the end of an hour that is complete."""
    found = judge(rules, past, (hour + 1) * HOUR_S, awake, hour)
    return {(one.rule, one.scope) for one in found if one.state == "bad"}


def weeks(number, seed=1, channels=("sms", "social"), **more):
    """A past that goes on, hour by hour: yields (past, hour)."""
    rng, past = np.random.default_rng(seed), Past()
    for hour in range(MONDAY, MONDAY + number * WEEK):
        for base, channel in zip((80, 15), channels, strict=False):
            past.put(hour_of(channel, hour, rng, base, **more))
        yield past, hour


def test_eight_weeks_with_a_daily_rhythm_raise_nothing():
    judged, alarms = 0, Counter()
    hourly = {name: rule for name, rule in SHIPPED.items() if rule.check in ("freshness", "volume")}
    for past, hour in weeks(8):
        rules = SHIPPED if hour % 6 == 5 else hourly
        verdicts = list(judge(rules, past, (hour + 1) * HOUR_S, 0.0, hour))
        judged += sum(one.state != "unknown" for one in verdicts)
        alarms.update((one.rule, one.scope) for one in verdicts if one.state == "bad")
    assert alarms == {}
    assert judged > 6_000


@pytest.fixture(scope="module")
def past():
    """Six weeks, up to Monday 16 February 2026, 00:00."""
    *_, (whole, _) = weeks(6)
    return whole


NOW = MONDAY + 6 * WEEK


def grown(past, hours):
    """Another past with more hours."""
    return Past([*past.since(0), *hours])


def test_a_language_whose_share_doubles_is_drift(past):
    rng = np.random.default_rng(5)
    mix = {"eng": 0.40, "pcm": 0.20, "hau": 0.24, "yor": 0.10, "ibo": 0.06}
    assert mix["hau"] == 2 * LANGUAGES["hau"]
    now = grown(past, [hour_of("sms", NOW + h, rng, languages=mix) for h in range(24)])
    assert bad(now, NOW + 23) - {("silent", "social")} == {("language_drift", "sms")}
    (verdict,) = [v for v in judge(SHIPPED, now, (NOW + 24) * HOUR_S, 0, NOW + 23) if v.rule == "language_drift" and v.scope == "sms"]  # fmt: skip
    assert "language hau went from 12% to 2" in verdict.why


def test_a_channel_that_stops_by_day_is_silent_and_by_night_is_not_yet(past):
    rng = np.random.default_rng(6)
    # Until noon complaints come; from then on none, hour by hour.
    morning = [hour_of("sms", NOW + h, rng) for h in range(12)]
    silent = grown(past, morning)
    alarms = []
    for h in range(12, 16):
        silent.put(Hour("sms", NOW + h, watched=True))
        alarms.append(("silent", "sms") in bad(silent, NOW + h))
    assert alarms == [True] * 4
    # 23:00 to 03:00 would bring 8 an hour: after two hours the silence is none yet, after five it is.
    evening = grown(past, [hour_of("sms", NOW + h, rng) for h in range(23)])
    found = []
    for h in range(23, 29):
        evening.put(Hour("sms", NOW + h, watched=True))
        found.append(("silent", "sms") in bad(evening, NOW + h))
    assert found[:2] == [False, False]
    assert found[-1] is True


def test_silence_while_the_engine_was_away_is_not_the_channels(past):
    rng = np.random.default_rng(7)
    now = grown(past, [hour_of("sms", NOW + h, rng) for h in range(10)])
    at = (NOW + 14) * HOUR_S
    awake = at - 300
    assert {(v.rule, v.scope) for v in judge(SHIPPED, now, at, awake, NOW + 9) if v.state == "bad"} == set()
    assert ("silent", "sms") in {(v.rule, v.scope) for v in judge(SHIPPED, now, at, 0.0, NOW + 9) if v.state == "bad"}


def test_a_backfill_of_old_complaints_moves_neither_volume_nor_freshness_nor_drift(past):
    rng = np.random.default_rng(8)
    hours = [hour_of("sms", NOW + h, rng) for h in range(12)]
    for one in hours[-2:]:
        one.rows += 50_000  # not live: they happened long ago
        one.given.update(customer_id=45_000, time_given=50_000, region=50_000)
    assert bad(grown(past, hours), NOW + 11) - {("silent", "social")} == set()


def test_half_the_complaints_for_two_hours_and_five_times_as_many():
    rule = Volume(check="volume", direction="low", spreads=4)
    high = Volume(check="volume", direction="high", spreads=10)
    # Five weeks of 400 an hour: a spread is 0.15 of it, 60.
    past = Past(Hour("sms", MONDAY + h, watched=True, rows=400, live=400) for h in range(5 * WEEK))
    last = MONDAY + 5 * WEEK + 1
    assert volume("v", rule, past, "sms", last).state == "unknown"
    past.put(Hour("sms", last - 1, watched=True, live=400))
    past.put(Hour("sms", last, watched=True, live=100))
    assert volume("v", rule, past, "sms", last).state == "between"  # one hour alone is none
    past.put(Hour("sms", last - 1, watched=True, live=140))
    verdict = volume("v", rule, past, "sms", last)
    assert (verdict.state, verdict.observed, verdict.expected) == ("bad", 100.0, 400.0)
    assert volume("v", high, past, "sms", last).state == "well"
    for hour in (last - 1, last):
        past.put(Hour("sms", hour, watched=True, live=1100))
    assert volume("v", high, past, "sms", last).state == "bad"
    assert volume("v", rule, past, "sms", last).state == "well"


def test_an_hour_that_was_not_watched_is_no_past_and_is_not_judged():
    rule = Volume(check="volume", direction="low", spreads=4)
    past = Past(Hour("sms", MONDAY + h, watched=h % 2 == 0, rows=400, live=400) for h in range(5 * WEEK))
    assert past.alike("sms", MONDAY + 5 * WEEK) == [400] * 5
    assert past.alike("sms", MONDAY + 5 * WEEK + 1) == []
    past.put(Hour("sms", MONDAY + 5 * WEEK, watched=False, live=1))
    assert volume("v", rule, past, "sms", MONDAY + 5 * WEEK).state == "unknown"


def days_of(given, rows=100, flags=None, rejected=0, days=10):
    """A complaint load of one hour a day at noon."""
    return [
        Hour("sms", MONDAY + 24 * d + 12, True, rows, rows, rejected, given=Counter(customer_id=given), flags=Counter(flags or {}))
        for d in range(days)
    ]  # fmt: skip


def test_completeness_falls_below_the_channels_own_past():
    rule = Completeness(check="completeness", column="customer_id", most_fall=0.25)
    now = MONDAY + 24 * 10 + 12

    def judged(given, rows=100):
        past = Past([*days_of(80), Hour("sms", now, True, rows, rows, given=Counter(customer_id=given))])
        return completeness("c", rule, past, "sms", now)

    # The past has 80 %, the bound is 55 %: of 100, 45 may be chance (Wilson's upper bound at z = 3 is .596).
    assert judged(45).state == "between"
    assert (judged(30).state, judged(30).observed, round(judged(30).expected, 2)) == ("bad", 0.3, 0.55)
    assert judged(450, 1000).state == "bad"
    assert judged(80).state == "well"
    assert judged(3, 10).state == "unknown"


def test_a_fixed_bound_needs_no_past():
    rule = Completeness(check="completeness", column="customer_id", least=0.9)
    past = Past([Hour("sms", MONDAY, True, 200, 200, given=Counter(customer_id=100))])
    assert completeness("c", rule, past, "sms", MONDAY).state == "bad"
    assert completeness("c", Completeness(check="completeness", column="customer_id", most_fall=0.1), past, "sms", MONDAY).state == "unknown"  # fmt: skip


def test_shares_of_flags_and_of_rejections():
    past = Past(days_of(80, flags={"language_unknown": 70}, rejected=60, days=1))
    now = MONDAY + 12
    assert flagged("f", Flagged(check="flagged", flag="language_unknown", most=0.5), past, "sms", now).state == "bad"
    assert flagged("f", Flagged(check="flagged", flag="very_short", most=0.5), past, "sms", now).state == "well"
    # 60 of 160 records: 37.5 %, and Wilson's lower bound at z = 3 is .270.
    assert rejected("r", Rejected(check="rejected", most=0.25), past, "sms", now).state == "bad"
    assert rejected("r", Rejected(check="rejected", most=0.3), past, "sms", now).state == "between"


def test_a_fixed_age_by_channel():
    rule = Freshness(check="freshness", most_age_s={"sms": 3600})
    at = MONDAY * HOUR_S
    past = Past([Hour(c, MONDAY - 1, True, 1, 1, newest=at - 1800, last=at - 10) for c in ("sms", "social")])
    states = [freshness("f", rule, past, "sms", at + passed, 0.0).state for passed in (0, 1300, 1801)]
    assert states == ["well", "between", "bad"]
    assert freshness("f", rule, past, "social", at + 9e5, 0.0).state == "unknown"


def test_how_long_a_channel_may_be_silent_by_hand():
    rule = Freshness(check="freshness", missed=20, least_s=1800)
    past = Past(Hour("sms", MONDAY + h, True, 10, 10, newest=(MONDAY + h + 1) * HOUR_S, last=(MONDAY + h + 1) * HOUR_S) for h in range(5 * WEEK))  # fmt: skip
    end = (MONDAY + 5 * WEEK) * HOUR_S
    # Ten an hour: twenty are missed after two hours.
    assert freshness("f", rule, past, "sms", end, 0.0).expected == pytest.approx(7200)
    assert [freshness("f", rule, past, "sms", end + s, 0.0).state for s in (5700, 5800, 7201)] == [
        "well",
        "between",
        "bad",
    ]


def test_a_channel_that_never_was_live_is_not_judged():
    past = Past(Hour("file", MONDAY + h, True, 1000, 0) for h in range(5 * WEEK))
    rules = Rules.model_validate({"version": "1", "batches": {"silent": {"check": "freshness", "missed": 20}}}).batches
    (verdict,) = judge(rules, past, (MONDAY + 9 * WEEK) * HOUR_S, 0.0, MONDAY + 9 * WEEK)
    assert verdict.state == "unknown"


def test_every_shipped_rule_is_judged_for_every_channel(past):
    found = {(v.rule, v.scope) for v in judge(SHIPPED, past, NOW * HOUR_S, 0.0, NOW - 1)}
    assert found == set(itertools.product(SHIPPED, ("sms", "social")))
