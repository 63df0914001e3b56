"""A replay without an engine: the same stages and the same writer in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from engine import embedding
from engine.curate.context import build_context
from engine.govern.crypto import load_keys
from engine.replay.job import zones
from engine.replay.run import Replay, Report
from engine.replay.select import Selection
from engine.run import runtime
from engine.run.supervisor import take_lock
from engine.settings import Settings
from engine.stages import pipeline
from engine.store.writer import Writer


def replay(settings: Settings, selection: Selection, *, apply: bool, tell: Callable[[int], None]) -> Report:
    """Run a replay in this process; no engine can start on the data folder meanwhile.

    Raises:
        AlreadyRunning: an engine runs on the data folder.
        StoreAway: there is nothing to replay yet.
    """
    lock = take_lock(runtime.run_folder(settings.data_dir))
    try:
        # Opened first: a writer would make the tables of an empty folder.
        readers = zones(settings)
        context = build_context(settings, embedding.load(settings))

        def process(table: pa.Table) -> pa.Table:
            return pipeline.process(table, replace(context, now=datetime.now(UTC)))

        keys = load_keys(settings.data_dir / "keys")
        if not apply:
            return Replay(readers, keys.data, process, None).run(selection, tell)
        writer = Writer(settings)
        try:
            return Replay(readers, keys.data, process, writer.replace).run(selection, tell)
        finally:
            writer.close()
    finally:
        lock.close()
