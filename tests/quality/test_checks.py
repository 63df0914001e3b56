from datetime import UTC, datetime, timedelta

from engine.quality.checks import event, follow, to_tell
from engine.quality.verdict import Verdict

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KINDS = {"silent": "freshness"}


def walk(*states, step=timedelta(minutes=10), tell=True):
    """The row after each verdict; what is to be told is told at once."""
    before, seen = {}, []
    for n, state in enumerate(states):
        verdict = Verdict("silent", "sms", state, None if state == "unknown" else float(n), 9.0, "why")
        (row,) = follow([verdict], before, KINDS, T0 + n * step)
        told = to_tell(row)
        seen.append((row["state"], told))
        if told and tell:
            row["told"] = f"{row['incident_id']}:{told}"
        before = {row["check_id"]: row}
    return row, seen


def test_an_incident_is_opened_once_and_closed_when_it_is_well():
    row, seen = walk("well", "bad", "bad", "between", "bad", "between", "well", "well")
    assert seen == [
        ("well", None), ("open", "open"), ("open", None), ("open", None), ("open", None), ("open", None),
        ("well", "closed"), ("well", None),
    ]  # fmt: skip
    assert (row["opened_at"], row["closed_at"]) == (T0 + timedelta(minutes=10), T0 + timedelta(minutes=60))


def test_what_comes_back_is_a_new_incident():
    first, _ = walk("bad", "well")
    second, seen = walk("bad", "well", "bad")
    assert [told for _, told in seen] == ["open", "closed", "open"]
    assert first["incident_id"] != second["incident_id"]


def test_between_alone_opens_nothing():
    assert walk("unknown", "between", "between")[1] == [("unknown", None), ("well", None), ("well", None)]


def test_what_cannot_be_judged_stays_open_for_a_day():
    _, seen = walk("bad", "unknown", "unknown", "unknown", step=timedelta(hours=11))
    assert seen == [("open", "open"), ("open", None), ("open", None), ("unknown", "closed")]


def test_what_could_not_be_told_is_told_again_and_a_past_incident_never():
    _, seen = walk("bad", "bad", tell=False)
    assert [told for _, told in seen] == ["open", "open"]
    _, seen = walk("bad", "well", tell=False)
    assert [told for _, told in seen] == ["open", None]


def test_a_rule_that_is_gone_closes_its_incident():
    row, _ = walk("bad")
    (gone,) = follow([], {row["check_id"]: row}, {}, T0 + timedelta(hours=1))
    assert (gone["state"], gone["why"], to_tell(gone)) == ("gone", "the rule is gone", "closed")
    (silent,) = follow([], {row["check_id"]: row}, KINDS, T0 + timedelta(hours=1))
    assert (silent["state"], silent["why"]) == ("unknown", "the channel brings nothing any more")


def test_the_trend_has_the_last_value_of_each_hour():
    row, _ = walk(*["well"] * 7, step=timedelta(minutes=20))
    assert row["trend"] == [2.0, 5.0, 6.0]
    row, _ = walk("well", "unknown", "well", step=timedelta(hours=1))
    assert row["trend"] == [0.0, 2.0]
    row, _ = walk(*["well"] * 60, step=timedelta(hours=1))
    assert (len(row["trend"]), row["trend"][-1]) == (48, 59.0)


def test_the_event_is_of_its_own_kind():
    row, _ = walk("bad")
    found = event(row, "open")
    assert (found["type"], found["check"], found["scope"], found["state"]) == ("quality", "freshness", "sms", "open")
    assert found["opened_at"] == "2026-03-02T12:00:00+00:00"
