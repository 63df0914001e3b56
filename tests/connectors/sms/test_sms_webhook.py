import base64
import hashlib
import hmac
import itertools
import json
import os
import random
import sqlite3
import subprocess
import sys
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.sms.number import e164
from connectors.sms.settings import SmsWebhookSettings
from connectors.sms.webhook import SmsWebhook
from connectors.source import BadCall, BadSource, Forged, Holding, SourceAway
from engine.settings import ROOT
from tests.connectors.conformance import NOW, Call, WebhookCase, WebhookConformance

URL = "https://care.example/v1/webhooks/sms?lane=1"
SECRET = "auth t0ken"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("SMS_SECRET", SECRET)


def opened(folder, gateway, **more):
    given = {"gateway": gateway, "secret_env": "SMS_SECRET", "default_region": "NG", "public_url": URL} | more
    return SmsWebhook("sms", SmsWebhookSettings.model_validate(given), folder)


def twilio(**fields):
    signed = URL + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    return Call({"content-type": FORM, "x-twilio-signature": signature}, urlencode(fields).encode())


class TestTwilio(WebhookConformance):
    @pytest.fixture
    def case(self, tmp_path):
        told = {
            "From": "+2348031234567",
            "To": "+15017122661",
            "Body": "the mast is silent",
            "AccountSid": "AC1",
            "NumMedia": "0",
            "SmsStatus": "received",
        }
        return WebhookCase(
            open=lambda: opened(tmp_path, "sms_twilio"),
            call=twilio(MessageSid="SM1", **told),
            text="the mast is silent",
            second=twilio(MessageSid="SM2", **told),
            signature="x-twilio-signature",
            empty=twilio(MessageSid="SM3", MessageStatus="delivered", To="+2348031234567", From="+15017122661"),
            secrets=("2348031234567",),
        )


def test_twilios_own_example(tmp_path, monkeypatch):
    # From the tests of Twilio's library for Python: token 12345.
    monkeypatch.setenv("SMS_SECRET", "12345")
    given = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
    webhook = opened(tmp_path, "sms_twilio", public_url="https://mycompany.com/myapp.php?foo=1&bar=2")
    headers = {"content-type": FORM, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    (record,) = webhook.accept(headers, urlencode(given).encode(), NOW)
    assert json.loads(record.payload)["phone"] == "+14158675309"
    assert webhook.reply() == ("text/xml", '<?xml version="1.0" encoding="UTF-8"?><Response/>')


def africa(token=SECRET, **fields):
    return Call(
        {"content-type": FORM, ":path": "/v1/webhooks/sms?" + urlencode({"token": token})}, urlencode(fields).encode()
    )


class TestAfricasTalking(WebhookConformance):
    @pytest.fixture
    def case(self, tmp_path):
        told = {"from": "+2348031234567", "to": "20880", "text": "the mast is silent", "date": "2026-03-01 10:00:00"}
        return WebhookCase(
            open=lambda: opened(tmp_path, "sms_africastalking"),
            call=africa(id="1", **told),
            text="the mast is silent",
            second=africa(id="2", **told),
            empty=africa(id="3", status="Success", phoneNumber="+2348031234567"),
            secrets=("2348031234567",),
        )


@pytest.mark.parametrize(
    "path",
    ["", "/v1/webhooks/sms", "/v1/webhooks/sms?token=", "/x?token=wrong", "/x?token=%C3%A9", "/x?[", "//[?token=x"],
)
def test_a_wrong_or_missing_token_is_forged(tmp_path, path):
    call = africa(id="1", **{"from": "1", "text": "x"})
    with pytest.raises(Forged):
        opened(tmp_path, "sms_africastalking").accept(call.headers | {":path": path}, call.body, NOW)


def parts_call(now=NOW, **fields):
    body = json.dumps(fields).encode()
    stamp = str(int(now.timestamp()))
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Call({"content-type": "application/json", "x-signature": digest, "x-timestamp": stamp}, body)


class TestHmacAndJson(WebhookConformance):
    @pytest.fixture
    def case(self, tmp_path):
        told = {
            "from": "0803 123 4567",
            "to": "20880",
            "text": "the mast is silent",
            "received_at": "2026-03-01T10:00:00Z",
        }
        return WebhookCase(
            open=lambda: opened(tmp_path, "sms_parts"),
            call=parts_call(id="1", **told),
            text="the mast is silent",
            second=parts_call(id="2", **told),
            old=parts_call(NOW - timedelta(hours=1), id="1", **told),
            signature="x-signature",
            empty=parts_call(id="1", delivery_status="DELIVRD"),
            secrets=("803", "4567"),
        )


def take(webhook, now=NOW, **fields):
    call = parts_call(now, **({"from": "+2348031234567", "to": "20880"} | fields))
    return webhook.accept(call.headers, call.body, now)


def text(record):
    return json.loads(record.payload)["text"]


PARTS = [
    {"id": f"p{n}", "ref": "77", "parts": 3, "part": n, "text": word}
    for n, word in enumerate(("No network ", "since eight, ", "please help"), 1)
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_parts_in_any_order_doubled_and_across_restarts_are_one_message(tmp_path, order):
    records = []
    for position in order:
        for _ in range(2):
            webhook = opened(tmp_path, "sms_parts")
            records += take(webhook, **PARTS[position])
            webhook.close()
    # The last part came twice and nobody settled the message: it is given out again, the same.
    assert len(records) == 2
    assert len({(r.key, r.payload) for r in records}) == 1
    assert json.loads(records[0].payload) == {
        "id": "p1", "sender": "+2348031234567", "phone": "+2348031234567", "recipient": "20880", "text": "No network since eight, please help",
    }  # fmt: skip
    assert records[0].metadata == {"parts": 3}


def test_a_settled_message_is_forgotten_but_for_what_tells_its_parts(tmp_path):
    webhook = opened(tmp_path, "sms_parts")
    (record,) = [r for part in PARTS for r in take(webhook, **part)]
    assert isinstance(webhook, Holding)
    webhook.settled([record.key])
    assert take(webhook, **PARTS[1]) == []
    assert webhook.overdue(NOW + timedelta(days=1)) == []
    path = tmp_path / "sms.parts.sqlite"
    raw = path.read_bytes()
    assert b"since eight" not in raw and b"803123" not in raw
    assert path.stat().st_mode & 0o077 == 0
    webhook.overdue(NOW + timedelta(days=9))
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM parts)").fetchone() == (0, 0)


def test_the_words_of_waiting_parts_do_not_lie_there_in_clear(tmp_path):
    webhook = opened(tmp_path, "sms_parts")
    take(webhook, **PARTS[0])
    raw = (tmp_path / "sms.parts.sqlite").read_bytes()
    assert PARTS[0]["text"].encode() not in raw and b"803123" not in raw
    assert (tmp_path / "parts.key").stat().st_mode & 0o077 == 0


def test_a_message_that_nobody_settled_is_given_out_again_after_a_restart(tmp_path):
    webhook = opened(tmp_path, "sms_parts")
    (record,) = [r for part in PARTS for r in take(webhook, **part)]
    webhook.close()
    again = opened(tmp_path, "sms_parts")
    assert again.overdue(NOW + timedelta(seconds=5)) == []
    for _ in range(2):
        assert again.overdue(NOW + timedelta(seconds=31)) == [record]
    again.settled([record.key])
    assert again.overdue(NOW + timedelta(seconds=32)) == []


def test_parts_that_never_come_are_marked_and_one_that_comes_late_is_not_lost(tmp_path):
    webhook = opened(tmp_path, "sms_parts", join_s=60)
    assert take(webhook, **PARTS[0]) == take(webhook, **PARTS[2]) == []
    assert webhook.overdue(NOW + timedelta(seconds=59)) == []
    (record,) = webhook.overdue(NOW + timedelta(seconds=60))
    assert text(record) == "No network  […] please help"
    assert record.metadata == {"parts": 3, "missing_parts": [2]}
    assert record.defect_code is None
    webhook.settled([record.key])
    late = NOW + timedelta(seconds=90)
    assert take(webhook, late, **PARTS[1]) == []
    (rest,) = webhook.overdue(late + timedelta(seconds=60))
    assert text(rest) == "[…] since eight,  […]"
    assert rest.key != record.key
    # What came before is known still.
    assert take(webhook, late, **PARTS[0]) == []


def test_a_reference_that_is_used_again_is_another_message(tmp_path):
    webhook = opened(tmp_path, "sms_parts")
    other = [part | {"text": part["text"].upper(), "id": f"q{part['part']}"} for part in PARTS]
    # The parts of both come mixed; other senders and receivers have references of their own.
    given = [PARTS[0], other[0], PARTS[1], PARTS[2], other[1], other[2]]
    records = [r for part in given for r in take(webhook, **part)]
    assert len({r.key for r in records}) == 2
    assert take(webhook, **PARTS[0] | {"from": "+2348030000000"}) == []
    assert take(webhook, **PARTS[0] | {"to": "30"}) == []


def test_emoji_cut_between_two_parts_is_whole_again(tmp_path):
    webhook = opened(tmp_path, "sms_parts")
    raw = "ẹ jọ̀ọ́ 😡".encode("utf-16-be")
    for number, piece in enumerate((raw[:-2], raw[-2:]), 1):
        found = take(webhook, id=str(number), data=piece.hex(), dcs=8, udh=f"050003AA02{number:02x}")
    assert text(found[0]) == "ẹ jọ̀ọ́ 😡"


def test_packed_septets_behind_a_header_in_the_data(tmp_path):
    from connectors.sms import gsm7

    gateway = {
        "signature": {"kind": "token", "header": "X-Token"}, "sender": "from", "data": "ud", "udh_in_data": "udhi",
        "default_coding": "gsm7_packed",
    }  # fmt: skip
    webhook = opened(tmp_path, gateway)
    words, found = ("Balance ₦".replace("₦", "€") + " gone ", "again^{}"), []
    for number, word in enumerate(words, 1):
        ud = bytes([6, 8, 4, 1, 2, 2, number]) + gsm7.pack(gsm7.encode(word))
        body = json.dumps({"from": "+2348031234567", "ud": ud.hex().upper(), "udhi": True}).encode()
        found = webhook.accept({"content-type": "application/json", "x-token": SECRET}, body, NOW)
    assert text(found[0]) == "Balance € gone again^{}"
    ud = bytes([5, 0, 3, 9, 1, 1]) + gsm7.pack(gsm7.encode("alone"), fill=1)
    body = json.dumps({"from": "GTBank", "ud": ud.hex(), "udhi": True}).encode()
    (record,) = webhook.accept({"content-type": "application/json", "x-token": SECRET}, body, NOW)
    assert (text(record), record.metadata) == ("alone", {})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"data": "004E006F", "dcs": "8"}, "No"),
        ({"data": "FEFF004E", "dcs": 8}, "N"),
        ({"data": "D83D", "dcs": 8}, "�"),
        ({"data": "63616665", "dcs": 0}, "cafe"),
        ({"data": "636166E9", "dcs": 3}, "café"),
        ({"data": "0x1b65 31"}, "€1"),
        ({"text": "caf\u00e9", "data": "00"}, "café"),
        ({"text": "", "data": "63"}, "c"),
    ],
)
def test_codings(tmp_path, fields, expected):
    (record,) = take(opened(tmp_path, "sms_parts"), id="1", **fields)
    assert record.payload.decode()
    assert text(record) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"data": "0G"},
        {"data": "004", "dcs": 8},
        {"data": "00", "dcs": 8},
        {"data": "00", "dcs": 99},
        {"data": "00", "udh": "zz"},
    ],
)
def test_words_that_cannot_be_decoded_are_a_dead_letter(tmp_path, fields):
    (record,) = take(opened(tmp_path, "sms_parts"), id="1", **fields)
    assert record.defect_code == "unreadable_sms"
    assert "803" not in record.defect_message and json.loads(record.payload)["data"] == fields["data"]


def test_a_picture_without_words_is_kept(tmp_path):
    call = twilio(MessageSid="MM1", From="+2348031234567", To="1", Body="", NumMedia="1")
    (record,) = opened(tmp_path, "sms_twilio").accept(call.headers, call.body, NOW)
    assert json.loads(record.payload)["media"] == "1"


def test_a_call_with_several_messages(tmp_path):
    gateway = {
        "signature": {"kind": "token", "header": "authorization", "prefix": "Bearer "},
        "messages": "results[]",
        "sender": "from",
        "text": "text",
        "id": "messageId",
        "receipts": {"doneAt": []},
    }
    webhook = opened(tmp_path, gateway)
    headers = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
    one = {"messageId": "1", "from": "2348031234567", "text": "one"}
    body = json.dumps(
        {"results": [one, one, {"messageId": "2", "from": "GTBank", "text": "two"}, {"messageId": "3", "doneAt": "x"}]}
    ).encode()
    records = webhook.accept(headers, body, NOW)
    assert [(r.key, json.loads(r.payload).get("phone")) for r in records] == [("1", "+2348031234567"), ("2", None)]
    with pytest.raises(BadCall, match="results"):
        webhook.accept(headers, b'{"other": 1}', NOW)
    with pytest.raises(BadCall, match="neither from"):
        webhook.accept(headers, b'{"results": [{}]}', NOW)


@pytest.mark.parametrize(
    ("sender", "region", "expected"),
    [
        ("08031234567", "NG", "+2348031234567"),
        ("0803-123 4567", "NG", "+2348031234567"),
        ("2348031234567", "NG", "+2348031234567"),
        ("2348031234567", None, "+2348031234567"),
        (" 2348031234567", "KE", "+2348031234567"),
        ("002348031234567", None, "+2348031234567"),
        ("+254712345678", "NG", "+254712345678"),
        ("08031234567", None, None),
        ("MTN-INFO", "NG", None),
        ("32120", "NG", None),
        ("", "NG", None),
        ("+" * 50, "NG", None),
        ("1" * 500, "NG", None),
    ],
)
def test_senders(sender, region, expected):
    assert e164(sender, region) == expected


def test_the_payload_is_what_the_stages_take_without_a_mapping(tmp_path, context):
    from engine.intake.envelope import to_table
    from engine.intake.records import envelope
    from engine.stages.pipeline import clean

    (record,) = take(
        opened(tmp_path, "sms_parts"), id="1", text="No network in Ikeja", received_at="2026-03-01T10:00:00+01:00"
    )
    one = envelope(record, channel="sms", source="sms", mapping=None, now=NOW)
    row = clean(to_table([(one.event_id, one, 1)]), context).to_pylist()[0]
    assert (row["error_stage"], row["text"]) == (None, "No network in Ikeja")
    assert row["occurred_at"].isoformat() == "2026-03-01T09:00:00+00:00"
    assert row["customer_id"].startswith("phone_")


def test_a_folder_that_cannot_be_written_refuses_the_part(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(SourceAway):
        take(opened(blocked, "sms_parts"), **PARTS[0])


def test_a_part_is_on_disk_when_its_call_returns(tmp_path):
    """The process ends without a word right after the call; the next one has the part."""
    call = parts_call(**({"from": "+2348031234567", "to": "20880"} | PARTS[0]))
    script = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from datetime import datetime
from pathlib import Path
from tests.connectors.sms.test_sms_webhook import opened
webhook = opened(Path({str(tmp_path)!r}), "sms_parts")
webhook.accept({call.headers!r}, {call.body!r}, datetime.fromisoformat({NOW.isoformat()!r}))
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"SMS_SECRET": SECRET}, check=False)
    assert done.returncode == 9
    webhook = opened(tmp_path, "sms_parts")
    (record,) = [r for part in PARTS[1:] for r in take(webhook, **part)]
    assert text(record).startswith("No network since")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(min_size=1, max_size=300), st.integers(2, 6), st.randoms(use_true_random=False))
def test_any_text_cut_into_parts_comes_back(tmp_path, words, count, chance):
    raw = words.encode("utf-16-be", "surrogatepass")
    cuts = sorted(2 * chance.randrange(len(raw) // 2 + 1) for _ in range(count - 1))
    pieces = [raw[a:b] for a, b in itertools.pairwise([0, *cuts, len(raw)])]
    reference = random.Random(words).randrange(65_536)
    calls = [
        {
            "id": f"{n}",
            "data": piece.hex() or None,
            "text": "" if not piece else None,
            "dcs": 8,
            "udh": f"060804{reference:04x}{count:02x}{n:02x}",
        }
        for n, piece in enumerate(pieces, 1)
    ]
    chance.shuffle(calls)
    webhook = opened(tmp_path / str(chance.getrandbits(60)), "sms_parts")
    records = [record for call in calls for record in take(webhook, **{k: v for k, v in call.items() if v is not None})]
    webhook.close()
    expected = raw.decode("utf-16-be", "replace").strip()
    assert len(records) == 1
    assert json.loads(records[0].payload).get("text", "").replace("\ufeff", "") == expected.replace("\ufeff", "")


fuzz = st.recursive(
    st.none() | st.text(max_size=8) | st.integers() | st.booleans() | st.floats(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(["from", "to", "id", "text", "data", "dcs", "udh", "ref", "part", "parts", "received_at"]), v, max_size=8),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200) | fuzz.map(lambda v: json.dumps(v).encode()),
    st.sampled_from(["application/json", FORM, "", "multipart/form-data; boundary=b", "text/plain"]),
)
def test_any_signed_bytes_end_as_records_or_a_bad_call(tmp_path, body, kind):
    stamp = str(int(NOW.timestamp()))
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    webhook = opened(tmp_path, "sms_parts")
    try:
        for record in webhook.accept({"content-type": kind, "x-signature": digest, "x-timestamp": stamp}, body, NOW):
            assert 0 < len(record.key) <= 200
            json.loads(record.payload.decode())
    except BadCall:
        pass
    finally:
        webhook.close()
    with pytest.raises(Forged):
        webhook.accept({"content-type": kind, "x-signature": "00", "x-timestamp": stamp}, body, NOW)
    for gateway in ("sms_twilio", "sms_africastalking"):
        with pytest.raises(Forged):
            opened(tmp_path, gateway).accept({"content-type": kind, "x-twilio-signature": "x"}, body, NOW)


def test_settings_that_cannot_work_are_refused(tmp_path):
    for wrong in (
        {"gateway": "sms_twilio"},
        {"gateway": "nosuch"},
        {"gateway": "sms_parts", "default_region": "Nigeria"},
        {"gateway": {"sender": "f"}},
    ):
        with pytest.raises(ValidationError):
            SmsWebhookSettings.model_validate(wrong)
    with pytest.raises(BadSource, match="secret_env or secret_file"):
        opened(tmp_path, "sms_parts", secret_env=None)
