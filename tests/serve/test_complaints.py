import asyncio
import json
from types import SimpleNamespace

import pytest

from connectors.lance import open_reader
from connectors.mapping import Mapping
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from serve.complaints import one
from tests.conftest import NOW

KEEPING = Mapping.model_validate(
    {"fields": {"text": "text"}, "keep": {"stars": {"type": "integer"}, "note": {"from": "remark"}}}
).model_dump_json(exclude_defaults=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory, context):
    settings = Settings(data_dir=tmp_path_factory.mktemp("complaints"))
    writer = Writer(settings)
    envelopes = [
        Envelope("sms", "s", key, json.dumps(body).encode(), "application/json", NOW, mapping, {"row": 7})
        for key, body, mapping in (
            ("1", {"text": "no network", "stars": "2", "remark": "call 08031234567", "who": "x"}, KEEPING),
            ("2", {"text": "slow network"}, None),
        )
    ]
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(envelopes, 1)]), context))
    yield (
        SimpleNamespace(
            complaints=open_reader(f"{settings.zones_uri}/serving", "complaints"),
            raw=open_reader(f"{settings.zones_uri}/raw", "envelopes"),
        ),
        [e.event_id for e in envelopes],
    )
    writer.close()


def test_a_complaint_shows_the_kept_fields_masked_and_nothing_else_of_the_metadata(served):
    services, (keeping, plain) = served
    row = asyncio.run(one(services, keeping[:12]))
    assert row["kept"] == {"stars": 2, "note": "call <PHONE>"}
    assert not {"metadata", "payload", "unknown_fields"} & set(row)
    assert asyncio.run(one(services, plain))["kept"] == {}


def test_an_unknown_or_odd_id_is_none(served):
    services, _ = served
    assert asyncio.run(one(services, "0" * 64)) is None
    assert asyncio.run(one(services, "' OR 1=1")) is None


def test_a_copy_says_why_and_its_head_counts_it(tmp_path, context):
    settings = Settings(data_dir=tmp_path)
    writer = Writer(settings)
    text = "the mast at Ogba junction has been down for three weeks and nobody comes to repair it"
    bodies = [{"text": text, "customer_id": "c1"}, {"text": text, "customer_id": "c1"}, {"text": f"RT @ada: {text}"}]
    envelopes = [
        Envelope("sms", "s", str(n), json.dumps(body).encode(), "application/json", NOW)
        for n, body in enumerate(bodies)
    ]
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(envelopes, 1)]), context))
    services = SimpleNamespace(
        complaints=open_reader(f"{settings.zones_uri}/serving", "complaints"),
        raw=open_reader(f"{settings.zones_uri}/raw", "envelopes"),
    )
    head, again, passed_on = (asyncio.run(one(services, envelope.event_id)) for envelope in envelopes)
    writer.close()
    assert (head["duplicates"], head["duplicate_kinds"], head["duplicate_why"]) == (2, {"resend": 1, "repost": 1}, None)
    assert (again["duplicates"], again["duplicate_of"]) == (2, head["event_id"])
    assert again["duplicate_why"].startswith("the same sender") and "100%" in again["duplicate_why"]
    assert passed_on["duplicate_kind"] == "repost"
