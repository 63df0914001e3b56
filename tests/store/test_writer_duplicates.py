import json

import pytest

from connectors.lance import StoreAway, open_reader
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from tests.conftest import NOW


def envelope(text, key="1", **more):
    return Envelope("sms", "test", key, json.dumps({"text": text, **more}).encode(), "application/json", NOW)


def processed(context, *envelopes):
    return process(to_table([(e.event_id, e, n) for n, e in enumerate(envelopes, 1)]), context)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


@pytest.fixture
def writer(settings):
    writer = Writer(settings)
    yield writer
    writer.close()


def table(settings, zone, name):
    return open_reader(f"{settings.zones_uri}/{zone}", name)


def test_a_crash_between_curated_and_serving_leaves_no_two_verdicts(writer, settings, context, monkeypatch):
    text = "the mast at Ogba junction has been down for three weeks and nobody comes to repair it"
    first = processed(context, envelope(text, "1", customer_id="c1"), envelope(text, "2", customer_id="c1"))
    with monkeypatch.context() as patch:
        patch.setattr(writer._serving, "upsert", lambda *_, **__: (_ for _ in ()).throw(StoreAway("away")))
        with pytest.raises(StoreAway):
            writer.commit(first)
    writer.commit(processed(context, envelope(text, "3", customer_id="c2")))
    writer.commit(first.take([1, 0]))

    for zone in ("curated", "serving"):
        rows = {r["source_key"]: r for r in table(settings, zone, "complaints").search().limit(9).to_list()}
        assert {key: row["duplicate_kind"] for key, row in rows.items()} == {"1": None, "2": "resend", "3": "exact"}
        assert {rows[key]["duplicate_of"] for key in "23"} == {rows["1"]["event_id"]}


def test_completing_a_row_leaves_what_curated_alone_has(writer, settings, context):
    batch = processed(context, envelope("no network in Ikeja since morning"))
    degraded = batch.set_column(batch.column_names.index("degraded"), "degraded", [[["embedding_static"]]])
    writer.commit(degraded)
    before = table(settings, "curated", "complaints").search().limit(9).to_list()[0]["minhash"]

    assert writer.complete(batch.select(["event_id", "text_hash", "vector", "degraded"])) == 1
    assert len(before) == 512
    assert table(settings, "curated", "complaints").search().limit(9).to_list()[0]["minhash"] == before
