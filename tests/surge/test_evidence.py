import json
from datetime import UTC, datetime, timedelta

import lancedb
import numpy as np
import pytest

from engine.surge import causes, evidence
from engine.surge.incidents import Incident
from engine.surge.judge import Grid
from engine.surge.words import _z, drivers
from models.surge import Found

START = datetime(2026, 3, 2, 4, tzinfo=UTC)


def row(n, **more):
    values = {
        "event_id": f"e{n}", "channel": "sms", "source": "gateway", "customer_id": f"c{n}", "duplicate_of": None,
        "occurred_at": START, "received_at": START, "taxonomy_version": "1", "classifier_version": "a",
    }  # fmt: skip
    return values | more


def told(inside, before=None, counted=None):
    before = [row(100 + n) for n in range(20)] if before is None else before
    found = causes.checked(inside, before, len(inside) if counted is None else counted, 600)
    return {one["cause"]: (one["share"], one["ruled_out"]) for one in found}


def test_a_real_surge_has_every_cause_ruled_out():
    found = told([row(n) for n in range(10)])
    assert len(found) == 6
    assert all(ruled_out for _, ruled_out in found.values())
    assert found["one customer"] == (0.1, True)


@pytest.mark.parametrize(
    ("cause", "more"),
    [
        ("late data", {"received_at": START + timedelta(hours=1)}),
        ("new channel or source", {"channel": "fax"}),
        ("new channel or source", {"source": "feed"}),
        ("taxonomy or model change", {"classifier_version": "b"}),
        ("one customer", {"customer_id": "c1"}),
        ("one template letter", {"duplicate_of": "e0"}),
    ],
)
def test_each_cause_is_seen_where_it_is_so_and_alone(cause, more):
    found = told([row(n, **(more if n < 6 else {})) for n in range(10)])
    assert [name for name, (_, ruled_out) in found.items() if not ruled_out] == [cause]
    assert found[cause][0] == pytest.approx(0.6)


def test_counts_without_complaints_are_not_ruled_out_as_a_replay():
    assert told([row(n) for n in range(4)], counted=10)["replay"] == (0.6, False)


def test_what_cannot_be_known_is_not_said():
    found = told([row(n, customer_id=None) for n in range(3)], before=[])
    assert found["one customer"] == (None, None)
    assert found["taxonomy or model change"] == (None, None)
    assert causes.checked([], [], 0, 600) == []


def test_words_of_the_surge_stand_out_and_common_ones_do_not():
    around = ["please help with my bill today"] * 40 + ["the network is slow today"] * 5
    inside = ["the mast fell, no network today", "mast fell in <PLACE_00ab>", "mast fell, please help today"] * 5
    terms = [one["term"] for one in drivers(inside, around)]
    assert terms[:2] == ["fell", "mast"]
    assert not {"today", "please", "place"} & set(terms)


def test_one_odd_word_has_a_score_worked_out_by_hand():
    # 4 of 4 words inside against none of 4; prior 500 * 4 / 12 = 166.67 of 500 for "mast" in 4 + 8 words.
    # log(170.67 / 333.33) - log(166.67 / 341.33) = .0474; over sqrt(1 / 170.67 + 1 / 166.67) = .1089: .44
    assert _z(4, 0, 4, 8) == pytest.approx(0.44, abs=0.01)


def test_what_the_sample_of_before_lacks_is_looked_up_in_all_of_before(tmp_path):
    stored = [row(1, channel="fax", occurred_at=START - timedelta(days=9)), row(2, channel="web", occurred_at=START)]
    table = lancedb.connect(tmp_path).create_table("complaints", [one | {"duplicate_of": ""} for one in stored])
    inside = [row(n, channel="fax") for n in range(3)] + [row(9, channel="web")]
    around = evidence._looked_up(table, inside, [row(100)], START)
    assert told(inside, around)["new channel or source"] == (0.25, True)


def incident(started, **more):
    values = {
        "incident_id": "inc_now", "segment": "region=Lagos", "state": "new", "severity": "high", "started_at": started,
        "detected_at": started, "ended_at": None, "observed": 9, "expected": 4.0, "related": (),
    }  # fmt: skip
    return Incident(**(values | more))


def test_the_interval_is_that_of_the_incidents_buckets():
    counts = Grid(["region=Lagos"], START, 3600, np.ones((10, 1), np.int64))
    found = Found([], np.full((10, 1), 4, np.float32), np.full((10, 1), 2, np.float32))
    low, high = evidence.interval(incident(START + timedelta(hours=6)), counts, found)
    assert (low, high) == (pytest.approx(16 - 1.96 * 4), pytest.approx(16 + 1.96 * 4))


def test_past_incidents_like_it_are_told_the_nearest_first():
    def past(name, segment, terms, days):
        proof = json.dumps({"terms": [{"term": term} for term in terms]})
        return {
            "incident_id": name, "segment": segment, "related": [], "state": "resolved", "evidence": proof,
            "started_at": START - timedelta(days=days), "reason": None,
        }  # fmt: skip

    rows = [
        past("far", "region=Kano", ["bill"], 1), past("words", "region=Kano", ["mast"], 2),
        past("same", "region=Lagos", ["mast"], 3), past("later", "region=Lagos", ["mast"], -1),
    ]  # fmt: skip
    found = evidence._nearest(incident(START), ["mast"], rows)
    assert [(one["incident_id"], one["likeness"]) for one in found] == [("same", 1.0), ("words", 0.5)]
