"""The actor that works for the registry beside the stream: re-scoring after a promotion, and the challenger's shadow.

The stream's driver has it made when there is something to do. All it knows is in tables and files, so one that dies is
made again and goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import BeejanError
from connectors.lance import open_reader
from engine.registry import rescore
from engine.registry.load import target
from engine.registry.shadow import Shadow
from engine.run import actors, runtime
from engine.run.runtime import NAMESPACE
from engine.settings import Settings

log = logging.getLogger("beejan.registry")

NAME = "registry"

#: The writer takes the scores of a million complaints over in one commit.
_SHOW_S = 1800.0

_ASK_S = 10.0


class RegistryProcess:
    """The actor: `run` in one thread, questions in another.

    Args:
        data_dir: the engine's data folder.
    """

    def __init__(self, data_dir: Path) -> None:
        runtime.steady_heap()
        self._settings, _ = runtime.load(data_dir)
        self._busy = threading.Lock()
        self._job: rescore.Rescore | None = None
        self._version = ""
        self._state: dict[str, Any] = {"state": "idle"}
        self._began = 0.0

    def run(self) -> dict[str, Any]:
        """Re-score what is due, then look at new complaints as the challenger would; returns the status."""
        if not self._busy.acquire(blocking=False):
            return self.status()
        try:
            self._run()
        except Exception as error:  # told to who asks, and tried again by who made the actor
            text = str(error) if isinstance(error, BeejanError) else type(error).__name__
            log.error("registry: %s", text)
            self._job = None
            self._state |= {"state": "failed", "error": text}
        finally:
            self._busy.release()
        return self.status()

    def _run(self) -> None:
        import ray

        from engine.curate.context import build_context

        embedder = actors.RemoteEmbedder.wait(self._settings)
        context = build_context(self._settings, embedder)
        complaints = complaints_of(self._settings)
        self._version = context.classifier_version
        reference = ray.put(context)
        folder = rescore.folder_for(self._settings.data_dir)
        self._job = rescore.Rescore(complaints, folder, context, lambda parts: _spread(parts, reference), _show)
        self._began = time.monotonic()
        self._state = {"state": "rescoring"}
        # Also so where the champion is of no use: then rows stay as they are.
        self._job.run(
            lambda: target(self._settings) != context.classifier_version or not embedder.serves(self._settings)
        )
        self._state = {"state": "idle", "seconds": round(time.monotonic() - self._began, 1)}
        Shadow.open(self._settings, complaints).look(embedder, context)

    def status(self) -> dict[str, Any]:
        """State (idle, rescoring, failed), the version, and how far it is."""
        report = asdict(self._job.report) if self._job else {}
        return self._state | {"classifier_version": self._version} | report

    def ready(self) -> bool:
        """It answers."""
        return True


def complaints_of(settings: Settings) -> Any:
    """A reader of serving.complaints."""
    return open_reader(f"{settings.zones_uri.rstrip('/')}/serving", "complaints", settings.storage_options)


def _spread(parts: Iterator[pa.Table], reference: Any) -> Iterator[pa.Table]:
    """Score parts on all cores of the cluster, as many at a time as there are."""
    import ray

    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    task = ray.remote(num_cpus=0.5, max_retries=2)(_score)
    waiting: deque[Any] = deque()
    for part in parts:
        waiting.append(task.remote(part, reference, datetime.now(UTC)))
        if len(waiting) > cores:
            yield ray.get(waiting.popleft())
    while waiting:
        yield ray.get(waiting.popleft())


def _score(part: pa.Table, context: Any, now: datetime) -> pa.Table:
    return rescore.score(part, replace(context, now=now))


def _show(made: pa.Table) -> int:
    done = actors.writer_call("rescore", made, limit_s=_SHOW_S)
    actors.writer_call("maintain", limit_s=_SHOW_S)
    return int(done)


def kick(settings: Settings) -> Any:
    """Have the actor do what there is to do; it is made where it is not there.

    Returns:
        A reference of its status when it is done.

    Raises:
        WriterAway: Ray has no room for it, or is away.
    """
    import ray

    options = {"namespace": NAMESPACE, "lifetime": "detached", "max_concurrency": 3, "num_cpus": 0, "max_restarts": 0}
    try:
        actor = ray.remote(RegistryProcess).options(name=NAME, get_if_exists=True, **options).remote(settings.data_dir)
        return actor.run.remote()
    except (ValueError, ray.exceptions.RayError) as error:
        raise actors.WriterAway(f"registry: {type(error).__name__}; tried again") from error


def end() -> None:
    """Let go of the actor."""
    import ray

    try:
        ray.kill(ray.get_actor(NAME, namespace=NAMESPACE))
    except ValueError:
        return


def status() -> dict[str, Any]:
    """What the actor does; `idle` where there is none."""
    import ray

    try:
        actor = ray.get_actor(NAME, namespace=NAMESPACE)
        found: dict[str, Any] = ray.get(actor.status.remote(), timeout=_ASK_S)
    except (ValueError, ray.exceptions.RayError, ray.exceptions.GetTimeoutError):
        return {"state": "idle"}
    return found
