import hashlib
import hmac
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.social.push import SocialPush
from connectors.social.settings import SocialWebhookSettings
from connectors.source import BadCall, BadSource, Forged
from tests.connectors.conformance import NOW, Call, WebhookCase, WebhookConformance

SECRET = "s3cret of the app"


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_VERIFY", "v3rify")


def push(hook="meta", **more):
    given = {"hook": hook, "secret_env": "HOOK_SECRET", "verify_env": "HOOK_VERIFY"} | more
    return SocialPush("page", SocialWebhookSettings.model_validate(given))


def meta(*entries):
    body = json.dumps({"object": "page", "entry": list(entries)}).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Call({"content-type": "application/json", "x-hub-signature-256": f"sha256={digest}"}, body)


def message(mid, text, **more):
    return {
        "id": "1",
        "messaging": [
            {"sender": {"id": "5551"}, "timestamp": 1772360000123, "message": {"mid": mid, "text": text} | more}
        ],
    }


class TestMeta(WebhookConformance):
    @pytest.fixture
    def case(self):
        return WebhookCase(
            open=push,
            call=meta(message("m_1", "the mast is silent")),
            text="the mast is silent",
            second=meta(message("m_2", "the mast is silent")),
            signature="x-hub-signature-256",
            empty=meta({"id": "1", "messaging": [{"sender": {"id": "1"}, "delivery": {"mids": ["m_1"]}}]}),
            secrets=("5551",),
        )


# Body and time are signed, as Slack and others do.
TIMED = {
    "signature": {"kind": "hmac", "header": "X-Sig", "encoding": "base64", "signed": "v0:{timestamp}:{body}", "timestamp_header": "X-Time", "tolerance_s": 300},
    "challenge": "x",
    "posts": {"posts": {"items": "posts[]", "author": "by", "occurred_at": "at"}},
}  # fmt: skip


def timed(stamp, *posts):
    import base64

    body = json.dumps({"posts": posts}).encode()
    digest = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).digest()
    return Call({"x-sig": base64.b64encode(digest).decode(), "x-time": str(stamp)}, body)


class TestTimed(WebhookConformance):
    @pytest.fixture
    def case(self):
        moment = int(NOW.timestamp())
        return WebhookCase(
            open=lambda: push(TIMED),
            call=timed(moment - 290, {"id": 1, "text": "wrong bill", "by": "@ada"}),
            text="wrong bill",
            second=timed(moment, {"id": 2, "text": "wrong bill", "by": "@ada"}),
            old=timed(moment - 3600, {"id": 1, "text": "wrong bill", "by": "@ada"}),
            signature="x-sig",
            empty=timed(moment),
            secrets=("ada",),
        )


@pytest.mark.parametrize(
    "stamp", ["", "soon", "nan", "1e400", "9" * 400, "-1", int(NOW.timestamp()) + 301, "2026-03-02T11:54:59Z"]
)
def test_a_time_that_is_none_or_far_away_is_forged(stamp):
    call = timed(stamp, {"id": 1, "text": "x"})
    with pytest.raises(Forged):
        push(TIMED).accept(call.headers, call.body, NOW)


@pytest.mark.parametrize(
    "stamp", [int(NOW.timestamp()) * 1000, "2026-03-02T12:04:59+00:00", "2026-03-02T13:00:00+01:00"]
)
def test_times_in_other_forms_are_read(stamp):
    call = timed(stamp, {"id": 1, "text": "x"})
    assert len(push(TIMED).accept(call.headers, call.body, NOW)) == 1


def test_metas_challenge_is_answered_to_who_knows_the_token():
    query = {"hub.mode": "subscribe", "hub.verify_token": "v3rify", "hub.challenge": "1158201444"}
    assert push().challenge(query) == "1158201444"
    for wrong in ("", "other", "é"):
        with pytest.raises(Forged):
            push().challenge(query | {"hub.verify_token": wrong})
    assert push().challenge({"hub.verify_token": "v3rify"}) is None


def test_xs_challenge_is_an_hmac_of_its_token():
    # Worked out with `printf abc | openssl dgst -sha256 -hmac 's3cret of the app' -binary | base64`.
    assert json.loads(push(TIMED).challenge({"crc_token": "abc"})) == {
        "response_token": "sha256=/3S7D0Ol2x4YBqgf41DmJ6gQgXct6naauiygcLcTPhw="
    }


def test_a_call_with_many_posts_gives_each_once_and_leaves_others_out():
    comment = {
        "item": "comment",
        "verb": "add",
        "comment_id": "1_2",
        "message": "still no refund",
        "created_time": 1772360000,
        "from": {"id": "77", "name": "Ada"},
    }
    entries = [
        message("m_1", "one"), message("m_1", "one"), message("m_2", "ours", is_echo=True), message("m_3", None),
        {"changes": [{"field": "feed", "value": comment}, {"field": "feed", "value": comment | {"verb": "remove"}}, {"value": {"item": "like", "verb": "add"}}]},
    ]  # fmt: skip
    call = meta(*entries)
    records = push().accept(call.headers, call.body, NOW)
    assert [r.key for r in records] == ["m_1", "m_3", "1_2"]
    assert json.loads(records[2].payload) == {
        "id": "1_2", "text": "still no refund", "occurred_at": "2026-03-01T10:13:20+00:00", "customer_id": "77",
    }  # fmt: skip
    assert json.loads(records[0].payload)["occurred_at"] == "2026-03-01T10:13:20.123000+00:00"


def test_a_signed_body_that_is_no_json_is_a_bad_call():
    body = b"not json"
    headers = {"x-hub-signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
    with pytest.raises(BadCall):
        push().accept(headers, body, NOW)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers() | st.booleans(), lambda v: st.lists(v) | st.dictionaries(st.sampled_from(
    ["entry", "messaging", "changes", "value", "message", "mid", "text", "item", "verb", "comment_id", "from", "id", "timestamp"]), v), max_leaves=20).map(lambda v: json.dumps(v).encode()))  # fmt: skip
def test_any_signed_bytes_end_as_records_or_a_bad_call(body):
    import os

    os.environ["HOOK_SECRET"], os.environ["HOOK_VERIFY"] = SECRET, "v3rify"
    headers = {"x-hub-signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
    webhook = push()
    try:
        for record in webhook.accept(headers, body, NOW):
            assert isinstance(json.loads(record.payload), dict) and 0 < len(record.key) <= 200
    except BadCall:
        pass
    with pytest.raises(Forged):
        webhook.accept({"x-hub-signature-256": "sha256=00"}, body, NOW)


def test_missing_secrets_are_named(monkeypatch):
    monkeypatch.delenv("HOOK_SECRET")
    with pytest.raises(BadSource, match="HOOK_SECRET is not set"):
        push()
    with pytest.raises(BadSource, match="secret_env or secret_file"):
        push(secret_env=None)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with pytest.raises(BadSource, match="verify_env or verify_file"):
        push(verify_env=None)


@pytest.mark.parametrize(
    "signature",
    [
        {"kind": "hmac", "header": "X", "timestamp_header": "T"},
        {"kind": "hmac", "header": "X", "signed": "{timestamp}.{body}"},
        {"kind": "hmac", "header": "X", "signed": "nothing"},
        {"kind": "token"},
        {"kind": "token", "header": "X", "parameter": "p"},
        {"kind": "twilio"},
        {"kind": "md5", "header": "X"},
    ],
)
def test_signatures_that_prove_nothing_are_refused(signature):
    with pytest.raises(ValidationError):
        SocialWebhookSettings.model_validate({"hook": TIMED | {"signature": signature}})
