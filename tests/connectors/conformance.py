"""What every connector must do. A test module subclasses `Conformance`, or `WebhookConformance` for a source that calls.

class TestSomething(Conformance):
    @pytest.fixture
    def case(self, tmp_path): return Case(open=..., expected=[...], add=...)
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from connectors.source import Connector, Forged, Record, Webhook

CHANNELS = ("social", "call_center", "sms", "web_form", "file")


@dataclass
class Case:
    """A source with known content.

    Args:
        open: a new connector on it, as after a restart.
        expected: texts that must occur in the payloads, one a record, in the order they are read (unit by unit).
        add: puts one more complaint with this text at the end of the last unit; None where nothing can be added.
        secrets: values that must not stand in keys, cursors, metadata or defect messages.
    """

    open: Callable[[], Connector]
    expected: list[str]
    add: Callable[[str], None] | None = None
    secrets: tuple[str, ...] = ()


def read_all(connector: Connector, cursors: dict[str, str] | None = None) -> list[Record]:
    """Every record behind the cursors, which are moved."""
    cursors = {} if cursors is None else cursors
    records = []
    for unit in connector.discover():
        for record in connector.read(unit, cursors.get(unit)):
            cursors[unit] = record.cursor
            records.append(record)
    return records


class Conformance:
    """The suite; `case` is a fixture of the subclass."""

    def test_every_record_comes_once_and_in_order(self, case):
        records = read_all(case.open())
        assert len(records) == len(case.expected)
        for record, text in zip(records, case.expected, strict=True):
            assert text in record.payload.decode("utf-8", "replace")

    def test_reading_again_gives_the_same_records(self, case):
        first, second = read_all(case.open()), read_all(case.open())
        assert [(r.key, r.payload) for r in first] == [(r.key, r.payload) for r in second]

    def test_keys_are_distinct_and_short(self, case):
        keys = [record.key for record in read_all(case.open())]
        assert len(set(keys)) == len(keys)
        assert all(0 < len(key) <= 200 for key in keys)

    def test_it_goes_on_behind_any_cursor_after_a_restart(self, case):
        whole = read_all(case.open())
        for stop in range(len(whole) + 1):
            cursors: dict[str, str] = {}
            first = _take(case.open(), cursors, stop)
            rest = read_all(case.open(), cursors)
            assert [r.key for r in first + rest] == [r.key for r in whole], f"interrupted after {stop} records"

    def test_nothing_comes_twice_once_all_is_read(self, case):
        cursors: dict[str, str] = {}
        connector = case.open()
        assert read_all(connector, cursors)
        assert read_all(connector, cursors) == []
        assert read_all(case.open(), cursors) == []

    def test_what_is_added_later_comes_alone(self, case):
        if case.add is None:
            pytest.skip("nothing can be added to this source")
        cursors: dict[str, str] = {}
        connector = case.open()
        read_all(connector, cursors)
        case.add("the second mast is silent too")
        connector.wait(0.5)
        (record,) = read_all(connector, cursors)
        assert "the second mast is silent too" in record.payload.decode()

    def test_cursors_are_short_text(self, case):
        for record in read_all(case.open()):
            assert isinstance(record.cursor, str)
            assert 0 < len(record.cursor.encode()) <= 65_536

    def test_payloads_are_what_they_say(self, case):
        for record in read_all(case.open()):
            if record.defect_code is None:
                assert record.content_type in ("application/json", "text/plain")
                text = record.payload.decode()
                if record.content_type == "application/json":
                    assert isinstance(json.loads(text), dict)
            else:
                assert record.defect_code.replace("_", "").isalnum()
                assert record.defect_message

    def test_nothing_personal_stands_beside_the_payload(self, case):
        for record in read_all(case.open()):
            beside = json.dumps([record.key, record.cursor, dict(record.metadata), record.defect_message])
            assert not [secret for secret in case.secrets if secret in beside]

    def test_it_says_what_it_is(self, case):
        connector = case.open()
        assert connector.channel in CHANNELS
        assert connector.source
        connector.close()
        connector.close()


def _take(connector: Connector, cursors: dict[str, str], count: int) -> list[Record]:
    taken: list[Record] = []
    for unit in connector.discover():
        if len(taken) == count:
            break
        for record in connector.read(unit, cursors.get(unit)):
            if len(taken) == count:
                break
            cursors[unit] = record.cursor
            taken.append(record)
    connector.close()
    return taken


@dataclass
class Call:
    """A call of a provider, as it arrives."""

    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookCase:
    """A source that calls us, with calls of known content.

    Args:
        open: a new webhook, as after a restart.
        call: a genuine call with one complaint of this text, at NOW.
        second: the same with another complaint.
        old: a genuine call of an hour ago, where the provider signs the time; else None.
        signature: lower-case name of the header with the signature; None where it is the body that proves itself.
        signs_body: whether the signature covers the body.
        empty: a genuine call that holds no complaint, such as a receipt; None where there is none.
        secrets: values that must not stand in keys, metadata or defect messages.
    """

    open: Callable[[], Webhook]
    call: Call
    text: str
    second: Call
    old: Call | None = None
    signature: str | None = None
    signs_body: bool = True
    empty: Call | None = None
    secrets: tuple[str, ...] = ()


NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class WebhookConformance:
    """What every webhook must do; `case` is a fixture of the subclass."""

    def test_a_genuine_call_is_its_record(self, case):
        (record,) = case.open().accept(case.call.headers, case.call.body, NOW)
        assert record.defect_code is None
        assert record.content_type == "application/json"
        assert json.loads(record.payload)["text"] == case.text

    def test_a_call_that_comes_again_gives_the_same_record(self, case):
        webhook = case.open()
        first = webhook.accept(case.call.headers, case.call.body, NOW)
        for other in (webhook, case.open()):
            again = other.accept(case.call.headers, case.call.body, NOW)
            assert [(r.key, r.payload) for r in again] == [(r.key, r.payload) for r in first]

    def test_two_complaints_have_two_short_keys(self, case):
        webhook = case.open()
        keys = [webhook.accept(call.headers, call.body, NOW)[0].key for call in (case.call, case.second)]
        assert len(set(keys)) == 2
        assert all(0 < len(key) <= 200 for key in keys)

    def test_a_changed_body_is_forged(self, case):
        if case.signature is None or not case.signs_body:
            pytest.skip("nothing signs the body")
        for body in (case.call.body.replace(b"e", b"a", 1), case.call.body + b"&x=1", b""):
            with pytest.raises(Forged):
                case.open().accept(case.call.headers, body, NOW)

    def test_a_wrong_or_missing_signature_is_forged(self, case):
        if case.signature is None:
            pytest.skip("nothing is signed")
        given = case.call.headers[case.signature]
        # The last sign may hold bits that base64 does not use, so another one is turned.
        turned = given[:-8] + ("0" if given[-8] != "0" else "1") + given[-7:]
        for value in (None, "", turned, given[:-1], "é" * 40, "sha256="):
            headers = {name: v for name, v in case.call.headers.items() if name != case.signature}
            headers |= {} if value is None else {case.signature: value}
            with pytest.raises(Forged):
                case.open().accept(headers, case.call.body, NOW)

    def test_an_old_call_is_a_replay(self, case):
        if case.old is None:
            pytest.skip("the provider signs no time; the same keys make a replay harmless")
        with pytest.raises(Forged):
            case.open().accept(case.old.headers, case.old.body, NOW)

    def test_a_call_without_a_complaint_has_no_record(self, case):
        if case.empty is None:
            pytest.skip("every call holds one")
        assert case.open().accept(case.empty.headers, case.empty.body, NOW) == []

    def test_nothing_personal_stands_beside_the_payload(self, case):
        for record in case.open().accept(case.call.headers, case.call.body, NOW):
            beside = json.dumps([record.key, record.cursor, dict(record.metadata), record.defect_message])
            assert not [secret for secret in case.secrets if secret in beside]
            assert all(secret in record.payload.decode() for secret in case.secrets)

    def test_it_says_what_it_is(self, case):
        webhook = case.open()
        assert webhook.channel in CHANNELS
        assert webhook.source
        assert webhook.challenge({}) is None
        kind, body = webhook.reply()
        assert "/" in kind and isinstance(body, str)
