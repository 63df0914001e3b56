"""Child processes that end with their parent and start again when they die."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """A process that is kept running.

    Args:
        name: for status and logs.
        command: what to run, made anew for each start.
        log: where its output goes.
        environment: added to ours.
        after_start: waits until it is ready; raises when it will not be.
    """

    name: str
    command: Callable[[], Sequence[str]]
    log: Path
    environment: Callable[[], Mapping[str, str]] = dict
    after_start: Callable[[subprocess.Popen[bytes]], None] = lambda process: None
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    next_start_at: float = 0.0
    started_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.process = spawn(self.command(), self.log, self.environment())
        self.started_at = time.monotonic()
        self.after_start(self.process)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def back_off(self) -> float:
        """Seconds until the next start: doubling with quick deaths, 10 s at most."""
        if time.monotonic() - self.started_at > 60:
            self.restarts = 0
        pause = float(min(10.0, 0.25 * 2 ** min(self.restarts, 6)))
        self.restarts += 1
        self.next_start_at = time.monotonic() + pause
        return pause

    def stop(self, limit_s: float) -> None:
        """SIGTERM, then SIGKILL after `limit_s`."""
        if self.process is not None:
            end(self.process, limit_s)


def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a process that gets SIGTERM when this one dies, in a group of its own, logging to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(environment),
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end(process: subprocess.Popen[bytes], limit_s: float) -> None:
    """SIGTERM, wait, SIGKILL."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
