"""One real engine for the session: nats-server, Ray, LanceDB, the weights, Serve."""

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from connectors.lance import open_reader


class Engine:
    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.start()

    def start(self):
        (self.folder / "engine.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "engine.cli", "up", "--data-dir", str(self.folder), "--port", "0"]
        with (self.folder / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not (self.folder / "engine.json").exists():
            assert self.process.poll() is None, (self.folder / "engine.log").read_text()[-3000:]
            assert time.monotonic() < deadline, "the engine was not ready within two minutes"
            time.sleep(0.1)
        values = json.loads((self.folder / "engine.json").read_text())
        self.url, self.key = values["url"], values["admin_key"]
        self.http = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(120)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pid_of(self, part):
        parts = json.loads((self.folder / "run" / "supervisor.json").read_text())["parts"]
        return parts[part]["pid"]

    def ray_worker(self, name):
        """The pid of this engine's actor process with `name` in its title."""
        raylets = psutil.Process(self.process.pid).children(recursive=True)
        found = [p.pid for p in raylets if name in " ".join(p.cmdline()) or name in p.name()]
        return found[0] if found else None

    def cli(self, *arguments, code=0):
        command = [sys.executable, "-m", "engine.cli", *arguments, "--data-dir", str(self.folder), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def table(self, zone, name):
        return open_reader(f"{self.folder}/zones/{zone}", name)

    def ids(self, zone, name):
        return self.table(zone, name).search().select(["event_id"]).limit(10**6).to_arrow()["event_id"].to_pylist()

    def post(self, *records):
        return self.http.post("/v1/complaints", json=list(records)).raise_for_status().json()

    def wait_for(self, ids, limit_s=60):
        deadline = time.monotonic() + limit_s
        states = ["unknown"] * len(ids)
        while time.monotonic() < deadline:
            answer = self.http.post("/v1/complaints/lookup", json={"ids": ids})
            # 503: a part that was killed is being started again; the answer says to try later.
            if answer.status_code != 503:
                states = answer.raise_for_status().json()["states"]
            if "unknown" not in states:
                return states
            time.sleep(0.2)
        raise AssertionError(f"not settled within {limit_s} s: {states.count('unknown')} of {len(ids)}")


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    running = Engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture
def own_engine(tmp_path):
    """An engine that a test may hurt."""
    running = Engine(tmp_path)
    yield running
    running.stop()


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/engine" in str(item.fspath).replace(os.sep, "/"):
            item.add_marker(pytest.mark.engine)
