"""A folder and a log that are configured: what is dropped in is stored, though their process is killed."""

import os
import signal
import time
from collections import Counter

import pytest
import yaml

from connectors.lance import open_reader
from engine.intake.cursors import Cursors
from tests.running import Engine


def settled(check, limit_s=90):
    deadline = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.2)


@pytest.fixture
def sourced(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "data").mkdir()
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "sources": {
                    "exports": {"kind": "folder", "path": str(tmp_path / "in"), "settle_s": 0.3, "poll_s": 1},
                    "calls": {"kind": "log", "paths": [str(tmp_path / "calls.log")], "linger_s": 0.3},
                    "broken": {"kind": "imap", "host": "127.0.0.1", "user": "x", "password_env": "NOT_SET_ANYWHERE"},
                }
            }
        )
    )
    monkeypatch.setenv("BEEJAN_CONFIG", str(config))
    running = Engine(tmp_path / "data")
    yield running, tmp_path
    running.stop()


def stored(engine):
    table = open_reader(f"{engine.folder}/zones/raw", "envelopes")
    return table.search().select(["event_id", "source"]).limit(10**6).to_arrow().to_pylist()


def test_a_folder_and_a_log_are_stored_though_their_process_is_killed(sourced):
    engine, folder = sourced
    with (folder / "calls.log").open("a") as log:
        for number in range(3000):
            log.write(f"call {number}: the network is down again\n")
            if number % 300 == 0:
                log.flush()
                (folder / "in" / f"{number}.txt").write_text(
                    "".join(f"export {number} {n} no bill\n" for n in range(300))
                )
            if number in (600, 1200):
                log.flush()
                time.sleep(1)
                os.kill(engine.pid_of("sources"), signal.SIGKILL)
                settled(lambda: _restarted(engine), 30)
            if number == 1500:
                log.flush()
                (folder / "calls.log").rename(folder / "calls.log.1")
                break
    with (folder / "calls.log").open("a") as log:
        for number in range(1501, 3000):
            log.write(f"call {number}: the network is down again\n")
    files = len(list((folder / "in").glob("*.txt")))
    settled(lambda: len(stored(engine)) >= 3000 + 300 * files)
    os.kill(engine.pid_of("sources"), signal.SIGKILL)
    time.sleep(3)
    rows = stored(engine)
    assert Counter(row["source"] for row in rows) == {"calls": 3000, "exports": 300 * files}
    assert len({row["event_id"] for row in rows}) == len(rows)
    found = {one["name"]: one for one in engine.cli("sources", "list")["sources"]}
    assert (found["broken"]["state"], "NOT_SET_ANYWHERE" in found["broken"]["error"]) == ("stopped", True)
    assert found["calls"]["state"] == "reading"
    assert engine.cli("sources", "check", "calls")["read"] == 100
    _pauses(engine, folder)


def _pauses(engine, folder):
    engine.cli("sources", "pause", "calls")
    cursors = Cursors(engine.folder / "sources")
    settled(lambda: cursors.states()["calls"]["state"] == "paused", 30)
    before = len(stored(engine))
    with (folder / "calls.log").open("a") as log:
        log.write("one more call about the bill\n")
    time.sleep(2)
    assert len(stored(engine)) == before
    engine.cli("sources", "resume", "calls")
    settled(lambda: len(stored(engine)) == before + 1, 30)
    engine.cli("sources", "pause", "nobody", code=3)


def _restarted(engine):
    try:
        os.kill(engine.pid_of("sources"), 0)
    except ProcessLookupError:
        return False
    return True
