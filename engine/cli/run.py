"""Commands that start and stop an engine: up, down, demo, run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.markup import escape

from connectors.errors import BeejanError, Terminal, Transient
from connectors.nats_server import write_private
from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, notes
from engine.run.supervisor import AlreadyRunning, Supervisor
from engine.settings import Settings, load_settings

PORT = typer.Option("--port", help="Port of the API and console; 0 picks a free one.", min=0, max=65535)


@guarded
def up(
    data_dir: Annotated[Path | None, DATA] = None,
    port: Annotated[int | None, PORT] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it is ready.")] = False,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Start an engine: nats-server, Ray, the stream, the API and the console.

    Example: beejan up --detach --data-dir ./data --port 0
    """
    settings = _settings(config, data_dir, port)
    if detach:
        _detach(settings, config, data_dir, port, as_json)
        return
    with running(settings, quiet=as_json) as engine:
        _announce(engine, as_json)
        engine.watch()


@contextmanager
def running(settings: Settings, *, quiet: bool = False) -> Iterator[Supervisor]:
    """An engine, ended in order on Ctrl-C, SIGTERM or at the end of the block."""
    started = time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            notes().print(f"[dim]{time.monotonic() - started:5.1f} s[/]  {escape(text)}")

    engine = Supervisor(settings, say)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, _interrupt(engine))
    try:
        engine.start()
        _write_engine_json(engine)
        yield engine
    finally:
        say("ending: what is in flight is drained, committed and acknowledged …")
        engine.stop()
        say("ended")


def _interrupt(engine: Supervisor) -> Any:
    def handle(number: int, frame: Any) -> None:
        engine.request_stop()
        if not engine.started:
            raise KeyboardInterrupt

    return handle


def _write_engine_json(engine: Supervisor) -> None:
    folder = engine.settings.data_dir
    values = {"url": engine.url, "admin_key": (folder / "keys" / "admin.key").read_text().strip(), "pid": os.getpid()}
    write_private(folder / "engine.json", json.dumps(values))


def _announce(engine: Supervisor, as_json: bool) -> None:
    folder = engine.settings.data_dir
    shown = folder / "keys" / "admin.key.shown"
    key = None if shown.exists() else (folder / "keys" / "admin.key").read_text().strip()
    shown.touch()
    if as_json:
        emit({"url": engine.url, "admin_key": key, "data_dir": str(folder)})
        return
    out = console()
    out.print(f"\n[bold]Beejan is ready:[/] {engine.url}")
    out.print(_key_line(key, folder / "engine.json"), markup=False)
    out.print("Ctrl-C ends it, and nothing is lost.\n")


def _key_line(key: str | None, where: Path) -> str:
    return f"Admin key: {key} (shown this once; kept in {where})" if key else f"Admin key: in {where}"


def _settings(config: Path | None, data_dir: Path | None, port: int | None) -> Settings:
    return load_settings(config, data_dir=data_dir, serve={"port": port} if port is not None else None)


def _detach(settings: Settings, config: Path | None, data_dir: Path | None, port: int | None, as_json: bool) -> None:
    command = [sys.executable, "-m", "engine.cli", "up"]
    command += ["--data-dir", str(settings.data_dir)]
    command += ["--config", str(config.resolve())] if config else []
    command += ["--port", str(port)] if port is not None else []
    folder = settings.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = folder / "engine.log"
    (settings.data_dir / "engine.json").unlink(missing_ok=True) if not _held(settings) else None
    begin = position = log.stat().st_size if log.exists() else 0
    shown = (settings.data_dir / "keys" / "admin.key.shown").exists()
    with log.open("ab") as output:
        # What it prints holds the admin key, which is for our reader and not for a log.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output, start_new_session=True
        )
    while process.poll() is None and not (settings.data_dir / "engine.json").exists():
        position = _relay(log, position, as_json)
        time.sleep(0.2)
    if process.poll() is not None:
        _, _, reason = log.read_bytes()[begin:].decode(errors="replace").rpartition("error: ")
        raise Terminal(reason.strip() or f"the engine ended at once; see {log}")
    _relay(log, position, as_json)
    where = settings.data_dir / "engine.json"
    values = json.loads(where.read_text())
    key = None if shown else values["admin_key"]
    if as_json:
        emit({"url": values["url"], "admin_key": key, "pid": process.pid, "data_dir": str(settings.data_dir)})
    else:
        console().print(f"[bold]Beejan is ready:[/] {values['url']} (pid {process.pid}); `beejan down` ends it.")
        console().print(_key_line(key, where), markup=False)


def _held(settings: Settings) -> bool:
    return _pid(settings) is not None


def _relay(log: Path, position: int, quiet: bool) -> int:
    text = log.read_bytes()[position:]
    whole = text[: text.rfind(b"\n") + 1]
    lines = [line for line in whole.decode(errors="replace").splitlines() if " s  " in line]
    if not quiet:
        for line in lines:
            notes().print(escape(line))
    return position + len(whole)


@guarded
def down(
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """End the engine of a data folder: it drains what is in flight first.

    Example: beejan down --data-dir ./data
    """
    settings = load_settings(config, data_dir=data_dir)
    pid = _pid(settings)
    if pid is None:
        message = f"no engine runs on {settings.data_dir}"
        emit({"state": "not running", "pid": None}) if as_json else console().print(message)
        return
    process = psutil.Process(pid)
    process.terminate()
    try:
        process.wait(120)
    except psutil.TimeoutExpired:
        raise BeejanError(f"the engine (pid {pid}) has not ended within 120 s; see {settings.data_dir}/run") from None
    emit({"state": "ended", "pid": pid}) if as_json else console().print(f"ended (pid {pid})")


def _pid(settings: Settings) -> int | None:
    """Who holds the data folder's engine lock."""
    import fcntl

    path = settings.data_dir / "run" / "engine.lock"
    if not path.exists():
        return None
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text.isdigit() and psutil.pid_exists(int(text)) else None
    return None


@guarded
def run_once(
    once: Annotated[bool, typer.Option("--once", help="Process what waits, then end.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Process what waits in the stream without an API, then end.

    Example: beejan run --once
    """
    if not once:
        raise Terminal("run: only --once is there; `beejan up` runs for good")
    settings = load_settings(config, data_dir=data_dir)
    started = time.monotonic()
    try:
        engine = Supervisor(settings, lambda text: None if as_json else notes().print(escape(text)), api=False)
    except AlreadyRunning:
        _wait_idle(Client(config, data_dir))
    else:
        try:
            engine.start(stream=False)
            engine.process_waiting()
        finally:
            engine.stop()
    seconds = round(time.monotonic() - started, 1)
    emit({"state": "done", "seconds": seconds}) if as_json else console().print(f"nothing waits any more ({seconds} s)")


def _wait_idle(client: Client, limit_s: float = 3600) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        stream = client.get("/v1/status")["stream"]
        if stream["waiting"] == 0 and stream["in_flight"] == 0:
            return
        time.sleep(0.5)
    raise Transient(f"records still wait after {limit_s:.0f} s; see `beejan status`")


@guarded
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End when the outage is alerted and a search has answered.")
    ] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    port: Annotated[int | None, PORT] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Start an engine on a demo folder and send it a week of simulated complaints with an outage in it.

    Example: beejan demo --once --json
    """
    from engine.cli.replay import replay_demo

    settings = _settings(config, data_dir or load_settings(config).data_dir / "demo", port)
    began = time.monotonic()
    with running(settings, quiet=as_json) as engine:
        keeper = threading.Thread(target=engine.watch, daemon=True)
        keeper.start()
        if not once and not as_json:
            _announce(engine, False)
        summary = replay_demo(Client(config, settings.data_dir), settings.data_dir, quiet=as_json)
        summary = {"url": engine.url, "seconds": round(time.monotonic() - began, 1)} | summary
        _report(summary, as_json)
        if not once:
            if not as_json:
                console().print(f"Look around: [bold]{engine.url}[/]  Ctrl-C ends it.")
            while keeper.is_alive():
                keeper.join(0.5)
        engine.request_stop()
        keeper.join(10)


def _report(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(summary)
        return
    out, alert = console(), summary["alert"]
    out.print(f"\n[bold]{summary['stored']:,}[/] complaints stored in {summary['ingest_seconds']} s")
    out.print(
        f"[bold red]Alert[/] {alert['severity']}: {escape(alert['segment'])}, {alert['observed']} complaints where "
        f"{alert['expected']:.1f} were expected, since {alert['started_at']}"
    )
    out.print(f"[bold]Search[/] “{summary['query']}” answered in {summary['search_seconds'] * 1000:.0f} ms:")
    for hit in summary["hits"]:
        out.print(f"  {hit['score']:.2f}  {hit['priority']}  {escape(hit['text'][:100])}")
    out.print(f"All of it within {summary['seconds']} s of the start.\n")
