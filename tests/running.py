"""A real engine for tests: nats-server, Ray, LanceDB, the weights, Serve."""

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import psutil

from connectors.lance import open_reader
from engine.run.ray_head import temp_dir

#: What the tables hold of a complaint that is stored.
TABLES = (("raw", "envelopes"), ("curated", "complaints"), ("serving", "complaints"))


class Engine:
    """`beejan up` on `folder`; `environment` is added to its own. Nothing is shed, however busy the machine is."""

    def __init__(self, folder, environment=None):
        self.folder = folder
        self.environment = {"BEEJAN_OVERLOAD__LADDER": "{}"} | (environment or {})
        self.process = None
        self.start()

    def start(self):
        (self.folder / "engine.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "engine.cli", "up", "--data-dir", str(self.folder), "--port", "0"]
        with (self.folder / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | self.environment)
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

    def processes(self):
        """(process, command line) of all that belongs to this engine, also what lost its parent."""
        ours = {p.pid for p in psutil.Process(self.process.pid).children(recursive=True)}
        marks = (str(temp_dir(self.folder)), str(self.folder))
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                # A worker that is being started is none yet; its title comes later.
                if (process.pid in ours or any(mark in line for mark in marks)) and (
                    process.status() != psutil.STATUS_ZOMBIE and process.pid not in (self.process.pid, os.getpid())
                ):
                    yield process, line
            except psutil.NoSuchProcess:
                continue

    def cli(self, *arguments, code=0):
        command = [sys.executable, "-m", "engine.cli", *arguments, "--data-dir", str(self.folder), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def table(self, zone, name):
        return open_reader(f"{self.folder}/zones/{zone}", name)

    def ids(self, zone, name):
        return self.table(zone, name).search().select(["event_id"]).limit(10**7).to_arrow()["event_id"].to_pylist()

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
