from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from engine.settings import SurgeSettings
from engine.surge import segments
from engine.surge.incidents import incident_id, reconcile, severity
from engine.surge.judge import grid, judge, recent
from engine.tables import TIME

NOW = datetime(2026, 3, 9, 12, 1, tzinfo=UTC)
SETTINGS = SurgeSettings.model_validate({})


def complaint(**more):
    return dict.fromkeys(segments.DIMENSIONS) | more


def test_a_complaint_counts_in_its_dimensions_and_chosen_pairs():
    values = complaint(category="network", subcategory="network.outage", region="Lagos", channel="sms")
    assert set(segments.of(values)) == {
        "category=network", "subcategory=network.outage", "region=Lagos", "channel=sms",
        "category=network|region=Lagos", "category=network|channel=sms", "subcategory=network.outage|region=Lagos",
    }  # fmt: skip


@pytest.mark.parametrize("value", ["a|b=c", "50 % off", "x@y", "Côte d'Ivoire"])
def test_names_go_there_and_back(value):
    (name,) = segments.of(complaint(region=value))
    assert segments.parse(name) == {"region": value}


def test_segments_that_can_share_complaints_are_compatible():
    assert segments.compatible("category=network", "region=Lagos")
    assert segments.compatible("category=network|region=Lagos", "region=Lagos")
    assert segments.compatible("category=network", "subcategory=network.outage")
    assert not segments.compatible("category=billing", "subcategory=network.outage")
    assert not segments.compatible("region=Kano", "category=network|region=Lagos")


def test_counts_by_hand():
    rows = pa.table(
        {
            **{name: pa.array([None, None, None], pa.string()) for name in segments.DIMENSIONS if name != "region"},
            "region": ["Lagos", "Lagos", "Kano"],
            "occurred_at": pa.array([NOW, NOW + timedelta(minutes=3), NOW + timedelta(minutes=5)], TIME),
        }
    )
    assert [(r["segment"], r["bucket"].minute, r["count"]) for r in segments.count(rows, 300).to_pylist()] == [
        ("region=Kano", 5, 1),
        ("region=Lagos", 0, 2),
    ]


def volumes(surge=True):
    """Eight days of one complaint each 20 minutes in Kano and Lagos, then 40 in Lagos in the last half hour."""
    rows = []
    for step in range(8 * 72):
        moment = NOW.replace(minute=0) - timedelta(minutes=20 * step)
        rows += [("region=Lagos", moment, 1), ("region=Kano", moment, 1), ("category=network|region=Lagos", moment, 1)]
    if surge:
        for back in range(1, 7):
            moment = NOW.replace(minute=0) - timedelta(minutes=5 * back)
            rows += [("region=Lagos", moment, 8), ("category=network|region=Lagos", moment, 7)]
    merged = {}
    for segment, bucket, count in rows:
        merged[segment, bucket] = merged.get((segment, bucket), 0) + count
    return pa.table(
        {
            "segment": [s for s, _ in merged],
            "bucket": pa.array([b for _, b in merged], TIME),
            "count": pa.array(list(merged.values()), pa.int64()),
        }
    )


def found(table, stored=()):
    counts = grid(table, NOW, SETTINGS)
    result = judge(counts, SETTINGS)
    return reconcile(result, recent(result, counts, NOW, SETTINGS), counts, stored)


def test_one_cause_is_one_incident_named_by_the_narrowest_segment():
    (incident,) = found(volumes())
    assert incident.segment == "category=network|region=Lagos"
    assert incident.related == ("region=Lagos",)
    assert (incident.state, incident.observed >= 40) == ("new", True)
    assert incident.alerts(None)


def test_a_quiet_week_has_none():
    assert found(volumes(surge=False)) == []


def test_judging_again_keeps_the_id_and_tells_nothing_new():
    (first,) = found(volumes())
    row = {
        "incident_id": first.incident_id, "segment": first.segment, "state": first.state, "severity": first.severity,
        "started_at": first.started_at, "detected_at": first.detected_at, "ended_at": None,
        "observed": first.observed, "related": list(first.related),
    }  # fmt: skip
    (again,) = found(volumes(), [row])
    assert (again.incident_id, again.state, again.alerts(row)) == (first.incident_id, "ongoing", False)
    moved = row | {"started_at": first.started_at - timedelta(minutes=10), "incident_id": "inc_kept"}
    assert found(volumes(), [moved])[0].incident_id == "inc_kept"


def test_a_surge_of_long_ago_raises_no_incident():
    table = volumes()
    old = table.set_column(1, "bucket", pa.array([b - timedelta(days=5) for b in table["bucket"].to_pylist()], TIME))
    assert found(old) == []


def test_the_grid_has_zeros_and_no_incomplete_bucket():
    counts = grid(volumes(), NOW, SETTINGS)
    assert counts.time(len(counts.counts)) == datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
    assert (counts.counts == 0).any()
    early = grid(volumes(), NOW.replace(minute=0, second=10), SETTINGS)
    assert len(early.counts) == len(counts.counts) - 1


def test_hours_of_the_week_begin_on_monday():
    counts = grid(volumes(), NOW, SETTINGS)
    position = int((datetime(2026, 3, 9, 0, tzinfo=UTC) - counts.first).total_seconds() // 300)
    assert counts.hours()[position] == 0  # 9 March 2026 is a Monday
    assert counts.hours().max() < 168


def test_nothing_at_all_has_no_grid():
    assert grid(volumes().slice(0, 0), NOW, SETTINGS) is None


def test_severity_needs_both_a_ratio_and_a_number():
    assert severity(100, 5) == "critical"
    assert severity(12, 0.1) == "medium"
    assert severity(100, 60) == "low"


def test_ids_are_stable():
    assert incident_id("region=Lagos", NOW) == incident_id("region=Lagos", NOW)
    assert incident_id("region=Lagos", NOW) != incident_id("region=Kano", NOW)
    assert np.char.startswith(incident_id("a", NOW), "inc_")
