"""Calls over HTTP into a real JetStream."""

import asyncio
import json
import re
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors import nats_server
from connectors.errors import NatsAway, StreamFull
from connectors.nats import NatsTarget, StreamSpec, connect, ensure_stream
from engine.settings import Settings
from serve import forms, hooks, problems, webhooks
from serve.hooks import Hooks

SOURCES = {
    "gateway": {"kind": "sms_webhook", "gateway": "sms_africastalking", "secret_env": "GATEWAY", "max_call_bytes": 2000},
    "parts": {"kind": "sms_webhook", "gateway": {"signature": {"kind": "token", "header": "X-Token"}, "sender": "from", "text": "text",
              "reference": "ref", "number": "part", "total": "parts"}, "secret_env": "GATEWAY", "join_s": 1},
    "page": {"kind": "social_webhook", "hook": "meta", "secret_env": "GATEWAY", "verify_env": "GATEWAY"},
    "unset": {"kind": "sms_webhook", "gateway": "sms_africastalking", "secret_env": "NOT_SET_ANYWHERE"},
    "care": {"kind": "web_form", "title": "Tell <us>", "least_fill_s": 0, "per_minute": 5, "all_per_minute": 5},
    "inbox": {"kind": "folder", "path": "/nowhere"},
}  # fmt: skip
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A client of the endpoints, and what the stream holds."""
    import subprocess

    monkeypatch.setenv("GATEWAY", "t0ken")
    settings = Settings.model_validate({"data_dir": tmp_path, "sources": SOURCES})
    config, credentials = nats_server.prepare(tmp_path / "nats", 0, 1 << 20, 1 << 30)
    server = subprocess.Popen(
        [str(nats_server.find_binary()), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    nats_server.wait_ready(server, credentials, tmp_path / "nats" / "nats-server.log")
    app = FastAPI()
    problems.install(app)
    app.include_router(webhooks.router)
    app.include_router(forms.router)
    served = SimpleNamespace(settings=settings, ledger=None, js=None)
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:

        async def start():
            target = NatsTarget(credentials.url, credentials.user, credentials.password)
            connection = await connect(target, "test", patient=False)
            served.js = connection.jetstream()
            await ensure_stream(served.js, "COMPLAINTS", ["complaints.>"], StreamSpec(8 << 20, 1 << 20, 60))
            app.state.hooks = Hooks(served)
            return connection

        connection = client.portal.call(start)

        async def stored():
            info = await served.js.stream_info("COMPLAINTS")
            found = [await served.js.get_msg("COMPLAINTS", seq) for seq in range(1, info.state.last_seq + 1)]
            return [json.loads(message.data) for message in found]

        yield SimpleNamespace(
            client=client, hooks=app.state.hooks, stored=lambda: client.portal.call(stored), run=client.portal.call
        )
        client.portal.call(connection.close)
    nats_server.stop(server)


def sms(engine, token="t0ken", **fields):
    told = {"from": "+2348031234567", "to": "20880", "text": "no network", "id": "1"} | fields
    return engine.client.post(f"/v1/webhooks/gateway?token={token}", content=urlencode(told), headers=FORM)


def test_a_call_is_answered_once_it_is_in_the_stream(engine):
    answer = sms(engine)
    assert (answer.status_code, answer.text) == (200, "")
    (stored,) = engine.stored()
    assert (stored["channel"], stored["source"], stored["source_key"]) == ("sms", "gateway", "1")
    assert json.loads(stored["payload"])["phone"] == "+2348031234567"
    assert sms(engine).status_code == 200
    assert len(engine.stored()) == 1


def test_refusals_say_why(engine):
    assert sms(engine, token="wrong").status_code == 401
    assert (
        engine.client.post(
            "/v1/webhooks/gateway?token=t0ken", content=b"[1", headers={"content-type": "application/json"}
        ).status_code
        == 400
    )
    assert sms(engine, text="x" * 2001).status_code == 413
    for name in ("nosuch", "inbox"):
        assert engine.client.post(f"/v1/webhooks/{name}").status_code == 404
    answer = engine.client.post("/v1/webhooks/unset?token=x")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "NOT_SET" not in answer.text
    assert engine.stored() == []


@pytest.mark.parametrize(("error", "code"), [(StreamFull("full"), 429), (NatsAway("away"), 503)])
def test_under_pressure_the_provider_is_told_to_wait(engine, monkeypatch, error, code):
    async def fail(*args, **more):
        raise error

    monkeypatch.setattr(hooks, "publish", fail)
    answer = sms(engine)
    assert answer.status_code == code
    assert int(answer.headers["retry-after"]) > 0


def test_metas_challenge(engine):
    query = {"hub.mode": "subscribe", "hub.verify_token": "t0ken", "hub.challenge": "<b>1</b>"}
    answer = engine.client.get("/v1/webhooks/page", params=query)
    assert (answer.status_code, answer.text) == (200, "<b>1</b>")
    assert (
        answer.headers["content-type"].startswith("text/plain")
        and answer.headers["x-content-type-options"] == "nosniff"
    )
    assert engine.client.get("/v1/webhooks/page", params=query | {"hub.verify_token": "x"}).status_code == 401
    assert engine.client.get("/v1/webhooks/page").status_code == 400


def part(engine, number, text):
    fields = {"from": "+2348031234567", "text": text, "ref": "7", "part": number, "parts": 2}
    return engine.client.post("/v1/webhooks/parts", content=urlencode(fields), headers=FORM | {"x-token": "t0ken"})


def test_parts_are_joined_and_settled(engine):
    assert part(engine, 2, "network").status_code == 200
    assert engine.stored() == []
    assert part(engine, 1, "no ").status_code == 200
    (stored,) = engine.stored()
    assert json.loads(stored["payload"])["text"] == "no network"
    raw = (engine.hooks._served.settings.data_dir / "webhooks" / "parts.parts.sqlite").read_bytes()
    assert b"network" not in raw


def test_a_message_whose_parts_never_come_is_published_by_the_sweep(engine):
    assert part(engine, 2, "network").status_code == 200

    async def sweep():
        task = asyncio.create_task(engine.hooks.sweep())
        for _ in range(100):
            await asyncio.sleep(0.1)
            if (await engine.hooks._served.js.stream_info("COMPLAINTS")).state.messages:
                break
        task.cancel()

    engine.run(sweep)
    (stored,) = engine.stored()
    assert stored["metadata"] == {"parts": 2, "missing_parts": [1]}


def fill(engine, **fields):
    page = engine.client.get("/form/care")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)[1]
    told = {"form_token": token, "website": ""} | fields
    return engine.client.post("/form/care", content=urlencode(told), headers=FORM)


def test_the_form_takes_a_complaint_and_thanks(engine):
    page = engine.client.get("/form/care")
    assert page.status_code == 200
    assert "Tell &lt;us&gt;" in page.text and "<script" not in page.text and 'name="viewport"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in re.findall(r'<(?:input|textarea|select) id="([^"]+)"', page.text):
        assert f'<label for="{name}">' in page.text
    answer = fill(engine, text="no network", phone="08031234567")
    assert (answer.status_code, answer.headers["location"]) == (303, "/form/care/thanks")
    assert "Thank you" in engine.client.get("/form/care/thanks").text
    (stored,) = engine.stored()
    assert stored["channel"] == "web_form"
    assert json.loads(stored["payload"]) == {"text": "no network", "phone": "08031234567"}


def test_spam_is_thanked_and_kept(engine):
    assert fill(engine, text="buy", website="x").status_code == 303
    (stored,) = engine.stored()
    assert stored["defect_code"] == "spam_suspected"


def test_what_was_written_comes_back_escaped_with_the_error(engine):
    answer = fill(engine, text=" ", phone='"><script>alert(1)</script>')
    assert answer.status_code == 422
    assert "Please write what happened" in answer.text
    assert "<script" not in answer.text and "&lt;script&gt;" in answer.text
    assert engine.stored() == []


def test_the_form_when_nothing_can_be_taken(engine, monkeypatch):
    async def fail(*args, **more):
        raise NatsAway("away")

    monkeypatch.setattr(hooks, "publish", fail)
    answer = fill(engine, text="no network at all")
    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert "no network at all" in answer.text and "send it again" in answer.text
    assert fill(engine, text="x" * 300_000).status_code == 413
    for _ in range(5):
        answer = fill(engine, text="no network")
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    assert engine.client.get("/form/gateway").status_code == 404
    assert engine.client.get("/form/nosuch").headers["content-type"].startswith("text/html")


def test_a_program_posts_json_to_the_form(engine):
    page = engine.client.get("/form/care")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)[1]
    answer = engine.client.post("/v1/webhooks/care", json={"text": "no network", "form_token": token})
    assert answer.json() == {"accepted": True}
    assert "defect_code" not in engine.stored()[0]
