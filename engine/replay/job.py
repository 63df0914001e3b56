"""A replay beside a running engine: a named actor of its own, so that the stream goes on meanwhile."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import BeejanError, Terminal, Transient
from connectors.lance import open_reader
from engine.curate.dataset import BatchFailed
from engine.replay.run import Replay, Report, Zones
from engine.replay.select import Selection, event_ids
from engine.run import actors, runtime
from engine.run.runtime import NAMESPACE
from engine.settings import Settings

NAME = "replay"

#: A batch is tried again for this long while a part is away, s.
_PATIENCE_S = 300.0

_COMMIT_LIMIT_S = 300.0


class ReplayRuns(Terminal):
    """One replay at a time."""


class NoReplay(BeejanError):
    """No replay of this id is known: it never was, or Ray was started again meanwhile."""


def zones(settings: Settings) -> Zones:
    """Readers of what a replay needs."""
    root, options = settings.zones_uri.rstrip("/"), settings.storage_options
    return Zones(
        open_reader(f"{root}/raw", "envelopes", options),
        open_reader(f"{root}/raw", "dead_letters", options),
        open_reader(f"{root}/serving", "complaints", options),
    )


class ReplayProcess:
    """The actor: `run` in one thread, questions in another.

    Args:
        data_dir: the engine's data folder.
        replay_id: the job's id.
        selection: what to replay.
        apply: whether to write.
        rewrite: see Replay.
    """

    def __init__(
        self, data_dir: Path, replay_id: str, selection: Selection, *, apply: bool, rewrite: bool = False
    ) -> None:
        runtime.steady_heap()
        self._settings, _ = runtime.load(data_dir)
        self._id, self._selection, self._apply = replay_id, selection, apply
        self._rewrite = rewrite
        self._state, self._error = "running", ""
        self._started = time.monotonic()
        self._seconds = 0.0
        self._stop = threading.Event()
        self._report = Report()

    def run(self) -> None:
        """Do it; `status` tells how it goes and how it ended."""
        try:
            self._run()
            self._state = "cancelled" if self._stop.is_set() else "done"
        except Exception as error:  # the job's end, whatever it is, is told to who asks
            self._state = "failed"
            self._error = str(error) if isinstance(error, BeejanError) else type(error).__name__
        self._seconds = time.monotonic() - self._started

    def _run(self) -> None:
        import ray

        from engine.curate.context import build_context
        from engine.curate.dataset import configure
        from engine.govern.crypto import load_keys

        configure()
        embedder = actors.RemoteEmbedder.wait(self._settings)
        context = ray.put(build_context(self._settings, embedder))
        replay = Replay(
            zones(self._settings),
            load_keys(self._settings.data_dir / "keys").data,
            lambda table: self._patiently(lambda: _process(table, context)),
            (lambda table: self._patiently(lambda: _commit(table))) if self._apply else None,
            rewrite=self._rewrite,
        )
        self._report = replay.report
        replay.run(self._selection, stopped=self._stop.is_set)

    def _patiently(self, work: Any) -> Any:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return work()
            except Transient:
                if time.monotonic() > deadline or self._stop.wait(1.0):
                    raise
                actors.ensure(self._settings)

    def status(self) -> dict[str, Any]:
        """The report so far, with the job's id and state: running, done, cancelled or failed."""
        seconds = self._seconds or time.monotonic() - self._started
        about = {"replay_id": self._id, "state": self._state, "applied": self._apply, "seconds": round(seconds, 1)}
        error = {"error": self._error} if self._error else {}
        return about | error | self._report.public()

    def cancel(self) -> None:
        """End after the batch in hand."""
        self._stop.set()


def _process(table: pa.Table, context: Any) -> pa.Table:
    """Run a batch; where workers die over it, halve it, and a record alone fails as in the stream."""
    import ray

    from engine.curate.dataset import run_batch

    try:
        blocks = ray.get(run_batch(table, context, datetime.now(UTC)))
    except BatchFailed:
        if table.num_rows > 1:
            middle = table.num_rows // 2
            halves = [_process(part, context) for part in (table.slice(0, middle), table.slice(middle))]
            return pa.concat_tables(halves, promote_options="permissive")
        return _process(_defective(table), context)
    return pa.concat_tables(blocks, promote_options="permissive")


def _defective(table: pa.Table) -> pa.Table:
    if table["defect_code"][0].as_py() == "worker_died":
        raise Terminal(
            f"record {table['event_id'][0].as_py()[:12]}: its worker dies before any stage; see the Ray logs"
        )
    for name, value in (("defect_code", "worker_died"), ("defect_message", "the worker died over it in a replay")):
        column = pa.array([value] * table.num_rows, pa.string())
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _commit(table: pa.Table) -> None:
    actors.writer_call("replace", table, limit_s=_COMMIT_LIMIT_S)
    actors.writer_call("maintain", limit_s=_COMMIT_LIMIT_S)


def count(settings: Settings, selection: Selection) -> int:
    """How many records a selection holds."""
    return len(event_ids(zones(settings).raw, selection))


def start(settings: Settings, selection: Selection, *, apply: bool, rewrite: bool = False) -> str:
    """Start a replay; returns its id. See ReplayProcess for the arguments.

    Raises:
        ReplayRuns: another one runs.
    """
    import ray

    before = actors.named(NAME)
    if before is not None:
        running = actors.status_of(before)
        if running is not None and running["state"] == "running":
            raise ReplayRuns(f"replay {running['replay_id']} runs; wait for it, or DELETE it")
        ray.kill(before)
    replay_id = uuid.uuid4().hex[:12]
    options = {"namespace": NAMESPACE, "lifetime": "detached", "max_concurrency": 3, "num_cpus": 0, "max_restarts": 0}
    # A name is free a moment after its actor was killed.
    for attempt in range(50):
        try:
            actor = (
                ray.remote(ReplayProcess)
                .options(name=NAME, **options)
                .remote(settings.data_dir, replay_id, selection, apply=apply, rewrite=rewrite)
            )
            break
        except ValueError:
            if attempt == 49:
                raise
            time.sleep(0.1)
    actor.run.remote()
    return replay_id


def status(replay_id: str) -> dict[str, Any]:
    """How a replay goes.

    Raises:
        NoReplay: it is not known; run it again, what was done stays done.
    """
    actor = actors.named(NAME)
    found = actors.status_of(actor)
    if found is None or found["replay_id"] != replay_id:
        raise NoReplay(f"replay {replay_id[:12]}: not known, or cut off by a restart; start it again, it goes on")
    return found


def end(replay_id: str) -> dict[str, Any]:
    """Cancel a replay that runs, or let go of one that has ended; returns its last status.

    Raises:
        NoReplay: it is not known.
    """
    import ray

    found = status(replay_id)
    actor = actors.named(NAME)
    if actor is not None:
        if found["state"] == "running":
            ray.get(actor.cancel.remote())
        else:
            ray.kill(actor)
    return found
