import json
import pickle
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from engine.settings import MaintenanceWindow, Settings
from engine.store.writer import Writer
from engine.surge.acts import BadAct, acted
from engine.surge.chains import Chain
from engine.surge.incidents import in_maintenance, reconcile
from engine.surge.judge import Grid
from engine.surge.segments import within
from engine.tables import INCIDENTS
from models.surge import Found

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(hours=9)
GRID = Grid(["region=Lagos"], START, 3600, np.ones((48, 1), np.int64))
EMPTY = Found([], np.ones((48, 1), np.float32), np.ones((48, 1), np.float32))


def judged(row=None, *, end=None, observed=12, returns=0):
    """The incident of a surge from hour 4 on, where 2.0 were expected."""
    chain = Chain(0, 4, 5, end, observed, 2.0, 9.0, returns)
    (found,) = reconcile(EMPTY, [chain], GRID, [row] if row else [])
    return found


def stored(incident, **more):
    row = dict.fromkeys(INCIDENTS.schema.names)
    names = ("incident_id", "segment", "state", "severity", "started_at", "detected_at", "ended_at", "observed")
    return row | {name: getattr(incident, name) for name in names} | {"related": [], "expected": 2.0} | more


def test_an_incident_lives_from_new_to_regressed():
    first = judged()
    assert (first.state, first.severity, first.alerts(None)) == ("new", "medium", True)
    same = judged(stored(first), observed=14)
    assert (same.state, same.alerts(stored(first))) == ("ongoing", False)
    worse = judged(stored(same), observed=30)
    assert (worse.state, worse.severity, worse.alerts(stored(same))) == ("escalating", "high", True)
    over = judged(stored(worse), observed=30, end=12)
    assert (over.state, over.alerts(stored(worse))) == ("resolved", True)
    back = judged(stored(over), observed=40, returns=1)
    assert (back.state, back.incident_id, back.alerts(stored(over))) == ("regressed", first.incident_id, True)
    again = judged(stored(back), observed=41, returns=1)
    assert (again.state, again.alerts(stored(back))) == ("regressed", False)
    ids = {one.event_id for one in (first, worse, over, back)}
    assert len(ids) == 4


def test_one_that_comes_and_goes_is_told_no_more_until_it_is_worse():
    over = stored(judged(end=12), state="resolved")
    assert judged(over, returns=3).alerts(over)
    flapping = judged(over, returns=4)
    assert (flapping.state, flapping.alerts(over)) == ("regressed", False)
    assert judged(over, returns=4, observed=30).alerts(over)


def test_an_archived_one_is_silent_until_it_escalates():
    row = acted(stored(judged()), "archive", "key1", "known", NOW)
    assert row["state"] == "archived"
    on = judged(row, observed=15)
    assert (on.state, on.alerts(row)) == ("archived", False)
    assert judged(row, observed=15, end=12).alerts(row) is False
    worse = judged(row, observed=30)
    assert (worse.state, worse.alerts(row)) == ("escalating", True)


def test_one_resolved_by_hand_stays_so_while_its_surge_lasts_and_regresses_when_worse():
    row = acted(stored(judged()), "resolve", "key1", None, NOW)
    assert judged(row, observed=15).state == "resolved"
    assert judged(row, observed=30).state == "regressed"


def test_an_acknowledged_one_says_who_when_and_why():
    row = acted(stored(judged()), "ack", "key1", "on it", NOW)
    assert (row["state"], row["acknowledged_by"], row["acknowledged_at"]) == ("acknowledged", "key1", NOW)
    assert json.loads(row["history"]) == [
        {"at": NOW.isoformat(), "state": "acknowledged", "by": "key1", "reason": "on it"}
    ]
    assert acted(row, "ack", "key2", None, NOW) is row
    assert judged(row, observed=15).state == "acknowledged"


def test_what_is_resolved_cannot_be_acknowledged():
    row = acted(stored(judged()), "resolve", "key1", None, NOW)
    with pytest.raises(BadAct, match=r"inc_\w+: ack: it is resolved") as caught:
        acted(row, "ack", "key1", None, NOW)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_window_covers_its_segment_and_those_within_it():
    window = MaintenanceWindow(segment="category=network", since=START, until=NOW)
    assert in_maintenance("category=network|region=Lagos", [window], START)
    assert in_maintenance("subcategory=network.outage", [window], START)
    assert not in_maintenance("region=Lagos", [window], START)
    assert not in_maintenance("category=network", [window], NOW)
    assert in_maintenance("region=Lagos", [MaintenanceWindow(since=START, until=NOW)], START)
    assert not within("category=network", "subcategory=network.outage")


def test_what_began_in_a_window_is_told_after_it_if_it_still_lasts():
    muted = stored(judged(), muted=True)
    assert judged(muted).changed(muted)
    assert judged(muted).alerts(muted)
    assert not judged(muted, end=12).alerts(muted)


@pytest.fixture
def writer(tmp_path):
    writer = Writer(Settings(data_dir=tmp_path))
    yield writer
    writer.close()


def rows(writer):
    return writer._incidents.scan(INCIDENTS.schema.names).to_pylist()


def test_the_watcher_does_not_overwrite_what_was_said_meanwhile(writer):
    row = stored(judged(), evidence="{}", history="[]")
    writer.put_incidents(pa.Table.from_pylist([row], INCIDENTS.schema))
    said = writer.act_on_incident(row["incident_id"], "ack", "key1", None)
    assert said["state"] == "acknowledged"
    writer.put_incidents(pa.Table.from_pylist([row | {"state": "ongoing", "observed": 99}], INCIDENTS.schema))
    assert [(one["state"], one["observed"]) for one in rows(writer)] == [("acknowledged", 12)]
    writer.put_incidents(pa.Table.from_pylist([said | {"observed": 99}], INCIDENTS.schema))
    assert [(one["state"], one["observed"]) for one in rows(writer)] == [("acknowledged", 99)]
    assert writer.act_on_incident("inc_none", "ack", "key1", None) is None
