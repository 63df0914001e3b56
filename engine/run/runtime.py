"""What a running engine's processes know of each other: addresses, secrets, resolved settings.

Kept in `<data>/run/`, mode 0600. Processes of the engine are started with the data folder alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connectors.nats import NatsTarget
from connectors.nats_server import write_private
from engine.reembed import state
from engine.settings import NatsSettings, Settings

#: Ray's own metrics and task events leak memory with every dataset (docs/decisions/0002).
RAY_ENVIRONMENT = {
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # The stream has drained before Ray is told to end.
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_DEDUP_LOGS": "0",
    # On a busy machine a proxy starts slowly; Serve would replace it after 5 s, and again the one after it.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Dozens of threads with an allocation arena each keep what they free.
    "MALLOC_ARENA_MAX": "2",
    # oneDNN keeps what it compiled for each shape of a batch; texts come in a thousand shapes.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

NAMESPACE = "beejan"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where the parts of this engine are."""

    nats: NatsTarget
    ray_address: str
    ray_token_file: str | None
    http_port: int
    ha_proxy: bool


def external_nats(nats: NatsSettings) -> NatsTarget:
    """How to reach an existing NATS, with the logins of its roles."""
    keys = ("user", "password", "credentials_file", "nkey_file")
    values = _revealed(nats.model_dump())
    roles = {name: {k: v for k, v in login.items() if v is not None} for name, login in values["roles"].items()}
    own = {name: values[name] for name in (*keys, "ca_file", "cert_file", "key_file")}
    return NatsTarget(nats.url or "", stream=nats.stream, roles=roles, **own)


def run_folder(data_dir: Path) -> Path:
    """`<data>/run`, made when missing."""
    folder = data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def save(settings: Settings, runtime: Runtime) -> None:
    """Write both for the engine's own processes."""
    folder = run_folder(settings.data_dir)
    write_private(folder / "settings.json", json.dumps(_revealed(settings.model_dump())))
    write_private(folder / "runtime.json", json.dumps(asdict(runtime)))


def load(data_dir: Path) -> tuple[Settings, Runtime]:
    """Read both; the embedding model is the one that serves, see engine.reembed.state."""
    folder = run_folder(data_dir)
    settings = state.serving(Settings.model_validate(json.loads((folder / "settings.json").read_text())))
    values = json.loads((folder / "runtime.json").read_text())
    return settings, Runtime(**values | {"nats": NatsTarget(**values["nats"])})


def _revealed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value


#: glibc's mallopt parameters (malloc.h).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_THRESHOLD_BYTES = 1 << 20


def steady_heap() -> None:
    """Keep this process's heap from fragmenting: large blocks are mapped, and given back when freed.

    glibc otherwise raises its threshold to the largest block freed, and compaction's buffers then stay: the writer
    grew by .3 MB a commit. Not for processes that embed: mapping each activation costs them a fifth of their speed
    (docs/decisions/0005).
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # another libc has no mallopt
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _THRESHOLD_BYTES)


def connect_ray(runtime: Runtime) -> None:
    """Join the engine's Ray cluster, without its logs on our output.

    Raises:
        ConnectionError: it is not there.
    """
    os.environ.update(RAY_ENVIRONMENT)
    if runtime.ray_token_file:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": runtime.ray_token_file}
    # Ray reads these when it is imported.
    import ray

    ray.init(
        address=runtime.ray_address,
        namespace=NAMESPACE,
        log_to_driver=False,
        configure_logging=True,
        logging_level="ERROR",
    )
