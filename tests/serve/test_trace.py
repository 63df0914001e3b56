import json
from types import SimpleNamespace

import pyarrow as pa
import pytest

from connectors.lance import open_reader
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import CLEANING, process
from engine.store.writer import Writer
from engine.tables import INCIDENTS
from serve.trace import trace
from tests.conftest import NOW

PHONE = "08031234567"


@pytest.fixture(scope="module")
def served(tmp_path_factory, context):
    settings = Settings(data_dir=tmp_path_factory.mktemp("trace"))
    writer = Writer(settings)
    bodies = [
        {"text": f"no network in Ikeja since morning, call {PHONE}", "region": "Lagos"},
        {"text": f"no network in Ikeja since morning, call {PHONE}", "region": "Lagos"},
        {"text": "..."},
    ]
    envelopes = [
        Envelope("sms", "gateway", str(n), json.dumps(body).encode(), "application/json", NOW)
        for n, body in enumerate(bodies)
    ]
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(envelopes, 1)]), context))
    incident = {
        "incident_id": "i1", "segment": "region=Lagos", "state": "new", "severity": "high", "started_at": NOW,
        "detected_at": NOW, "observed": 9, "expected": 1.0, "related": ["channel=sms"], "evidence": "{}",
    }  # fmt: skip
    writer.put_incidents(pa.Table.from_pylist([incident], schema=INCIDENTS.schema))

    def reader(zone, name):
        return open_reader(f"{settings.zones_uri}/{zone}", name)

    yield (
        SimpleNamespace(
            settings=settings,
            complaints=reader("serving", "complaints"),
            curated=reader("curated", "complaints"),
            incidents=reader("serving", "incidents"),
            raw=reader("raw", "envelopes"),
            dead=reader("raw", "dead_letters"),
        ),
        [e.event_id for e in envelopes],
    )
    writer.close()


def test_a_stored_complaint_shows_what_each_stage_made(served):
    services, (key, copy, _) = served
    found = trace(services, key[:16])
    assert (found["event_id"], found["state"]) == (key, "stored")
    names = [step["stage"] for step in found["steps"]]
    assert [n for n in names if n in {s.name for s in CLEANING}] == [s.name for s in CLEANING if s.name in names], (
        "in the pipeline's order"
    )
    assert {"mask", "language", "embed", "classify", "priority"} <= set(names)
    (mask,) = (step for step in found["steps"] if step["stage"] == "mask")
    assert mask["made"]["pii_types"] == ["PHONE"]
    assert [other["event_id"] for other in found["duplicates"]["others"]] == [copy]
    assert trace(services, copy)["duplicates"]["head"] == key


def test_it_shows_the_segments_it_was_counted_in_and_the_incident_it_fed(served):
    services, (key, *_) = served
    found = trace(services, key)
    assert {"segment": "region=Lagos", "bucket": "2026-03-02T12:00:00Z"} in found["counted_in"]
    (incident,) = found["incidents"]
    assert incident["incident_id"] == "i1"
    assert incident["through"] == ["channel=sms", "region=Lagos"]


def test_a_dead_letter_has_a_trace_too(served):
    services, (*_, dead) = served
    found = trace(services, dead)
    assert found["state"] == "dead_lettered"
    assert [(d["stage"], d["reason"]) for d in found["dead_letters"]] == [("decode", "empty_text")]
    assert found["steps"] == []


def test_nothing_personal_and_no_bulk_is_shown(served):
    services, (key, *_) = served
    shown = json.dumps(trace(services, key), default=str)
    assert PHONE not in shown
    assert "0.0" not in json.dumps([s["made"].get("vector") for s in trace(services, key)["steps"]])


def test_an_unknown_or_odd_id_has_none(served):
    services, _ = served
    assert trace(services, "0" * 64) is None
    assert trace(services, "' OR 1=1") is None
