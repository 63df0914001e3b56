"""A clustering beside a running engine: a named actor of its own, so that the stream goes on meanwhile."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import BeejanError, Terminal
from connectors.lance import open_reader
from engine.cluster.job import Tables, Tell, cluster
from engine.cluster.keep import reader
from engine.run import actors, runtime
from engine.run.runtime import NAMESPACE
from engine.settings import Settings

NAME = "clustering"

_WRITE_LIMIT_S = 300.0


class ClusteringRuns(Terminal):
    """One clustering at a time."""


class NoClustering(BeejanError):
    """No clustering of this id is known: it never was, or Ray was started again meanwhile."""


class ClusteringProcess:
    """The actor: `run` in one thread, questions in another.

    Args:
        data_dir: the engine's data folder.
        run_id: the run's id.
    """

    def __init__(self, data_dir: Path, run_id: str) -> None:
        runtime.steady_heap()
        self._settings, _ = runtime.load(data_dir)
        self._found: dict[str, Any] = {"run_id": run_id, "state": "running", "step": "", "done": 0, "of": 0}
        self._started = time.monotonic()

    def run(self) -> None:
        """Do it; `status` tells how it goes and how it ended."""

        def tell(step: str, done: int, of: int) -> None:
            self._found |= {"step": step, "done": done, "of": of}

        try:
            self._found |= run(self._settings, _put, _assign, tell) | {"state": "done"}
        except Exception as error:  # the run's end, whatever it is, is told to who asks
            said = str(error) if isinstance(error, BeejanError) else type(error).__name__
            self._found |= {"state": "failed", "error": said}
        self._found["seconds"] = round(time.monotonic() - self._started, 1)

    def status(self) -> dict[str, Any]:
        """State (running, done or failed), step, and in the end what engine.cluster.job.cluster tells."""
        return dict(self._found)


def run(settings: Settings, put: Any, assign: Any, tell: Tell) -> dict[str, Any]:
    """Cluster what is stored; `put` and `assign` are the writer's put_clusters and set_clusters."""
    complaints = open_reader(f"{settings.zones_uri.rstrip('/')}/serving", "complaints", settings.storage_options)
    return cluster(Tables(complaints, reader(settings), put, assign), settings.clusters, tell=tell)


def _put(found: pa.Table) -> None:
    actors.writer_call("put_clusters", found, limit_s=_WRITE_LIMIT_S)


def _assign(found: pa.Table) -> None:
    actors.writer_call("set_clusters", found, limit_s=_WRITE_LIMIT_S)
    actors.writer_call("maintain", limit_s=_WRITE_LIMIT_S)


def start(settings: Settings) -> str:
    """Start a clustering; returns its id.

    Raises:
        ClusteringRuns: another one runs.
    """
    import ray

    before = actors.named(NAME)
    if before is not None:
        found = actors.status_of(before)
        if found is not None and found["state"] == "running":
            raise ClusteringRuns(f"clustering {found['run_id']} runs; wait for it")
        ray.kill(before)
    run_id = uuid.uuid4().hex[:12]
    options = {"namespace": NAMESPACE, "lifetime": "detached", "max_concurrency": 2, "num_cpus": 0, "max_restarts": 0}
    # A name is free a moment after its actor was killed.
    for attempt in range(50):
        try:
            actor = ray.remote(ClusteringProcess).options(name=NAME, **options).remote(settings.data_dir, run_id)
            break
        except ValueError:
            if attempt == 49:
                raise
            time.sleep(0.1)
    actor.run.remote()
    return run_id


def status(run_id: str) -> dict[str, Any]:
    """How a clustering goes.

    Raises:
        NoClustering: it is not known; run it again.
    """
    import ray

    actor = actors.named(NAME)
    found = actors.status_of(actor)
    if found is None or found["run_id"] != run_id:
        raise NoClustering(f"clustering {run_id[:12]}: not known, or cut off by a restart; run it again")
    if found["state"] != "running" and actor is not None:
        ray.kill(actor)  # what it took is given back
    return found
