from datetime import UTC, datetime

import pytest

from engine.intake.envelope import Envelope
from engine.intake.ingest import StillWaiting, chunks, send, wait

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def make(key, size=5):
    return Envelope("sms", "gw", key, b"x" * size, "text/plain", NOW)


class Api:
    """An engine that stores what it was sent, at the second question; dead letters have 'bad' as their key."""

    def __init__(self, slow=False):
        self.states, self.sent, self.slow = {}, 0, slow

    def post(self, path, body, *, patience_s=0):
        if path.endswith("lookup"):
            found = [self.states.get(i, "unknown") for i in body["ids"]]
            if not self.slow:
                self.states |= {i: s.removeprefix("soon ") for i, s in self.states.items()}
            return {"states": ["unknown" if s.startswith("soon") else s for s in found]}
        for record in body["envelopes"]:
            import json

            envelope = Envelope.from_bytes(json.dumps(record).encode())
            self.states[envelope.event_id] = "soon dead_lettered" if envelope.source_key == "bad" else "soon stored"
            self.sent += 1
        return {}


def test_the_numbers_add_up(monkeypatch):
    monkeypatch.setattr("engine.intake.ingest.time.sleep", lambda s: None)
    api = Api()
    report = wait(api, send(api, [make("1"), make("2"), make("2"), make("bad")]), 5)
    assert report.public() | {"seconds": 0} == {
        "read": 4,
        "accepted": 3,
        "duplicates": 1,
        "stored": 2,
        "dead_lettered": 1,
        "seconds": 0,
    }
    again = wait(api, send(api, [make("1"), make("2"), make("2"), make("bad")]), 5)
    assert (again.read, again.duplicates, again.stored, again.dead_lettered, api.sent) == (4, 4, 0, 0, 3)


def test_waiting_ends_with_what_to_do():
    api = Api(slow=True)
    with pytest.raises(StillWaiting, match=r"1 of 1 records .* safe in the stream"):
        wait(api, send(api, [make("1")]), 0)


def test_requests_are_bounded_by_rows_and_bytes():
    assert [len(c) for c in chunks(make(str(n)) for n in range(1201))] == [500, 500, 201]
    assert [len(c) for c in chunks(make(str(n), 1 << 20) for n in range(4))] == [1, 1, 1, 1]
