"""Packs: what goes in comes out, within bounds, whatever else is in the stream."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.intake.envelope import Delivery, Envelope
from engine.intake.pack import MOST_BYTES, MOST_RECORDS, pack, unpack

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def envelope(key, payload=b'{"text": "no network"}', source="gateway", channel="sms", **more):
    return Envelope(channel, source, key, payload, "application/json", NOW, **more)


def opened(message, seq=1):
    return unpack(Delivery(message.data, message.subject, seq, 1), NOW)


envelopes = st.builds(
    envelope,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.binary(max_size=200),
    st.sampled_from(["a", "b", "c.d"]),
    st.sampled_from(["sms", "file"]),
    attempt=st.integers(1, 3),
)


@settings(max_examples=60)
@given(st.lists(envelopes, max_size=30))
def test_every_envelope_comes_out_of_the_message_that_holds_its_position(given_):
    messages = pack(given_)
    positions = sorted(p for m in messages for p in m.positions)
    assert positions == list(range(len(given_)))
    for message in messages:
        found = opened(message)
        assert len(found) == message.records
        assert {e.message_id for _, e in found} == {given_[p].message_id for p in message.positions}
        assert {e.subject for _, e in found} == {message.subject}
        assert all(key == e.event_id for key, e in found)


def test_one_alone_is_an_envelope_as_before():
    (message,) = pack([envelope("1")])
    assert (message.data, message.message_id) == (envelope("1").to_bytes(), envelope("1").event_id)


def test_packs_are_bounded_by_records_and_bytes():
    many = pack([envelope(str(n), b"{}") for n in range(2 * MOST_RECORDS)])
    assert max(m.records for m in many) == MOST_RECORDS
    big = pack([envelope(str(n), b"x" * 20_000) for n in range(5)])
    assert [m.records for m in big] == [2, 2, 1]
    assert all(len(m.data) <= MOST_BYTES for m in big)
    (huge,) = pack([envelope("1", b"x" * 200_000)])
    assert huge.records == 1


def test_the_same_pack_has_the_same_id_and_another_another():
    first, again, other = (pack([envelope(k) for k in keys])[0].message_id for keys in ("ab", "ab", "ac"))
    assert first == again != other


def test_an_envelope_given_twice_is_carried_once():
    (message,) = pack([envelope("a"), envelope("b"), envelope("a")])
    assert (message.records, message.positions) == (2, [0, 1, 2])


def test_a_broken_element_does_not_spoil_its_pack():
    (message,) = pack([envelope("a"), envelope("b"), envelope("c")])
    body = json.loads(message.data)
    body["envelopes"][1] = {"v": 1, "nonsense": True}
    body["envelopes"].append(5)
    data = json.dumps(body, separators=(",", ":")).encode()
    found = unpack(Delivery(data, message.subject, 9, 1), NOW)
    assert [(e.source_key, e.defect_code) for _, e in found] == [
        ("a", None),
        ("9.1", "not_an_envelope"),
        ("c", None),
        ("9.3", "not_an_envelope"),
    ]
    assert found[1][1].payload == b'{"v": 1, "nonsense": true}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"v":"pack/1","envelopes":[',
        b'{"v":"pack/1","envelopes":[{}]',
        b'{"v":"pack/2","envelopes":[]}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"v":"pack/1","envelopes":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"v":1,"received_at":"0001-01-01T00:00:00+14:00","channel":"sms","source":"a","source_key":"b",'
        b'"payload":"x","content_type":"text/plain"}',
        b'{"v":1,"received_at":"2026-01-01T00:00:00+00:00","channel":"sms","source":"a","source_key":"b",'
        b'"payload":"x","content_type":"text/plain","attempt":99999999999}',
        b'{"v":1,"received_at":"2026-01-01T00:00:00+00:00","channel":"sms","source":"\xed\xa0\x80","source_key":"b",'
        b'"payload":"x","content_type":"text/plain"}',
    ],
)
def test_what_is_no_envelope_is_kept_whole_with_its_reason(data):
    ((_, found),) = unpack(Delivery(data, "complaints.sms.x", 4, 1), NOW)
    assert (found.defect_code, found.payload, found.source_key) == ("not_an_envelope", data, "4")
