import json
from datetime import UTC, datetime, timedelta

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from engine.cli.app import app
from engine.settings import SurgeSettings
from engine.surge import backtest, judge
from engine.tables import TIME
from models.surge import Episode, Found
from tests.cli.test_cli import run

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS, SURGE = 35, 24 * 30 + 10
SEGMENTS = ("category=network", "category=billing", "region=Lagos", "region=Kano", "category=network|region=Lagos")
SETTINGS = SurgeSettings(bucket_s=3600, false_incidents_per_week=0.005)


def volumes(days=DAYS, surge=SURGE):
    """Four complaints an hour and segment; from `surge` on, for eight hours, the network fails in Lagos."""
    counts = np.random.default_rng(3).poisson(4, (24 * days, len(SEGMENTS)))
    if surge is not None:
        counts[surge : surge + 8, [0, 2, 4]] += 25
    hours, places = np.nonzero(counts)
    return pa.table(
        {
            "segment": pa.array([SEGMENTS[p] for p in places]),
            "bucket": pa.array([START + timedelta(hours=int(h)) for h in hours], TIME),
            "count": pa.array(counts[hours, places], pa.int64()),
        }
    )


def at(hours):
    return START + timedelta(hours=hours)


def test_a_planted_surge_is_one_incident_soon_after_it_began():
    done = backtest.run(volumes(), at(24 * 7), at(24 * DAYS), SETTINGS)
    (incident,) = done.incidents
    assert incident.segment == "category=network|region=Lagos"
    assert at(SURGE) <= incident.detected_at <= at(SURGE + 3)
    assert {"category=network", "region=Lagos"} <= set(incident.related)


def test_where_nothing_surges_there_is_none():
    assert backtest.run(volumes(surge=None), at(24 * 7), at(24 * DAYS), SETTINGS).incidents == []


def test_what_comes_later_changes_nothing_of_what_was_told():
    early = backtest.run(volumes(), at(24 * 7), at(SURGE + 5), SETTINGS).incidents
    late = backtest.run(volumes(), at(24 * 7), at(24 * DAYS), SETTINGS).incidents
    assert [(i.incident_id, i.detected_at) for i in early] == [(i.incident_id, i.detected_at) for i in late]


def test_incidents_before_the_time_are_left_out():
    assert backtest.run(volumes(), at(SURGE + 48), at(24 * DAYS), SETTINGS).incidents == []


def test_no_complaints_is_no_error_and_an_empty_time_is():
    assert backtest.run(volumes().slice(0, 0), at(0), at(24), SETTINGS).incidents == []
    with pytest.raises(backtest.BadBacktest, match="expected before --until"):
        backtest.run(volumes(), at(24), at(24), SETTINGS)


def test_delays_and_false_alarms_are_counted_against_what_is_known():
    incidents = backtest.run(volumes(), at(24 * 7), at(24 * DAYS), SETTINGS).incidents
    known = backtest.Truth("subcategory=network.outage|region=Lagos", at(SURGE), at(SURGE + 8))
    missed = backtest.Truth("category=billing", at(SURGE), at(SURGE + 8))
    told = backtest.held_against(incidents, [known, missed])
    assert (told["surges"], told["found"], told["false_alarms"]) == (2, 1, 0)
    assert told["median_delay_s"] == (incidents[0].detected_at - at(SURGE)).total_seconds()
    assert backtest.held_against(incidents, [missed])["false_alarms"] == 1


def test_a_surge_of_days_is_looked_at_when_it_ends():
    counts = judge.Grid(["a"], START, 3600, np.zeros((24 * 20, 1), np.int64))
    long = Episode(0, start=24, detected=25, end=24 * 5)
    found = Found([long], np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32))
    assert judge.recent(found, counts, at(24 * 5 + 1), SETTINGS) == [long]
    assert judge.recent(found, counts, at(24 * 7), SETTINGS) == []


@pytest.mark.parametrize(
    ("row", "told"),
    [("category=a,yesterday,2026-01-01", "line 2: start 'yesterday'"), (",2026-01-01,2026-01-02", "segment")],
)
def test_a_wrong_label_is_named(tmp_path, row, told):
    path = tmp_path / "labels.csv"
    path.write_text(f"segment,start,end\n{row}\n")
    with pytest.raises(backtest.BadBacktest, match=told):
        backtest.read_truths(path)


def test_the_command_reads_the_tables_alone(tmp_path):
    lancedb.connect(tmp_path / "zones" / "serving").create_table("volumes", volumes())
    labels = tmp_path / "labels.csv"
    labels.write_text(f"segment,start,end\ncategory=network,{at(SURGE).isoformat()},{at(SURGE + 8).isoformat()}\n")
    config = tmp_path / "config.yaml"
    config.write_text("surge: {bucket_s: 3600, false_incidents_per_week: 0.005}\n")
    arguments = [
        "alerts", "backtest", "--since", at(168).isoformat(), "--until", at(24 * DAYS).isoformat(), "--labels", str(labels),
        "--config", str(config), "--data-dir", str(tmp_path), "--out", str(tmp_path / "out"), "--json",
    ]  # fmt: skip
    result = run(app, arguments)
    assert result.exit_code == 0, result.output
    (incident,) = json.loads(result.stdout)["incidents"]
    assert set(incident) == {
        "incident_id", "segment", "started_at", "detected_at", "ended_at", "observed", "expected",
    }  # fmt: skip
    assert json.loads(result.stdout)["labels"]["found"] == 1
    assert "Complaints a bucket" in (tmp_path / "out" / "backtest.html").read_text()
