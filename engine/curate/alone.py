"""One record in a process of its own, with a time limit: `python -m engine.curate.alone DATA_DIR`.

For a record that has taken workers with it before. Standard input is the pickled context and table, standard
output an Arrow stream.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import Transient
from engine.run import runtime
from engine.settings import ROOT, Settings

#: What the process takes until it is connected, beside the record's own time, s.
_START_S = 60.0

HUNG, DIED = "hung", "worker_died"

#: The exit status that means "try again".
_AWAY_STATUS = 75


class PartAway(Transient):
    """The process could not reach what the stages need."""


class Failed(Exception):
    """The process did not give the record back.

    Args:
        code: `hung` or `worker_died`.
        message: for the dead letter.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[1])


def process(settings: Settings, context: Any, table: pa.Table, now: datetime, limit_s: float) -> pa.Table:
    """Run a record through all stages.

    Args:
        settings: where the engine's addresses are.
        context: an object reference of a Context.
        table: one row, columns as ENVELOPE_COLUMNS.
        now: the time of the batch.
        limit_s: how long the stages may take.

    Raises:
        Failed: it hung, or its process died.
        PartAway: Ray or a part on it does not answer.
    """
    import ray

    given = ray.cloudpickle.dumps((ray.get(context), table, now, limit_s))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "engine.curate.alone", str(settings.data_dir)],
            input=given,
            stdout=subprocess.PIPE,
            timeout=_START_S + limit_s,
            env=os.environ | {"PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(HUNG, f"its process gave no answer within {_START_S + limit_s:.0f} s; see its payload") from None
    if done.returncode == -signal.SIGALRM:
        raise Failed(HUNG, f"the stages took longer than {limit_s:.0f} s over this record; see its payload")
    if done.returncode == _AWAY_STATUS:
        raise PartAway("a record that runs alone: a part it needs is away; it is tried again")
    if done.returncode:
        raise Failed(DIED, f"the process died over this record (status {done.returncode}); see its payload")
    with pa.ipc.open_stream(done.stdout) as reader:
        return reader.read_all()


def main() -> None:
    """Read the record, run it, write it."""
    from dataclasses import replace

    from engine.stages import pipeline

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    given = sys.stdin.buffer.read()
    # Whatever a library prints goes to the log and not into the answer.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _, addresses = runtime.load(Path(sys.argv[1]))
        runtime.connect_ray(addresses)
        context, table, now, limit_s = pickle.loads(given)  # noqa: S301 -- from our own parent, through a pipe
    except Exception as error:
        raise SystemExit(_AWAY_STATUS) from error
    # The kernel ends this process when the time is over, even one that hangs in C.
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        done = pipeline.process(table, replace(context, now=now))
    except Transient as error:
        raise SystemExit(_AWAY_STATUS) from error
    signal.setitimer(signal.ITIMER_REAL, 0)
    with pa.ipc.new_stream(answer, done.schema) as writer:
        writer.write_table(done)
    answer.close()
    # Not by way of what libraries do at exit: the answer is given.
    os._exit(0)


if __name__ == "__main__":
    main()
