"""The process that reads sources, against a real nats-server."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from connectors import nats_server
from connectors.nats import NatsTarget, StreamSpec, connect, ensure_stream
from engine.intake.cursors import Cursors
from engine.intake.envelope import Delivery
from engine.intake.pack import unpack
from engine.run import runtime
from engine.settings import ROOT, load_settings

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Host:
    """A nats-server, and the process on a data folder beside it."""

    def __init__(self, folder, sources, max_bytes=64 << 20):
        self.data, self.max_bytes = folder / "data", max_bytes
        config, credentials = nats_server.prepare(folder / "nats", 0, 1 << 20, 1 << 30)
        self.server = subprocess.Popen([str(nats_server.find_binary()), "-c", str(config)], stderr=subprocess.DEVNULL)
        nats_server.wait_ready(self.server, credentials, folder / "nats" / "nats-server.log")
        self.target = NatsTarget(credentials.url, credentials.user, credentials.password, roles=credentials.roles)
        spec = StreamSpec(max_bytes, 1 << 20, 120)
        self.ask(lambda js: ensure_stream(js, "COMPLAINTS", ["complaints.>"], spec))
        settings = load_settings(data_dir=self.data, sources=sources)
        runtime.save(settings, runtime.Runtime(self.target, "", None, 0, False))
        self.cursors = Cursors(self.data / "sources")
        self.process = None
        self.start()

    def start(self):
        command = [sys.executable, "-m", "engine.intake.sources", str(self.data)]
        with (self.data / "sources.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ask(self, work):
        async def run():
            connection = await connect(self.target, "test", patient=False)
            try:
                return await work(connection.jetstream())
            finally:
                await connection.close()

        return asyncio.run(run())

    def stored(self, *, purge=False):
        """Every record in the stream, in order, repeats too; with `purge` they leave it."""

        async def read(js):
            found, state = [], (await js.stream_info("COMPLAINTS")).state
            for seq in range(state.first_seq, state.last_seq + 1):
                message = await js.get_msg("COMPLAINTS", seq)
                found += unpack(Delivery(message.data, message.subject, seq, 1), NOW)
            if purge:
                await js.purge_stream("COMPLAINTS", seq=state.last_seq + 1)
            return found

        return self.ask(read)

    def state(self, name):
        return self.cursors.states().get(name, {})

    def until(self, check, limit_s=60):
        deadline = time.monotonic() + limit_s
        while not check():
            log = (self.data / "sources.log").read_text()[-2000:]
            assert time.monotonic() < deadline, log
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        nats_server.stop(self.server)


@pytest.fixture
def host(tmp_path):
    running = []

    def make(sources, **options):
        running.append(Host(tmp_path, sources, **options))
        return running[0]

    yield make
    for one in running:
        one.stop()


def log_source(tmp_path, **changes):
    return {"kind": "log", "paths": [str(tmp_path / "calls.log")], "linger_s": 0, "poll_s": 0.2} | changes


def test_killed_again_and_again_it_skips_nothing_and_repeats_only_with_equal_ids(host, tmp_path):
    (tmp_path / "in").mkdir()
    folder = {"kind": "folder", "path": str(tmp_path / "in"), "settle_s": 0}
    running = host({"calls": log_source(tmp_path), "files": folder})
    lines, rows = [], []
    for turn in range(4):
        with (tmp_path / "calls.log").open("a") as log:
            for number in range(5000):
                lines.append(f"call {turn} {number}")
                log.write(lines[-1] + "\n")
        some = [f"row {turn} {number}" for number in range(5000)]
        (tmp_path / f"{turn}.txt").write_text("\n".join(some))
        (tmp_path / f"{turn}.txt").rename(tmp_path / "in" / f"{turn}.txt")
        rows += some
        before = sum(state["records"] for state in running.cursors.states().values())
        running.until(lambda before=before: sum(s["records"] for s in running.cursors.states().values()) > before)
        running.kill()
        if turn == 1:
            (tmp_path / "calls.log").rename(tmp_path / "calls.log.1")
        running.start()
    # Counts of the state stop with a kill, so the stream tells when all is there.
    running.until(lambda: len({key for key, _ in running.stored()}) >= len(lines) + len(rows))
    running.kill()
    payloads = Counter({envelope.payload.decode(): 0 for _, envelope in running.stored()})
    for _, envelope in dict(running.stored()).items():
        payloads[envelope.payload.decode()] += 1
    assert payloads == dict.fromkeys(lines + rows, 1)


def test_a_full_stream_holds_a_source_which_goes_on_when_there_is_room(host, tmp_path):
    running = host({"calls": log_source(tmp_path)}, max_bytes=1 << 20)
    lines = [f"call {number} {'x' * 400}" for number in range(5000)]
    (tmp_path / "calls.log").write_text("".join(line + "\n" for line in lines))
    running.until(lambda: running.state("calls").get("state") == "held")
    assert "full" in running.state("calls")["error"]
    found = {}
    deadline = time.monotonic() + 60
    while len(found) < len(lines):
        assert time.monotonic() < deadline
        found |= dict(running.stored(purge=True))
        time.sleep(0.3)
    assert sorted(envelope.payload.decode() for envelope in found.values()) == sorted(lines)


def test_one_source_that_cannot_work_stops_alone_with_its_reason(host, tmp_path):
    (tmp_path / "calls.log").write_text("one\n")
    broken = {"kind": "imap", "host": "127.0.0.1", "user": "x", "password_env": "NOT_SET_ANYWHERE"}
    running = host({"calls": log_source(tmp_path), "inbox": broken})
    running.until(lambda: running.state("calls").get("records") == 1)
    running.until(lambda: running.state("inbox").get("state") == "stopped")
    assert "NOT_SET_ANYWHERE is not set" in running.state("inbox")["error"]
    assert running.process.poll() is None


def test_a_paused_source_waits_and_a_stop_is_in_order(host, tmp_path):
    (tmp_path / "calls.log").write_text("one\n")
    running = host({"calls": log_source(tmp_path)})
    running.until(lambda: running.state("calls").get("records") == 1)
    running.cursors.pause("calls")
    running.until(lambda: running.state("calls")["state"] == "paused")
    with (tmp_path / "calls.log").open("a") as log:
        log.write("two\n")
    running.process.terminate()
    assert running.process.wait(20) == 0
    running.start()
    running.until(lambda: running.state("calls")["state"] == "paused")
    assert running.state("calls")["records"] == 1
    running.cursors.pause("calls", False)
    running.until(lambda: running.state("calls").get("records") == 2)
    assert [envelope.payload for _, envelope in running.stored()] == [b"one", b"two"]
    assert list((running.data / "ledger").iterdir())
