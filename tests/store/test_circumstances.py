"""The writer raises priorities by earlier contacts of a person and by open incidents, as a score from the start would."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from connectors.lance import open_reader
from engine import tables
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from tests.conftest import NOW

FIRST = datetime(2026, 3, 1, 10, tzinfo=UTC)


def sent(key, at, text="no network in Ikeja since morning", phone="08031234567"):
    body = json.dumps({"text": text, "occurred_at": at.isoformat(), "region": "Lagos", "phone": phone})
    return Envelope("sms", "test", key, body.encode(), "application/json", NOW)


def batch(context, *envelopes):
    return process(to_table([(e.event_id, e, n) for n, e in enumerate(envelopes, 1)]), context)


@pytest.fixture
def writer(tmp_path):
    writer = Writer(Settings(data_dir=tmp_path))
    yield writer
    writer.close()


def stored(tmp_path):
    found = open_reader(f"{tmp_path}/zones/serving", "complaints").search().limit(99).to_list()
    return {row["source_key"]: row for row in found}


def contacts(row):
    return [line for line in row["priority_reasons"] if "earlier contacts" in line]


def incident(state):
    values = {
        "incident_id": "inc_1", "segment": "region=Lagos", "state": state, "severity": "high",
        "started_at": FIRST, "detected_at": FIRST, "observed": 50, "expected": 5.0,
    }  # fmt: skip
    return pa.Table.from_pylist([values], schema=tables.INCIDENTS.schema)


def test_earlier_contacts_of_the_person_count_for_thirty_days(tmp_path, writer, context):
    days = [0, 1, 2, 31.5, 70]
    writer.commit(batch(context, *(sent(str(n), FIRST + timedelta(days=d - 75)) for n, d in enumerate(days))))
    writer.commit(batch(context, sent("other", FIRST, phone="08039999999")))
    found = stored(tmp_path)
    # The 30 days before day 31.5 begin at day 1.5; before day 70 they begin at day 40.
    assert [contacts(found[str(n)]) for n in range(5)] == [
        [], ["+0.75 earlier contacts: 1"], ["+1.5 earlier contacts: 2"], ["+0.75 earlier contacts: 1"], [],
    ]  # fmt: skip
    assert contacts(found["other"]) == []


def test_batches_split_anyhow_give_the_same_priorities(tmp_path, context):
    whole, split = Writer(Settings(data_dir=tmp_path / "whole")), Writer(Settings(data_dir=tmp_path / "split"))
    envelopes = [sent(str(n), FIRST + timedelta(hours=n)) for n in range(4)]
    whole.commit(batch(context, *envelopes))
    for envelope in envelopes:
        split.commit(batch(context, envelope))
    for one in (whole, split):
        one.close()
    pick = ("priority", "priority_score", "priority_reasons")
    one, other = (stored(tmp_path / name) for name in ("whole", "split"))
    assert [[row[p] for p in pick] for row in one.values()] == [[other[key][p] for p in pick] for key in one]


def test_only_an_open_incident_raises_and_only_what_lies_in_it(tmp_path, writer, context):
    writer.put_incidents(incident("ongoing"))
    writer.commit(batch(context, sent("in", FIRST), sent("before", FIRST - timedelta(days=1), phone="08031111111")))
    writer.put_incidents(incident("resolved"))
    writer.commit(batch(context, sent("after", FIRST, phone="08032222222")))
    told = {key: "+1 open incident" in row["priority_reasons"] for key, row in stored(tmp_path).items()}
    assert told == {"in": True, "before": False, "after": False}


def test_a_writer_that_starts_again_knows_the_open_incidents(tmp_path, context):
    first = Writer(Settings(data_dir=tmp_path))
    first.put_incidents(incident("new"))
    first.close()
    again = Writer(Settings(data_dir=tmp_path))
    again.commit(batch(context, sent("in", FIRST)))
    again.close()
    assert "+1 open incident" in stored(tmp_path)["in"]["priority_reasons"]


def test_replaced_and_rescored_rows_keep_their_circumstances(tmp_path, writer, context):
    made = batch(context, sent("1", FIRST), sent("2", FIRST + timedelta(days=1)))
    writer.commit(made)
    before = stored(tmp_path)
    writer.replace(made)
    assert stored(tmp_path)["2"]["priority_reasons"] == before["2"]["priority_reasons"]
    names = ["event_id", "text_hash", "category", "subcategory", "priority", "priority_score", "priority_reasons"]
    writer.rescore(made.select(names))
    after = stored(tmp_path)
    assert contacts(after["2"]) == ["+0.75 earlier contacts: 1"]
    assert after["2"]["priority_score"] == before["2"]["priority_score"]
