"""kill -9 of every part while complaints come in: nothing acknowledged is lost, nothing doubled, nothing by halves."""

import contextlib
import subprocess
import sys
import time

import psutil
import pytest

from tests.faults.flood import FULL, ROWS, Flood, times
from tests.faults.verdict import judge, strike

#: The part: how to tell its process, and how often it is killed.
PARTS = {
    "nats-server": (lambda process, line: process.name() == "nats-server", 10),
    "stream driver": (lambda process, line: "engine.curate.main" in line, 5),
    "Ray worker": (lambda process, line: line.startswith("ray::MapBatches("), 5),
    "raylet": (lambda process, line: process.name() == "raylet", 5),
    "GCS": (lambda process, line: process.name() == "gcs_server", 5),
    "writer": (lambda process, line: line.startswith("ray::WriterProcess"), 5),
    "embedder": (lambda process, line: line.startswith("ray::EmbedderProcess"), 5),
    "Serve replica": (lambda process, line: line.startswith("ray::ServeReplica"), 5),
    "Serve controller": (lambda process, line: line.startswith("ray::ServeController"), 5),
    "HAProxy": (lambda process, line: process.name() == "haproxy", 5),
}

SHORT = ("nats-server", "Ray worker", "writer", "Serve replica")


@pytest.fixture(scope="module")
def engine(start):
    # In the short form what was delivered and not acknowledged is waited for less long than by default.
    return start() if ROWS >= FULL else start(BEEJAN_INTAKE__ACK_WAIT_S="5")


def kill(engine, part, limit_s=120):
    """kill -9 of a running process of this part; one that was killed before has to be there again."""
    matches, _ = PARTS[part]
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        for process, line in engine.processes():
            try:
                if matches(process, line):
                    process.kill()
                    return
            except psutil.NoSuchProcess:
                continue
    raise AssertionError(f"no process of {part} within {limit_s} s")


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=pytest.mark.short if part in SHORT else ()) for part in PARTS]
)
def test_a_part_killed_while_complaints_come_in(engine, part):
    strike(Flood(engine, f"kill -9 {part}"), times(PARTS[part][1]), lambda: kill(engine, part))


@pytest.mark.short
def test_the_engine_killed_and_started_again(engine):
    def fault():
        engine.kill()
        engine.start()

    strike(Flood(engine, "kill -9 engine"), times(5), fault)


def test_every_process_killed_at_once(engine):
    def fault():
        everything = [process for process, _ in engine.processes()]
        engine.kill()
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        engine.start()

    strike(Flood(engine, "kill -9 every process"), times(5), fault)


def the_driver(engine, limit_s=120):
    """The one there is; while it is being replaced, because it has grown, there are two."""
    deadline = time.monotonic() + limit_s
    while True:
        drivers = [process for process, line in engine.processes() if "engine.curate.main" in line]
        if len(drivers) == 1:
            return drivers[0]
        assert time.monotonic() < deadline, f"{len(drivers)} drivers after {limit_s} s"
        time.sleep(0.5)


@pytest.mark.short
def test_the_driver_killed_between_commit_and_ack(engine):
    """It is stopped while a commit has reached raw and not yet serving, and killed once the writer has done it all."""
    raw, serving = engine.table("raw", "envelopes"), engine.table("serving", "complaints")
    struck = 0

    def fault():
        nonlocal struck
        aim = struck + 1
        while struck < aim:
            driver = the_driver(engine)
            before = raw.count_rows(), serving.count_rows()
            flood.more(9)
            while raw.count_rows() == before[0]:
                time.sleep(0.001)
            driver.suspend()
            # Serving is written after raw, and the driver acknowledges after the commit: it has not yet.
            if serving.count_rows() == before[1]:
                while serving.count_rows() == before[1]:
                    time.sleep(0.01)
                # The writer does one thing at a time: when it answers, the commit is done.
                assert engine.http.get("/v1/status").json()["stream"]["in_flight"] > 0
                driver.kill()
                struck += 1
            else:
                driver.resume()

    flood = Flood(engine, "kill between commit and ack")
    strike(flood, times(5), fault)


def test_a_second_engine_is_refused_and_hurts_nothing(engine):
    flood = Flood(engine, "two engines on one folder")
    flood.start()
    refused = 0
    for number in range(times(5)):
        flood.wait_acknowledged(flood.rows * (number + 1) // (times(5) + 1))
        command = [sys.executable, "-m", "engine.cli", "up", "--data-dir", str(engine.folder), "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 4
        assert f"(pid {engine.process.pid}) already runs on {engine.folder}" in " ".join(done.stderr.split())
        refused += 1
    seconds = [flood.probe()]
    flood.finish()
    assert engine.process.poll() is None and (engine.folder / "engine.json").exists()
    judge(flood, refused, seconds).check()
