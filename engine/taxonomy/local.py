"""Plan and apply a change of the taxonomy: in this process, or through the actors of a running engine."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from connectors.errors import Transient
from engine.curate.context import load_lineage
from engine.curate.live import noted
from engine.embedding import load
from engine.run import actors, runtime
from engine.run.supervisor import take_lock
from engine.settings import Settings
from engine.store.writer import Writer
from engine.taxonomy.apply import Application, Hands
from engine.taxonomy.plan import plan
from engine.taxonomy.scorer import scorer
from engine.taxonomy.stored import Stored
from engine.taxonomy.versions import folder_of, put
from models.embedder import Embedder

#: How long the stream has to take the new version, and the writer to take rows over, s.
_TAKEN_S, _WRITE_S = 120.0, 600.0

#: A batch that was in hand is committed within this time, s.
_IN_HAND_S = 5.0


class ApplyRuns(Transient):
    """Another application of a change runs."""


class NotTaken(Transient):
    """The stream does not classify by the new version yet."""


def show_plan(settings: Settings, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a change would do.

    Raises:
        BadChange: it cannot be applied.
    """
    return plan(data, load_lineage(settings), Stored.open(settings))


def apply_here(settings: Settings, data: Mapping[str, Any], tell: Callable[[int], None]) -> dict[str, Any]:
    """Apply a change in this process; no engine can start on the data folder meanwhile.

    Raises:
        BadChange: it cannot be applied.
        AlreadyRunning: an engine runs on the data folder.
    """
    lock = take_lock(runtime.run_folder(settings.data_dir))
    try:
        with _alone(settings):
            writer = Writer(settings)
            try:
                hands = Hands(
                    writer.put_taxonomy_scores,
                    writer.rescore,
                    lambda step: scorer(step, load(settings)),
                    partial(put, settings.data_dir),
                    lambda: None,
                )
                return Application(data, load_lineage(settings), Stored.open(settings), hands).run(tell)
            finally:
                writer.close()
    finally:
        lock.close()


def apply_there(settings: Settings, data: Mapping[str, Any], embedder: Embedder) -> dict[str, Any]:
    """Apply a change in a process of a running engine, whose stream goes on.

    Raises:
        BadChange: it cannot be applied.
        ApplyRuns: another one runs.
        NotTaken: the stream did not take the new version in time; apply it again, it goes on.
        WriterAway: the writer does not answer; apply it again, it goes on.
    """
    with _alone(settings):
        lineage = load_lineage(settings)
        version = f"{lineage.base.name}/{data.get('to')}"
        hands = Hands(
            partial(actors.writer_call, "put_taxonomy_scores", limit_s=_WRITE_S),
            partial(actors.writer_call, "rescore", limit_s=_WRITE_S),
            lambda step: scorer(step, embedder),
            partial(put, settings.data_dir),
            lambda: _taken(settings, version),
            _IN_HAND_S,
        )
        return Application(data, lineage, Stored.open(settings), hands).run()


def _taken(settings: Settings, version: str) -> None:
    """Wait until the stream says that it classifies by `version`."""
    deadline = time.monotonic() + _TAKEN_S
    while (noted(settings.data_dir) or {}).get("taxonomy_version") != version:
        if time.monotonic() > deadline:
            raise NotTaken(
                f"the stream does not classify by {version} after {_TAKEN_S:.0f} s; see `beejan status`, then apply "
                "the change again: it goes on where it is"
            )
        time.sleep(0.2)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    folder = folder_of(settings.data_dir, "")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "apply.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ApplyRuns("another change of the taxonomy is being applied; wait for it") from None
        yield
