"""Whatever is killed: nothing acknowledged is lost, and no event id stands twice."""

import os
import signal
import threading
import time
from collections import Counter

import httpx
import psutil
import pytest

TABLES = (("raw", "envelopes"), ("curated", "complaints"), ("serving", "complaints"))


class Sender(threading.Thread):
    """Publishes until told to stop, trying again while the engine is away; keeps what was acknowledged."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.engine, self.stopping, self.acknowledged = engine, threading.Event(), []

    def run(self):
        number = 0
        while not self.stopping.is_set():
            records = [{"id": f"{number}-{n}", "text": f"complaint {number} {n} about the network"} for n in range(20)]
            while True:
                try:
                    answer = self.engine.http.post("/v1/complaints", json=records, timeout=10)
                    answer.raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.3)
            self.acknowledged += answer.json()["event_ids"]
            number += 1
            time.sleep(0.05)


def check(engine, sender):
    sender.stopping.set()
    sender.join(60)
    assert len(sender.acknowledged) > 100
    assert set(engine.wait_for(sender.acknowledged, 120)) == {"stored"}
    for zone, name in TABLES:
        counts = Counter(engine.ids(zone, name))
        assert max(counts.values()) == 1, f"{zone}.{name}"
        assert set(sender.acknowledged) <= counts.keys(), f"{zone}.{name}"
    volumes = engine.table("serving", "volumes").search().where("segment = 'channel=web_form'").limit(10**5).to_list()
    assert sum(row["count"] for row in volumes) == len(engine.ids("serving", "complaints"))


def victim(engine, part, limit_s=60):
    """The pid of a running process of this part; a part killed before has to be there again."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        for process in psutil.Process(engine.process.pid).children(recursive=True):
            ours = part in ("nats-server", "stream", "ray") and process.pid == engine.pid_of(part)
            if (
                ours or (part.startswith("ray::") and part in " ".join(process.cmdline()))
            ) and process.status() != psutil.STATUS_ZOMBIE:
                return process.pid
        time.sleep(0.2)
    raise AssertionError(f"no process of {part}")


@pytest.mark.parametrize(
    "part",
    [
        "nats-server",
        "ray::WriterProcess",
        pytest.param("ray::EmbedderProcess", marks=pytest.mark.soak),
        pytest.param("stream", marks=pytest.mark.soak),
        pytest.param("ray", marks=pytest.mark.soak),
    ],
)
def test_parts_killed_while_complaints_come_in(own_engine, part):
    sender = Sender(own_engine)
    sender.start()
    for _ in range(3):
        time.sleep(2)
        os.kill(victim(own_engine, part), signal.SIGKILL)
        time.sleep(4)
    check(own_engine, sender)


def test_the_engine_killed_and_started_again(own_engine):
    sender = Sender(own_engine)
    sender.start()
    for _ in range(3):
        time.sleep(2)
        own_engine.kill()
        own_engine.start()
    time.sleep(2)
    check(own_engine, sender)


def test_a_stop_drains_and_the_next_start_has_everything(own_engine):
    sent = own_engine.post(*({"id": str(n), "text": f"complaint {n} of the bill"} for n in range(300)))
    assert own_engine.stop() == 0
    own_engine.start()
    assert set(own_engine.wait_for(sent["event_ids"])) == {"stored"}
    for zone, name in TABLES:
        assert len(own_engine.ids(zone, name)) == 300
