from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.lance import open_reader
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer, WriterTaken
from tests.conftest import NOW


def envelope(text, key="1", **more):
    import json

    body = json.dumps({"text": text, "occurred_at": "2026-03-01T10:00:00Z", "region": "Lagos", **more})
    return Envelope("sms", "test", key, body.encode(), "application/json", NOW)


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


def test_a_batch_lands_in_raw_curated_serving_and_volumes(writer, settings, context):
    done = writer.commit(processed(context, envelope("no network in Ikeja since morning")))

    assert (done.stored, done.dead_lettered, done.repeated) == (1, 0, 0)
    row = table(settings, "serving", "complaints").search().limit(9).to_list()[0]
    assert (row["region"], row["priority"][0], row["cluster_id"]) == ("Lagos", "P", None)
    assert table(settings, "curated", "complaints").count_rows() == 1
    counts = {r["segment"]: r["count"] for r in table(settings, "serving", "volumes").search().limit(99).to_list()}
    assert counts["region=Lagos"] == 1
    assert counts["channel=sms"] == 1


def test_the_raw_payload_is_sealed_and_opens_with_the_key(writer, settings, context):
    sent = envelope("my line 08031234567 is dead")
    writer.commit(processed(context, sent))

    row = table(settings, "raw", "envelopes").search().limit(9).to_list()[0]
    assert b"0803" not in row["payload"]
    assert context.data_key.decrypt(row["payload"], sent.event_id) == sent.payload


def test_personal_data_stands_in_no_table_but_raw(writer, settings, context):
    sent = envelope("call 08031234567 or a.obi@example.com", phone="08031234567", email="a.obi@example.com")
    writer.commit(processed(context, sent))

    for zone, name in (("curated", "complaints"), ("serving", "complaints"), ("serving", "volumes")):
        text = str(table(settings, zone, name).search().limit(9).to_list())
        assert "8031234567" not in text
        assert "obi@" not in text


def test_the_same_event_twice_in_one_batch_is_one_row(writer, settings, context):
    sent = envelope("wrong bill")
    done = writer.commit(processed(context, sent, sent))

    assert (done.stored, done.repeated) == (1, 1)
    assert table(settings, "serving", "complaints").count_rows() == 1
    assert table(settings, "raw", "envelopes").count_rows() == 1


def test_a_redelivered_batch_changes_nothing(writer, settings, context):
    batch = processed(context, envelope("wrong bill"), envelope("", "2"))
    writer.commit(batch)
    done = writer.commit(batch)

    assert (done.stored, done.dead_lettered) == (0, 0)
    assert table(settings, "serving", "complaints").count_rows() == 1
    assert table(settings, "raw", "dead_letters").count_rows() == 1
    volumes = table(settings, "serving", "volumes").search().limit(99).to_list()
    assert {row["count"] for row in volumes} == {1}


def test_a_bad_row_goes_to_the_dead_letters_and_the_rest_passes(writer, settings, context):
    bad = envelope("fine", "2", occurred_at="the day before")
    done = writer.commit(processed(context, envelope("no light on my router"), bad))

    assert (done.stored, done.dead_lettered) == (1, 1)
    row = table(settings, "raw", "dead_letters").search().limit(9).to_list()[0]
    assert (row["stage"], row["reason"]) == ("times", "bad_time_unparsable")
    assert row["payload_ref"] == f"raw.envelopes/{bad.event_id}"
    assert table(settings, "raw", "envelopes").count_rows() == 2


def test_a_copy_in_another_batch_points_at_the_first(writer, settings, context):
    first = envelope("My data finished in one day!", "1")
    writer.commit(processed(context, first))
    writer.commit(processed(context, envelope("my data finished in ONE day", "2"), envelope("my sim is lost", "3")))

    rows = {r["source_key"]: r for r in table(settings, "serving", "complaints").search().limit(9).to_list()}
    assert rows["1"]["duplicate_of"] is None
    assert rows["2"]["duplicate_of"] == first.event_id
    assert rows["3"]["duplicate_of"] is None


def test_volumes_lost_in_a_crash_are_counted_at_the_next_start(writer, settings, context):
    writer.commit(processed(context, envelope("no network")))
    writer._volumes._table.delete("true")
    writer.close()
    again = Writer(settings)

    assert table(settings, "serving", "volumes").count_rows("segment = 'channel=sms' AND count = 1") == 1
    assert again.lookup([envelope("no network").event_id, "0" * 64]) == ["stored", "unknown"]
    again.close()


def test_a_second_writer_is_refused(writer, settings, monkeypatch):
    monkeypatch.setattr("engine.store.writer.time.sleep", lambda s: None)
    with pytest.raises(WriterTaken, match="another process"):
        Writer(settings)


def test_compaction_keeps_every_row_and_the_text_index(writer, settings, context):
    for n in range(25):
        writer.commit(processed(context, envelope(f"complaint number {n} about luggage", str(n))))
    assert writer.maintain()

    complaints = table(settings, "serving", "complaints")
    assert complaints.count_rows() == 25
    found = complaints.search("luggage", query_type="fts").limit(50).to_list()
    assert len(found) == 25
    assert not writer.maintain()


def test_a_retry_is_another_attempt(writer, settings, context):
    bad = envelope("", "9")
    writer.commit(processed(context, bad))
    writer.commit(processed(context, replace(bad, attempt=2)))

    attempts = {r["attempt"] for r in table(settings, "raw", "dead_letters").search().limit(9).to_list()}
    assert attempts == {1, 2}


def test_old_and_new_complaints_count_in_their_own_buckets(writer, settings, context):
    early = (datetime(2026, 3, 1, 10, tzinfo=UTC) - timedelta(minutes=7)).isoformat()
    writer.commit(processed(context, envelope("no network", "1"), envelope("no signal", "2", occurred_at=early)))

    rows = table(settings, "serving", "volumes").search().where("segment = 'channel=sms'").limit(9).to_list()
    assert sorted(row["bucket"].strftime("%H:%M") for row in rows) == ["09:50", "10:00"]
