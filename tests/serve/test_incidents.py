import json
from datetime import timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest

from connectors.lance import open_reader
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from engine.tables import INCIDENTS
from serve.incidents import members
from serve.problems import Problem
from serve.trace import trace
from tests.conftest import NOW


@pytest.fixture(scope="module")
def served(tmp_path_factory, context):
    settings = Settings(data_dir=tmp_path_factory.mktemp("incidents"))
    writer = Writer(settings)
    bodies = [
        ("sms", "Lagos", 1), ("web", "Lagos", 2), ("sms", "Kano", 2), ("web", "Kano", 2), ("sms", "Lagos", -60),
        ("sms", "Lagos", 900),
    ]  # fmt: skip
    envelopes = [
        Envelope(
            channel, "gateway", str(n),
            json.dumps({"text": f"no network, case {n}", "region": region, "occurred_at": at.isoformat()}).encode(),
            "application/json", NOW,
        )
        for n, (channel, region, minutes) in enumerate(bodies)
        for at in [NOW + timedelta(minutes=minutes - 1000)]
    ]  # fmt: skip
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(envelopes, 1)]), context))
    began = NOW - timedelta(minutes=1000)
    incident = dict.fromkeys(INCIDENTS.schema.names) | {
        "incident_id": "inc_1", "segment": "channel=sms", "state": "new", "severity": "high", "started_at": began,
        "detected_at": began, "ended_at": began + timedelta(minutes=10), "observed": 3, "expected": 1.0,
        "related": ["region=Lagos"], "evidence": "{}",
    }  # fmt: skip
    writer.put_incidents(pa.Table.from_pylist([incident], schema=INCIDENTS.schema))

    def reader(zone, name):
        return open_reader(f"{settings.zones_uri}/{zone}", name)

    yield (
        SimpleNamespace(
            settings=settings, complaints=reader("serving", "complaints"), curated=reader("curated", "complaints"),
            incidents=reader("serving", "incidents"), raw=reader("raw", "envelopes"), dead=reader("raw", "dead_letters"),
        ),
        [e.event_id for e in envelopes],
    )  # fmt: skip
    writer.close()


def test_an_incident_lists_the_complaints_of_its_segments_while_it_went_on(served):
    services, ids = served
    found = members(services, "inc_1", 50)
    assert found["total"] == 3
    assert {one["event_id"] for one in found["complaints"]} == set(ids[:3])
    assert found["complaints"][-1]["event_id"] == ids[0], "the oldest is the last"


def test_a_complaint_names_the_incident_that_lists_it(served):
    services, ids = served
    listed = {one["event_id"] for one in members(services, "inc_1", 50)["complaints"]}
    assert {key for key in ids if trace(services, key)["incidents"]} == listed


def test_pages_follow_each_other_without_gaps(served):
    services, _ = served
    pages = [members(services, "inc_1", 1, offset)["complaints"] for offset in range(4)]
    assert [len(page) for page in pages] == [1, 1, 1, 0]
    assert len({page[0]["event_id"] for page in pages[:3]}) == 3


def test_an_unknown_incident_is_not_found(served):
    with pytest.raises(Problem) as caught:
        members(served[0], "inc_2", 50)
    assert caught.value.status == 404
