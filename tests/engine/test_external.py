"""The same commands on a NATS and a Ray that were there before, and stay."""

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connectors import nats_server

BIN = Path(sys.executable).parent


@pytest.fixture
def outside(tmp_path):
    """A nats-server and a Ray head of somebody else: (configuration file, environment)."""
    _, credentials = nats_server.prepare(tmp_path / "nats", 0, 8 << 20, 1 << 30)
    nats = subprocess.Popen([BIN / "nats-server", "-c", tmp_path / "nats" / "nats-server.conf"])
    token = tmp_path / "ray.token"
    token.write_text(secrets.token_hex(32))
    environment = os.environ | {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "BEEJAN_NATS__PASSWORD": credentials.password,
    }  # fmt: skip
    port, folder = nats_server.free_port(), f"/tmp/bjx-{secrets.token_hex(4)}"
    ray = subprocess.Popen(
        [BIN / "ray", "start", "--head", "--block", f"--port={port}", f"--temp-dir={folder}", "--num-cpus=2",
         "--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=200000000"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    config = tmp_path / "config.yaml"
    config.write_text(
        f"nats: {{url: '{credentials.url}', user: {credentials.user}, max_bytes: 268435456}}\n"
        f"ray: {{address: '127.0.0.1:{port}'}}\nserve: {{port: 0}}\n"
    )
    nats_server.wait_ready(nats, credentials, tmp_path / "nats" / "nats-server.log")
    yield config, environment
    ray.send_signal(signal.SIGTERM)
    ray.wait(60)
    nats.terminate()
    nats.wait(10)


@pytest.mark.soak
def test_an_engine_uses_a_nats_and_a_ray_that_are_there_and_leaves_them_as_they_were(outside, tmp_path):
    config, environment = outside
    where = ["--data-dir", str(tmp_path / "data"), "--config", str(config), "--json"]

    def cli(*arguments):
        command = [sys.executable, "-m", "engine.cli", *arguments, *where]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    texts = tmp_path / "texts.csv"
    texts.write_text("id,text\n1,no network in Yaba since morning\n2,my bill is wrong again\n")
    for stored, duplicates in ((2, 0), (0, 2)):
        # The second start also meets what the first one left, which must be nothing.
        cli("up", "--detach")
        report = cli("ingest", str(texts), "--source", "outside", "--wait")
        assert (report["stored"], report["duplicates"]) == (stored, duplicates)
        assert cli("search", "network")["hits"][0]["source_key"] == "1"
        assert cli("down")["state"] == "ended"
