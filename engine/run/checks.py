"""What `beejan doctor` looks at: each check says what it found and what to do."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from connectors import nats_server
from connectors.errors import BeejanError
from engine.settings import ROOT, Settings

_LEAST_DISK_BYTES, _GOOD_DISK_BYTES = 1 << 30, 10 << 30
_LEAST_MEMORY_BYTES, _GOOD_MEMORY_BYTES = 3 << 30, 6 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    state: Literal["ok", "warning", "failed"]
    found: str
    todo: str = ""

    def public(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)


def run_checks(settings: Settings) -> list[Check]:
    """Every check; one that raises is a failed one."""
    checks: dict[str, Callable[[Settings], Check]] = {
        "python": _python,
        "packages": _packages,
        "data folder": _folder,
        "disk": _disk,
        "memory": _memory,
        "port": _port,
        "nats-server": _nats,
        "ray": _ray,
        "lance": _lance,
        "model weights": _weights,
        "engine": _engine,
        "stream": _stream,
        "integrity": _integrity,
    }
    return list(_each(checks, settings))


def _each(checks: dict[str, Callable[[Settings], Check]], settings: Settings) -> Iterator[Check]:
    for name, check in checks.items():
        try:
            yield check(settings)
        except Exception as error:  # a check that cannot be made is a finding, not a crash
            text = str(error) if isinstance(error, BeejanError) else f"{type(error).__name__}: {str(error)[:200]}"
            yield Check(name, "failed", text, "mend this first; `beejan config show` tells what is configured")


def _python(_: Settings) -> Check:
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    return Check("python", "ok", found)


def _packages(_: Settings) -> Check:
    path = ROOT / "constraints.txt"
    if not path.exists():
        todo = "compare `pip freeze` with constraints.txt of the release"
        return Check("packages", "warning", "installed as a wheel, which does not know the tested versions", todo)
    pinned = dict(line.strip().split("==") for line in path.read_text().splitlines() if "==" in line and line[0] != "#")
    watched = ("ray", "lancedb", "pylance", "pyarrow", "nats-py", "torch", "sentence-transformers", "pydantic")
    wrong = []
    for name in watched:
        installed = importlib.metadata.version(name).split("+")[0]
        if installed != pinned.get(name):
            wrong.append(f"{name} {installed}, tested {pinned.get(name)}")
    if wrong:
        return Check("packages", "warning", "; ".join(wrong), "run `make install` for the tested versions")
    return Check("packages", "ok", f"the {len(watched)} that matter are as tested")


def _folder(settings: Settings) -> Check:
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"beejan")
        file.flush()
        os.fsync(file.fileno())
    return Check("data folder", "ok", f"{folder} can be written and synced")


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.data_dir).free
    return _amount("disk", free, _LEAST_DISK_BYTES, _GOOD_DISK_BYTES, "free some room, or choose another --data-dir")


def _memory(_: Settings) -> Check:
    free = psutil.virtual_memory().available
    return _amount("memory", free, _LEAST_MEMORY_BYTES, _GOOD_MEMORY_BYTES, "end other programs; an engine takes 3 GB")


def _amount(name: str, free: int, least: int, good: int, todo: str) -> Check:
    text = f"{free / (1 << 30):.1f} GB free"
    if free < least:
        return Check(name, "failed", text, todo)
    return Check(name, "warning" if free < good else "ok", text, todo if free < good else "")


def _port(settings: Settings) -> Check:
    port = settings.serve.port
    if port == 0:
        return Check("port", "ok", "a free one is picked")
    if (settings.data_dir / "engine.json").exists():
        return Check("port", "ok", f"{port}, in use by this engine")
    nats_server.check_port(port, "serve.port", settings.serve.host)
    return Check("port", "ok", f"{port} on {settings.serve.host} is free")


def _nats(settings: Settings) -> Check:
    if settings.nats.url:
        host = re.sub(r"^\w+://", "", settings.nats.url).split("/")[0]
        name, _, port = host.rpartition(":")
        with socket.create_connection((name.split("@")[-1], int(port)), timeout=3):
            return Check("nats-server", "ok", f"{settings.nats.url} answers")
    binary = nats_server.find_binary(settings.nats.binary)
    text = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    version = text.split("v")[-1].strip()
    if not version.startswith("2.") or int(version.split(".")[1]) < 12:
        return Check("nats-server", "failed", f"{version} at {binary}", "2.12 or newer is needed; set nats.binary")
    return Check("nats-server", "ok", f"{version} at {binary}")


def _ray(settings: Settings) -> Check:
    import ray

    where = settings.ray.address or f"own head node, {settings.ray.num_cpus or os.cpu_count()} CPUs"
    return Check("ray", "ok", f"{ray.__version__}, {where}")


def _lance(settings: Settings) -> Check:
    import lancedb
    import pyarrow as pa

    with tempfile.TemporaryDirectory(dir=settings.data_dir) as folder:
        table = lancedb.connect(folder).create_table("probe", pa.table({"id": ["a"]}))
        rows = int(table.count_rows())
    return Check("lance", "ok" if rows == 1 else "failed", f"lancedb {lancedb.__version__} writes and reads")


def _weights(settings: Settings) -> Check:
    from engine import embedding

    embed, embedder = settings.embed, embedding.load(settings, 1)
    length = embedder.encode(["ready"]).shape[1]
    if length != embed.dimensions:
        return Check(
            "model weights", "failed", f"{embedder.name} gives {length} numbers", f"set embed.dimensions: {length}"
        )
    return Check("model weights", "ok", f"{embedder.name} {embedder.revision}, {length} dimensions")


def _integrity(settings: Settings) -> Check:
    from engine.reconcile.watch import load

    seen = load(settings.data_dir)
    if not seen["gaps"]:
        when = f"nothing is missing, looked at {seen['checked_at']}" if seen["checked_at"] else "not looked at yet"
        return Check("integrity", "ok", when)
    found = "; ".join(f"{gap['kind']}: {gap['found']}" for gap in seen["gaps"])
    return Check("integrity", "failed", found[:500], " / ".join(gap["todo"] for gap in seen["gaps"]))


def _stream(settings: Settings) -> Check:
    """What JetStream told that a person should know of, and how many records are dead letters."""
    import httpx

    path: Path = settings.data_dir / "engine.json"
    if not path.exists():
        return Check("stream", "ok", "not running")
    engine = json.loads(path.read_text())
    headers = {"Authorization": f"Bearer {engine['admin_key']}"}
    answer = httpx.get(f"{engine['url']}/v1/status", headers=headers, timeout=10)
    if not answer.is_success:
        return Check("stream", "failed", f"its state is not told (HTTP {answer.status_code})", "see `beejan status`")
    found = answer.json()
    advisories, dead = found["stream"]["advisories"], found["writer"]["dead_lettered"]
    told = ", ".join(f"{kind} {count:,}" for kind, count in advisories.items()) or "none"
    todo = [
        *(["see docs/operations/nats.md for what each advisory means"] if advisories else []),
        *(["`beejan dlq list` has the reasons of the dead letters"] if dead else []),
    ]
    state: Literal["ok", "warning"] = "warning" if advisories else "ok"
    return Check("stream", state, f"{dead:,} records dead-lettered; advisories: {told}", "; ".join(todo))


def _engine(settings: Settings) -> Check:
    import httpx

    path: Path = settings.data_dir / "engine.json"
    if not path.exists():
        return Check("engine", "ok", "not running; `beejan up --detach` starts it")
    url = json.loads(path.read_text())["url"]
    try:
        answer: dict[str, Any] = httpx.get(f"{url}/readyz", timeout=10).json()
    except httpx.HTTPError as error:
        todo = "`beejan down`, then `beejan up`; nothing is lost"
        return Check("engine", "failed", f"{url} gives no answer ({type(error).__name__})", todo)
    parts = ", ".join(f"{name} {state}" for name, state in answer.get("parts", {}).items())
    todo = "" if answer.get("status") == "ready" else f"see the logs in {settings.data_dir / 'run'}"
    return Check("engine", "ok" if not todo else "failed", f"{url}: {parts}", todo)
