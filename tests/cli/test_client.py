"""The way to an engine that asks to wait, against a real server on loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.cli import client as client_module
from engine.cli.client import Client, EngineAway, EngineBusy


@pytest.fixture
def server(monkeypatch):
    """Answers what is in `answers`, in order: (status, headers)."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            status, headers = answers.pop(0)
            body = json.dumps({"detail": f"status {status}"}).encode()
            self.send_response(status)
            for name, value in ({"content-length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    monkeypatch.setenv("BEEJAN_URL", f"http://127.0.0.1:{running.server_port}")
    monkeypatch.setenv("BEEJAN_KEY", "k")
    running.answers, running.asked = answers, asked
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def slept(monkeypatch):
    """Time that passes only in sleeps."""
    passed = []

    class Time:
        @staticmethod
        def sleep(seconds):
            passed.append(seconds)

        @staticmethod
        def monotonic():
            return float(sum(passed))

    monkeypatch.setattr(client_module, "time", Time)
    return passed


def test_retry_after_is_kept_to_for_longer_than_an_absent_engine_is_waited_for(server, slept, caplog):
    server.answers += [(429, {"Retry-After": "600"})] * 30 + [(200, {})]
    assert Client().post("/v1/envelopes", {}, patience_s=180) == {"detail": "status 200"}
    assert slept == [600.0] * 30
    assert [record.message for record in caplog.records] == ["waiting: status 429"]


def test_it_gives_up_after_six_hours(server, slept):
    server.answers += [(429, {"Retry-After": "600"})] * 40
    with pytest.raises(EngineBusy):
        Client().post("/v1/envelopes", {}, patience_s=180)
    assert sum(slept) == 6 * 3600


def test_after_having_waited_an_absent_engine_is_waited_for_as_ever(server, slept):
    server.answers += [(429, {"Retry-After": "500"}), (503, {}), (503, {}), (200, {})]
    assert Client().post("/v1/envelopes", {}, patience_s=180) == {"detail": "status 200"}


def test_what_must_not_be_repeated_is_not(server, slept):
    server.answers += [(429, {}), (503, {})]
    with pytest.raises(EngineBusy) as caught:
        Client().post("/v1/repairs", {})
    assert caught.value.retry_after_s == 5
    with pytest.raises(EngineAway):
        Client().post("/v1/repairs", {})
    assert len(server.asked) == 2
