"""A clustering without an engine: the same job and the same writer in this process."""

from __future__ import annotations

from typing import Any

from engine.cluster.beside import run
from engine.cluster.job import Tell
from engine.run import runtime
from engine.run.supervisor import take_lock
from engine.settings import Settings
from engine.store.writer import Writer


def cluster_here(settings: Settings, tell: Tell) -> dict[str, Any]:
    """Run it in this process; no engine can start on the data folder meanwhile.

    Raises:
        AlreadyRunning: an engine runs on the data folder.
    """
    lock = take_lock(runtime.run_folder(settings.data_dir))
    try:
        writer = Writer(settings)
        try:
            return run(settings, writer.put_clusters, writer.set_clusters, tell)
        finally:
            writer.close()
    finally:
        lock.close()
