import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from connectors.errors import Transient
from engine.intake.envelope import Envelope, to_table
from engine.stages import pipeline
from engine.stages.model import MODEL, embed_stage
from engine.stages.pipeline import CLEANING, process
from engine.stages.stage import Output, Reject, Stage, run
from models.offsets import to_original
from tests.conftest import NOW


def table(*bodies, **more):
    rows = []
    for number, body in enumerate(bodies):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/json" if not isinstance(body, bytes) else more.get("content_type", "text/plain")
        envelope = Envelope("sms", "gw", str(number), raw, kind, NOW, more.get("mapping"))
        rows.append((envelope.event_id, envelope, number))
    return to_table(rows)


def reasons(done):
    return list(zip(done["error_stage"].to_pylist(), done["error_code"].to_pylist(), strict=True))


def test_a_complaint_goes_the_whole_way(context):
    body = {
        "text": "No network in Ikeja &amp; donâ€™t call 08031234567", "occurred_at": "2026-03-01T10:00:00+01:00",
        "region": " Lagos ", "customer_id": "C1", "surprise": {"a": 1},
    }  # fmt: skip
    row = process(table(body), context).to_pylist()[0]
    assert row["error_stage"] is None
    assert row["text"].startswith("No network in Ikeja & don't call <PHONE_")
    assert row["occurred_at"] == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (row["region"], row["language"], row["pii_types"]) == ("Lagos", "eng", ["PHONE"])
    assert row["customer_id"].startswith("customer_")
    assert row["category"] in {"network", "billing", "service", "account", "device", "fraud", "other"}
    assert row["priority"] in {"P1", "P2", "P3", "P4"}
    assert len(row["vector"]) == 384
    assert row["cluster_id"] is None
    assert context.data_key.decrypt(row["sealed"], row["event_id"]) == json.dumps(body).encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": ""}, ("decode", "empty_text")),
        ({"text": " ?!  "}, ("decode", "empty_text")),
        ({"other": "x"}, ("decode", "empty_text")),
        ({"text": "x" * 200_001}, ("decode", "text_too_long")),
        ({"text": "fine", "occurred_at": "31/31/2025"}, ("times", "bad_time_unparsable")),
        ({"text": "fine", "occurred_at": "2030-01-01"}, ("times", "bad_time_in_future")),
        ({"text": "fine", "occurred_at": "1900-01-01"}, ("times", "bad_time_too_old")),
        (["no object"], ("decode", "bad_json")),
        (b"caf\xe9", ("decode", "invalid_encoding")),
    ],
)
def test_a_bad_record_is_rejected_with_its_reason_and_the_others_pass(context, body, reason):
    done = process(table({"text": "no network"}, body, {"text": "wrong bill"}), context)
    assert reasons(done) == [(None, None), reason, (None, None)]
    assert done["sealed"].null_count == 0


def test_messages_of_rejects_carry_no_personal_data(context):
    done = process(table({"text": "x y", "occurred_at": "call 08031234567"}), context)
    assert "0803" not in done["error_message"][0].as_py()


def test_control_characters_are_taken_out(context):
    row = process(table({"text": "no\u0000 net\u0007work\u202e"}), context).to_pylist()[0]
    assert row["error_stage"] is None
    assert "\u0000" not in row["text"]


def test_the_map_leads_from_the_masked_text_to_the_text_as_given(context):
    given = "No&nbsp;network, donâ€™t <b>call</b> 0803&#49;234567 or ada@example.com &amp; hurry"
    row = process(table({"text": given}), context).to_pylist()[0]

    def back(words):
        at = row["text"].index(words)
        start, end = to_original(row["text_map"], at, at + len(words))
        return given[start:end]

    phone, mail = (word for word in row["text"].split() if word.startswith("<"))
    assert (back(phone), back(mail)) == ("0803&#49;234567", "ada@example.com")
    assert (back("network"), back("don't"), back("call"), back("& hurry")) == (
        "network", "donâ€™t", "call", "&amp; hurry",
    )  # fmt: skip
    assert process(table({"text": "no network here"}), context)["text_map"].to_pylist() == [[]]


def test_corrections_are_for_search_and_never_in_the_text(context):
    given = "I was dissapointed becuase the internet did not work at all and nobody called me back, 08031234567"
    row = process(table({"text": given}), context).to_pylist()[0]
    assert row["language"] == "eng"
    assert row["text"].startswith("I was dissapointed becuase the internet")
    assert row["search_text"] == row["text"] + "\ndisappointed because"


@pytest.mark.parametrize(
    "text", ["Abeg wetin dey happen, una don chop my airtime becuase e no dey work", "the internet did not work"]
)
def test_what_is_not_misspelt_english_is_searched_as_it_is(context, text):
    row = process(table({"text": text}), context).to_pylist()[0]
    assert row["search_text"] == row["text"] == text


def test_words_to_protect_are_left_alone(context):
    text = {"text": "I was dissapointed that the internet did not work at all and nobody called me back"}
    row = process(table(text), replace(context, protected=frozenset({"dissapointed"}))).to_pylist()[0]
    assert row["search_text"] == row["text"]


def test_a_text_of_markup_alone_is_rejected_as_empty(context):
    assert reasons(process(table({"text": "<br><p>&nbsp;</p>"}), context)) == [("repair", "empty_text")]


def test_an_unreadable_content_type_is_no_complaint(context):
    done = process(table(b"a,b,c", content_type="text/csv"), context)
    assert reasons(done) == [("decode", "unreadable_record")]


def test_a_named_and_a_travelling_mapping(context):
    body = {
        "Customer Complaint": "no light",
        "timestamp_corrected": "2015-04-01T00:18:47",
        "State": "Ohio",
        "Ticket #": "1",
    }
    named = process(table(body, mapping="comcast"), context).to_pylist()[0]
    inline = process(table(body, mapping=context.mappings["comcast"].model_dump_json()), context).to_pylist()[0]
    assert named["occurred_at"] == inline["occurred_at"] == datetime(2015, 4, 1, 0, 18, 47, tzinfo=UTC)
    assert named["region"] == "Ohio"
    assert reasons(process(table(body, mapping="nobody"), context)) == [("decode", "unknown_mapping")]
    assert reasons(process(table(body, mapping="{broken"), context)) == [("decode", "unknown_mapping")]


def test_an_empty_batch_has_all_columns(context):
    done = process(table(), context)
    assert done.num_rows == 0
    assert {"vector", "category", "priority", "error_stage"} <= set(done.column_names)


def test_results_do_not_depend_on_the_batch(context):
    bodies = [{"text": f"complaint {n} about the bill"} for n in range(5)]
    whole = process(table(*bodies), context)
    alone = [process(table(*bodies).slice(n, 1), context) for n in range(5)]
    for name in ("text", "category", "priority", "vector", "text_hash"):
        assert whole[name].to_pylist() == pa.concat_tables(alone)[name].to_pylist()


def test_every_stage_adds_what_it_says(context):
    done = process(table({"text": "no network"}), context)
    for stage in (*CLEANING, embed_stage(384), *MODEL):
        dropped = {name for later in (*CLEANING, *MODEL) for name in later.drops}
        for field in stage.adds:
            assert field.name in dropped or done.schema.field(field.name).type == field.type


def _stage(apply):
    return Stage("probe", ("event_id",), pa.schema([("x", pa.int64())]), apply)


def test_a_stage_that_raises_fails_only_the_rows_it_raises_on(context):
    def apply(rows, context):
        values = rows["event_id"].to_pylist()
        if any(v == bad for v in values):
            raise ZeroDivisionError("secret 08031234567")
        return Output({"x": [1] * len(values)})

    source = table({"text": "a"}, {"text": "b"}, {"text": "c"})
    bad = source["event_id"][1].as_py()
    done = run(source, [_stage(apply)], context)
    assert done["x"].to_pylist() == [1, None, 1]
    assert reasons(done)[1] == ("probe", "stage_error")
    assert "0803" not in done["error_message"][1].as_py()


def test_a_part_that_is_away_fails_the_batch_and_no_row(context):
    def apply(rows, context):
        raise Transient("embedder away")

    with pytest.raises(Transient):
        run(table({"text": "a"}, {"text": "b"}), [_stage(apply)], context)


def test_a_rejected_row_is_not_shown_to_later_stages(context):
    seen = []

    def first(rows, context):
        return Output({"x": [0, 0]}, {0: Reject("no", "not this one")})

    def second(rows, context):
        seen.append(rows.num_rows)
        return Output({"x": [5] * rows.num_rows})

    done = run(table({"text": "a"}, {"text": "b"}), [_stage(first), _stage(second)], context)
    assert seen == [1]
    assert done["x"].to_pylist() == [None, 5]


def test_a_refused_record_is_sealed_and_failed_and_no_stage_looks_at_it(context, monkeypatch):
    def harmful(rows, context):
        raise AssertionError("a stage looked at it")

    harmed = tuple(s if s.name == "seal" else replace(s, apply=harmful) for s in pipeline.CLEANING)
    monkeypatch.setattr(pipeline, "CLEANING", harmed)
    monkeypatch.setattr(pipeline, "SEAL", harmed[0])
    one = Envelope("sms", "s", "1", b'{"text": "x"}', "application/json", NOW, defect_code="hung", defect_message="m")
    (row,) = pipeline.refuse(to_table([(one.event_id, one, 1)]), context).to_pylist()
    assert (row["error_stage"], row["error_code"], row["error_message"]) == ("decode", "hung", "m")
    assert context.data_key.decrypt(row["sealed"], one.event_id) == b'{"text": "x"}'
    assert row["text_hash"] is None and row["vector"] is None
