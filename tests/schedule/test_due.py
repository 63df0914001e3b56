"""A training is due where labels came since the last one: enough of them, or some and drift."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.registry import drift
from engine.registry.store import publish, workshop
from engine.schedule.due import labels_since, why
from engine.schedule.entries import Retrain
from engine.settings import Settings
from engine.store.writer import Writer
from tests.cluster.test_job import complaints
from tests.cluster.test_job import put as store

NOW = datetime.now(UTC)


@pytest.fixture
def office(tmp_path):
    settings = Settings(data_dir=tmp_path)
    writer = Writer(settings)
    yield settings, writer
    writer.close()


def put(writer, count, kind="human", seed=1):
    stored = complaints(0, count, seed)
    store(writer, stored)
    given = {"labels": ["network.outage"], "labeller": "ada", "kind": kind, "taxonomy_version": "telecom/1"}
    writer.put_labels([{"event_id": row["event_id"]} | given for row in stored])


def trained(settings):
    with workshop(settings.data_dir) as folder:
        (folder / "x").write_text("x")
        return publish(settings.data_dir, settings.classifier, folder, {})


def entry(**more):
    return Retrain(job="retrain", cron="0 * * * *", **more)


def test_labels_are_counted_since_the_last_training_without_the_audits(office):
    settings, writer = office
    put(writer, 3)
    put(writer, 2, kind="audit", seed=100)
    assert labels_since(settings, None) == 3
    assert why(settings, entry(new_labels=4), NOW) is None
    assert why(settings, entry(new_labels=3), NOW) == "3 new labels, 3 or more"
    trained(settings)
    assert why(settings, entry(new_labels=1), NOW) is None
    put(writer, 1, seed=200)
    assert why(settings, entry(new_labels=1), NOW) == "1 new labels, 1 or more"


def test_drift_trains_only_where_labels_came(office, monkeypatch):
    settings, writer = office
    told = {"measures": [{"name": "input", "state": "drift"}, {"name": "labels", "state": "explained"}]}
    monkeypatch.setattr(drift, "standing", lambda *_: told)
    assert why(settings, entry(drift=True), NOW) is None
    put(writer, 1)
    assert why(settings, entry(drift=True), NOW) == "drift of input, and 1 new labels"
    assert why(settings, entry(new_labels=2), NOW) is None
    told["measures"][0]["state"] = "explained"
    assert why(settings, entry(drift=True), NOW) is None


def test_without_conditions_its_time_is_enough(office):
    assert why(office[0], entry(), NOW + timedelta(days=1)) == "its time came"
