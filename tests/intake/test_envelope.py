import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.envelope import BadEnvelope, Delivery, Envelope, event_id, read, to_table

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def make(**more):
    return Envelope(
        **{
            "channel": "sms",
            "source": "gw",
            "source_key": "1",
            "payload": b"hello",
            "content_type": "text/plain",
            "received_at": NOW,
        }
        | more
    )


def test_the_event_id_is_a_hash_over_lengths_and_parts():
    by_hand = hashlib.sha256(
        (2).to_bytes(8, "big") + b"gw" + (1).to_bytes(8, "big") + b"1" + (5).to_bytes(8, "big") + b"hello"
    ).hexdigest()
    assert event_id("gw", "1", b"hello") == by_hand
    assert event_id("ab", "c", b"") != event_id("a", "bc", b"")


@given(st.binary(max_size=80), st.text(max_size=20), st.text(max_size=20))
def test_the_wire_keeps_everything(payload, source, key):
    source, key = (text.encode("utf-8", "replace").decode() for text in (source, key))
    sent = make(payload=payload, source=source, source_key=key, metadata={"file": "a"}, defect_code="bad_json")
    assert Envelope.from_bytes(sent.to_bytes()) == sent


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"v": 2}', b'{"v": 1}', make(channel="fax").to_bytes(),
     b'{"v":1,"received_at":"2026-03-02T12:00:00+00:00","channel":"sms","source":1,"source_key":"1","payload":"x","content_type":"text/plain"}',
     b'{"v":1,"received_at":"2026-03-02T12:00:00+00:00","channel":"sms","source":"a","source_key":"1","payload":"x","content_type":"text/plain","surprise":1}'],
)  # fmt: skip
def test_a_foreign_message_is_kept_with_a_defect(data):
    with pytest.raises(BadEnvelope):
        Envelope.from_bytes(data)
    key, envelope = read(Delivery(data, "complaints.x", 7, 1), NOW)
    assert (envelope.payload, envelope.defect_code, key) == (data, "not_an_envelope", envelope.event_id)


def test_escaped_lone_surrogates_do_not_reach_arrow():
    data = make(source="x").to_bytes().replace(b'"x"', b'"x\\ud800"')
    _, envelope = read(Delivery(data, "s", 1, 1), NOW)
    assert envelope.source == "x?"
    assert to_table([("a" * 64, envelope, 1)]).num_rows == 1


def test_a_retry_has_another_message_id_and_the_same_event_id():
    first, second = make(), make(attempt=2)
    assert first.event_id == second.event_id == first.message_id
    assert second.message_id == f"{first.event_id}:2"


def test_subjects_are_legal_whatever_the_source_is_called():
    assert make(source="My app (NG).v1").subject == "complaints.sms.My_app__NG__v1"
    assert make(source="").subject == "complaints.sms._"
