"""Starts a process for each query, and ends those that take too long; the next one is warm already."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.errors import Transient
from engine.settings import ROOT, Settings
from engine.sql.statement import BadSql, Call, Statement

#: Queries at once; more wait for their turn as long as a query may take.
_AT_ONCE = 2

Similar = Callable[[Call], Mapping[str, Sequence[Any]]]


class SqlBusy(Transient):
    """Too many queries run; try again."""


class Workers:
    """Runs checked queries, each in a process of its own; many threads may use one.

    Args:
        settings: where the tables are, and the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._spare: subprocess.Popen[str] | None = None

    def run(self, statement: Statement, similar: Similar, hidden: Sequence[str], max_rows: int) -> dict[str, Any]:
        """Run a query.

        Args:
            statement: see engine.sql.statement.
            similar: finds the complaints of a call: event_id, score, rank.
            hidden: see engine.sql.work.connect.
            max_rows: rows that are given at most.

        Returns:
            columns, rows as objects, types, truncated, versions.

        Raises:
            BadSql: the query is wrong, or over its limit of time or memory.
            SqlBusy: others run.
        """
        limits = self._settings.sql
        job = job_of(self._settings, statement, similar, hidden) | {"max_rows": max_rows}
        if not self._turns.acquire(timeout=limits.timeout_s):
            raise SqlBusy(f"sql: {_AT_ONCE} queries run already; try again")
        try:
            told = self._ask(job, limits.timeout_s)
        finally:
            self._turns.release()
        if told.get("full"):
            raise BadSql(f"sql: it needs more than the {limits.memory_bytes >> 20} MB a query may use; export it")
        if "error" in told:
            raise BadSql(f"sql: {told['error']}")
        answer: dict[str, Any] = told["answer"]
        return answer

    def _ask(self, job: dict[str, Any], limit_s: float) -> dict[str, Any]:
        with self._lock:
            process, self._spare = self._spare or spawn(), None
        try:
            out, _ = process.communicate(json.dumps(job) + "\n", timeout=limit_s)
        except subprocess.TimeoutExpired as error:
            raise BadSql(f"sql: it took longer than {limit_s:g} s and was ended; narrow it, or export it") from error
        except BrokenPipeError:
            out = ""
        finally:
            end(process)
            self._prepare()
        try:
            found: dict[str, Any] = json.loads(out)
        except ValueError:
            found = {"full": True}  # it died of its limit
        return found

    def _prepare(self) -> None:
        with self._lock:
            if self._spare is None:
                self._spare = spawn()

    def close(self) -> None:
        """End the process that waits."""
        with self._lock:
            if self._spare is not None:
                end(self._spare)
            self._spare = None


def job_of(settings: Settings, statement: Statement, similar: Similar, hidden: Sequence[str]) -> dict[str, Any]:
    """A query as JSON, for engine.sql.work; what `similar` finds is in it."""
    root = f"{settings.zones_uri.rstrip('/')}/serving"
    return {
        "sql": statement.sql,
        "paths": {name: [f"{root}/{name}.lance", None] for name in sorted(statement.tables)},
        "similar": {call.name: dict(similar(call)) for call in statement.calls},
        "hidden": list(hidden),
        "vectors": "vector" in statement.columns,
        "memory_bytes": settings.sql.memory_bytes,
        "options": settings.storage_options,
    }


def spawn() -> subprocess.Popen[str]:
    """A process that waits for its job; of this one's environment it gets what Python and the store need."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BEEJAN_")}
    return subprocess.Popen(
        [sys.executable, "-m", "engine.sql.work"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        env=kept | {"OMP_NUM_THREADS": "2", "LANCE_CPU_THREADS": "2", "LANCE_IO_THREADS": "2"},
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process, and let nothing of it be left."""
    process.kill()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    process.wait()
