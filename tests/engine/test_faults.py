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


def victims(engine, part):
    if part in ("nats-server", "stream", "ray"):
        return [engine.pid_of(part)]
    family = psutil.Process(engine.process.pid).children(recursive=True)
    return [p.pid for p in family if part in " ".join(p.cmdline()) or part in p.name()]


@pytest.mark.parametrize("part", ["nats-server", "ray::WriterProcess", "ray::EmbedderProcess", "stream", "ray"])
def test_parts_killed_while_complaints_come_in(own_engine, part):
    sender = Sender(own_engine)
    sender.start()
    for _ in range(2):
        time.sleep(2)
        found = victims(own_engine, part)
        assert found, f"no process of {part}"
        os.kill(found[0], signal.SIGKILL)
        time.sleep(4)
    check(own_engine, sender)


def test_the_engine_killed_and_started_again(own_engine):
    sender = Sender(own_engine)
    sender.start()
    time.sleep(3)
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
