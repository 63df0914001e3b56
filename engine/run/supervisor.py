"""The supervisor behind `beejan up`: starts every part, keeps it running, and ends it in order.

Parts in order: nats-server, Ray, the API on Ray Serve, the stream's driver, the surge watcher, the sources. A part
that dies is started again; if Ray dies, what lives on it is started again too. The driver is recycled
by memory: the next one runs before the old one drains.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import psutil

from connectors import nats_server
from connectors.errors import BeejanError, Terminal
from connectors.nats import NatsTarget
from connectors.settings import Pulled
from engine import embedding
from engine.reembed import state
from engine.reembed.stored import embedded
from engine.run import ray_head, runtime
from engine.run.processes import Child, end, spawn
from engine.settings import Settings

log = logging.getLogger("beejan.supervisor")

#: A driver is recycled when it has grown by this much, bytes (it leaks 0.035 MB a micro-batch).
_RECYCLE_BYTES = 150 << 20
_NATS_RESERVE = 0.8
_ALERTS_ROOM = 128 << 20


class AlreadyRunning(Terminal):
    """Another engine runs on this data folder."""


class Supervisor:
    """Runs an engine on this host.

    Args:
        settings: resolved settings.
        say: told what is being started and how long it took.
        api: whether to serve the API (`run --once` does without).
    """

    def __init__(self, settings: Settings, say: Callable[[str], None], *, api: bool = True) -> None:
        self.settings, self._say, self._api = settings, say, api
        self.folder = runtime.run_folder(settings.data_dir)
        self._lock = take_lock(self.folder)
        self._stopping = threading.Event()
        self._children: dict[str, Child] = {}
        self._base_bytes: dict[int, int] = {}
        self._disk_was_full = False
        self._addresses: runtime.Runtime | None = None
        self.started = False

    @property
    def url(self) -> str:
        """Where the API listens."""
        assert self._addresses is not None  # set by start()
        host = self.settings.serve.host
        return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{self._addresses.http_port}"  # noqa: S104

    def start(self, *, stream: bool = True) -> None:
        """Start every part; returns when all are ready.

        Raises:
            Terminal: a part does not start; those started are stopped.
        """
        try:
            _end_orphans(self.settings.data_dir)
            if self._api and self.settings.serve.port:
                nats_server.check_port(self.settings.serve.port, "serve.port", self.settings.serve.host)
            self._choose_model()
            target = self._start_nats()
            port, token = self._start_ray()
            self._addresses = runtime.Runtime(
                nats=target,
                ray_address=self.settings.ray.address or f"127.0.0.1:{port}",
                ray_token_file=str(token) if token else os.environ.get("RAY_AUTH_TOKEN_PATH"),
                http_port=self.settings.serve.port or nats_server.free_port(),
                ha_proxy=ray_head.use_ha_proxy(self.settings),
            )
            runtime.save(self.settings, self._addresses)
            if self.settings.ray.address:
                self._retire()
            if stream:
                self._start_engine()
            self._write_status()
            self.started = True
        except BaseException:
            self.stop()
            raise

    def _timed(self, child: Child, what: str) -> None:
        started = time.monotonic()
        self._say(f"{what} …")
        child.start()
        self._children[child.name] = child
        self._say(f"{what}: ready in {time.monotonic() - started:.1f} s")

    def _choose_model(self) -> None:
        """Serve with the model whose vectors are stored; another one that is configured follows it."""
        kept = state.plan(self.settings, lambda: embedded(self.settings))
        self._make_model(state.settings_of(self.settings, kept.serving))
        if kept.following is not None:
            names = [f"{model.name} {model.revision}" for model in (kept.following, kept.serving)]
            self._say(f"embedding model: {names[0]} is to follow {names[1]}, in the background")
            self._make_model(state.settings_of(self.settings, kept.following))

    def _make_model(self, settings: Settings) -> None:
        """Make an embedding model's file before several processes ask for it."""
        started = time.monotonic()
        made = False

        def tell(text: str) -> None:
            nonlocal made
            made = True
            self._say(f"embedding model: {text} …")

        embedding.prepare(settings, tell)
        if made:
            self._say(f"embedding model: ready in {time.monotonic() - started:.1f} s")

    def _start_nats(self) -> NatsTarget:
        nats = self.settings.nats
        if nats.url:
            return runtime.external_nats(nats)
        binary = nats_server.find_binary(nats.binary)
        folder = self.settings.data_dir / "nats"
        if nats.port:
            nats_server.check_port(nats.port, "nats.port")
        free = shutil.disk_usage(self.settings.data_dir).free
        # Streams reserve their limits: the intake's and the alerts' have to fit in, whatever is free by now.
        room = max(nats.max_bytes + _ALERTS_ROOM, int(free * _NATS_RESERVE))
        config, credentials_ = nats_server.prepare(folder, nats.port, nats.max_payload_bytes, room, nats.stream)
        server_log = folder / "nats-server.log"
        child = Child(
            "nats-server",
            lambda: [str(binary), "-c", str(config)],
            folder / "nats-server.out",
            after_start=lambda process: nats_server.wait_ready(process, credentials_, server_log),
        )
        self._timed(child, f"nats-server ({binary.name}, sync_interval: always)")
        return NatsTarget(
            credentials_.url, credentials_.user, credentials_.password, None, nats.stream, roles=credentials_.roles
        )

    def _start_ray(self) -> tuple[int, Path | None]:
        if self.settings.ray.address:
            return 0, None
        port, token = nats_server.free_port(), ray_head.token_file(self.folder)
        ray_log = self.folder / "ray.log"

        def command() -> list[str]:
            # A head that was killed leaves its control store and raylet behind, on our port.
            _sweep(ray_head.temp_dir(self.settings.data_dir))
            ray_log.unlink(missing_ok=True)
            return ray_head.command(self.settings, port)

        child = Child(
            "ray",
            command,
            ray_log,
            environment=lambda: ray_head.environment(self.settings, token),
            after_start=lambda process: ray_head.wait_ready(process, port, ray_log),
        )
        self._timed(child, "Ray head node")
        return port, token

    def _start_engine(self) -> None:
        started = time.monotonic()
        self._say("models, writer, stream and API …")
        stream = self._python("stream", "engine.curate.main")
        surge = self._python("surge", "engine.surge.main")
        stream.start()
        self._children["stream"] = stream
        if self._api:
            self._deploy()
        self._wait_for_driver(stream)
        surge.start()
        self._children["surge"] = surge
        if any(isinstance(one, Pulled) for one in self.settings.sources.values()):
            self._children["sources"] = self._python("sources", "engine.intake.sources")
            self._children["sources"].start()
        self._say(f"models, writer, stream and API: ready in {time.monotonic() - started:.1f} s")

    def _python(self, name: str, module: str) -> Child:
        def command() -> list[str]:
            return [sys.executable, "-m", module, str(self.settings.data_dir)]

        return Child(name, command, self.folder / f"{name}.log", environment=self._environment)

    def _environment(self) -> dict[str, str]:
        from engine.settings import ROOT

        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return runtime.RAY_ENVIRONMENT | {
            "PYTHONPATH": path,
            "RAY_SERVE_ENABLE_HA_PROXY": "1" if ray_head.use_ha_proxy(self.settings) else "0",
        }

    def _deploy(self) -> None:
        """Deploy the API; serve is another package, so it is a process of its own."""
        log_file = self.folder / "deploy.log"
        command = [sys.executable, "-m", "serve.deploy", str(self.settings.data_dir)]
        process = spawn(command, log_file, self._environment())
        try:
            code = process.wait(180)
        except subprocess.TimeoutExpired:
            end(process, 5)
            code = -1
        if code:
            raise Terminal(f"the API did not start (code {code}); the end of {log_file}:\n{_tail(log_file)}")

    def _wait_for_driver(self, child: Child, limit_s: float = 180) -> None:
        deadline = time.monotonic() + limit_s
        assert child.process is not None
        ready = self.folder / f"stream-{child.process.pid}.ready"
        while time.monotonic() < deadline and child.alive:
            if ready.exists():
                ready.unlink()
                self._base_bytes[child.process.pid] = psutil.Process(child.process.pid).memory_info().rss
                return
            time.sleep(0.1)
        raise Terminal(f"the stream did not start; the end of {child.log}:\n{_tail(child.log)}")

    def process_waiting(self) -> None:
        """Run the stream's driver until nothing waits.

        Raises:
            Terminal: it failed; the end of its log is in the message.
        """
        log_file = self.folder / "stream.log"
        command = [sys.executable, "-m", "engine.curate.main", str(self.settings.data_dir), "--once"]
        process = spawn(command, log_file, self._environment())
        while process.poll() is None:
            if self._stopping.wait(0.2):
                end(process, 60)
        if process.returncode:
            raise Terminal(f"the stream failed (code {process.returncode}); the end of {log_file}:\n{_tail(log_file)}")

    def watch(self) -> None:
        """Keep the parts running until `request_stop`."""
        while not self._stopping.wait(0.5):
            try:
                self._tend()
            except (BeejanError, OSError) as error:
                # A full disk, or a part that does not start yet: the next round tries again.
                log.error("%s: %s", type(error).__name__, error)

    def _tend(self) -> None:
        self._mind_disk()
        now = time.monotonic()
        for name, child in list(self._children.items()):
            if child.alive or now < child.next_start_at:
                continue
            log.warning("%s ended; starting it again", name)
            pause = child.back_off()
            child.start()
            if name == "ray":
                self._revive_on_ray()
            log.info("%s runs again (next pause %.1f s)", name, pause)
        self._recycle()
        self._write_status()

    def _mind_disk(self) -> None:
        """End nats-server once a full disk has room again: a stream that failed to write refuses until a restart."""
        server = self._children.get("nats-server")
        if server is None:
            return
        free, message = shutil.disk_usage(self.settings.data_dir).free, self.settings.nats.max_payload_bytes
        if free < message:
            self._disk_was_full = True
        elif self._disk_was_full and free > 2 * message:
            self._disk_was_full = False
            log.warning("the disk has room again; nats-server is started again, or it would go on refusing")
            server.stop(10)

    def _revive_on_ray(self) -> None:
        for name in ("stream", "surge"):
            self._children[name].stop(5)
        self._children["stream"].start()
        if self._api:
            self._deploy()
        self._children["surge"].start()

    def _recycle(self) -> None:
        child = self._children.get("stream")
        if child is None or child.process is None or not child.alive:
            return
        pid = child.process.pid
        try:
            size = psutil.Process(pid).memory_info().rss
        except psutil.NoSuchProcess:
            return
        base = self._base_bytes.setdefault(pid, size)
        if size - base < _RECYCLE_BYTES:
            return
        log.info("the stream's driver grew by %d MB; the next one takes over", (size - base) >> 20)
        old = child.process
        child.start()
        self._wait_for_driver(child)
        end(old, 60)
        self._base_bytes.pop(pid, None)

    def _write_status(self) -> None:
        parts: dict[str, Any] = {
            name: {"pid": child.process.pid if child.process else None, "restarts": child.restarts}
            for name, child in self._children.items()
        }
        target = self.folder / "supervisor.json"
        temporary = target.with_suffix(".new")
        temporary.write_text(json.dumps({"pid": os.getpid(), "parts": parts}))
        temporary.replace(target)

    def request_stop(self, *_: Any) -> None:
        """End `watch`; usable as a signal handler."""
        self._stopping.set()

    def stop(self) -> None:
        """End every part: the stream drains first, nats-server goes last."""
        limits = {"sources": 20.0, "surge": 5.0, "stream": 60.0, "ray": 20.0, "nats-server": 10.0}
        for name, limit_s in limits.items():
            if name in self._children:
                self._children[name].stop(limit_s)
            if name == "stream" and self.settings.ray.address and self.started:
                self._leave_cluster()
        if "ray" in self._children:
            _sweep(ray_head.temp_dir(self.settings.data_dir))
        for leftover in ("runtime.json", "supervisor.json"):
            (self.folder / leftover).unlink(missing_ok=True)
        (self.settings.data_dir / "engine.json").unlink(missing_ok=True)
        self._lock.close()

    def _leave_cluster(self) -> None:
        try:
            self._retire()
        except Terminal as error:
            log.error("actors may be left on the Ray cluster at %s: %s", self.settings.ray.address, error)

    def _retire(self) -> None:
        """Take our actors, also those of an engine of ours that was killed, off a cluster that is not ours."""
        log_file = self.folder / "retire.log"
        log_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "engine.run.retire", str(self.settings.data_dir)]
        process = spawn(command, log_file, self._environment())
        try:
            code = process.wait(90)
        except subprocess.TimeoutExpired:
            end(process, 5)
            code = -1
        if code:
            raise Terminal(f"Ray at {self.settings.ray.address}: {_tail(log_file)}")


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-8:]) if path.exists() else "(no log)"


def _end_orphans(data_dir: Path) -> None:
    """End what an engine that was killed left on this folder; we hold its lock, so nobody needs it.

    Two nats-servers on one store would spoil it, so the old one is waited for.
    """
    marks = (str(data_dir / "nats" / "nats-server.conf"), str(ray_head.temp_dir(data_dir)))
    orphans = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        ours = any(mark in part for part in line for mark in marks)
        driver = str(data_dir) in line and any(part in _MODULES for part in line)
        if process.pid != os.getpid() and (ours or driver):
            orphans.append(process)
    for orphan in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.terminate()
    _, left = psutil.wait_procs(orphans, timeout=10)
    for orphan in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(left, timeout=5)


_MODULES = ("engine.curate.main", "engine.surge.main", "engine.intake.sources", "serve.deploy")


def _sweep(folder: Path) -> None:
    """End what Ray left running, told by its own folder on the command line, and remove that folder."""
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in part for part in process.info["cmdline"] or ()):
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
    shutil.rmtree(folder, ignore_errors=True)


def take_lock(folder: Path) -> IO[str]:
    """Hold the data folder's engine lock.

    Raises:
        AlreadyRunning: another engine has it.
    """
    file = (folder / "engine.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        pid = file.read().strip() or "?"
        file.close()
        raise AlreadyRunning(
            f"an engine (pid {pid}) already runs on {folder.parent}; use it, end it with `beejan down`, "
            "or choose another --data-dir"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
