"""The sources that are read, as a process: `python -m engine.intake.sources DATA_DIR`.

Each source has a thread of its own; publishing happens on the loop of the main thread, which answers NATS. A full
stream or an absent NATS makes the sources wait: files and mailboxes hold what is not read yet.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from connectors.errors import BeejanError, Terminal, Transient
from connectors.nats import connect
from connectors.registry import open_source
from connectors.settings import Pulled
from connectors.source import Connector, Record, SourceAway
from engine.intake import slow
from engine.intake.cursors import Cursors
from engine.intake.ledger import Ledger
from engine.intake.publish import publish_all
from engine.intake.pull import envelope_of, pull
from engine.run import runtime
from engine.settings import Settings

log = logging.getLogger("beejan.sources")

#: The first and the longest pause after trouble, s.
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0

#: How long the threads have to end, s; what they had not kept is read again.
_END_S = 15.0

Publish = Callable[[Connector, str | None, Sequence[Record]], None]


class _Stopped(Exception):
    pass


@dataclass(slots=True)
class State:
    """How a source fares."""

    state: str = "starting"
    records: int = 0
    read_at: str | None = None
    caught_up_at: str | None = None
    error: str | None = None
    error_at: str | None = None


class Worker(threading.Thread):
    """Reads one source until it is told to stop.

    Args:
        name: the name it is configured under.
        settings: of its kind.
        cursors: keeps where it is.
        publish: returns once records are durable; raises Transient while they cannot be.
        stopping: set when the process ends.
    """

    def __init__(
        self, name: str, settings: Pulled, cursors: Cursors, publish: Publish, stopping: threading.Event
    ) -> None:
        super().__init__(name=f"source-{name}", daemon=True)
        self.source, self._settings, self._cursors = name, settings, cursors
        self._publish, self._stopping = publish, stopping
        self._connector: Connector | None = None
        self._mapping: str | None = None
        self._trouble = 0
        self.waiting = False
        self.state = State(records=int(cursors.states().get(name, {}).get("records") or 0))

    def run(self) -> None:
        """Open, read and wait, again and again."""
        while not self._stopping.is_set():
            try:
                if self._is_paused():
                    continue
                self._read()
            except _Stopped:
                break
            except Transient as error:
                self._fail("away", error, getattr(error, "retry_after_s", None))
            except Terminal as error:
                self._give_up(error)
            except Exception as error:  # a connector's own mistake: the source is tried again, the others go on
                log.exception("source %s", self.source)
                text = f"{type(error).__name__} in its connector; the log of the sources has the place"
                self._fail("failing", BeejanError(text), None)
        self._close()

    def _is_paused(self) -> bool:
        if self.source not in self._cursors.paused():
            return False
        self._close()
        self._tell("paused")
        self._sleep(0.5)
        return True

    def _read(self) -> None:
        if self._connector is None:
            mapping = self._settings.load_mapping()
            self._mapping = mapping.model_dump_json(exclude_defaults=True) if mapping else None
            self._connector = cast(Connector, open_source(self.source, self._settings))
        pull(self._connector, self.source, self._cursors, self._send)
        self._trouble = 0
        self.state.caught_up_at = _now()
        self._tell("reading")
        self.waiting = True
        try:
            self._connector.wait(self._settings.poll_s)
        finally:
            self.waiting = False

    def _send(self, page: Sequence[Record]) -> None:
        """Publish a page, for as long as it takes."""
        assert self._connector is not None  # opened by _read
        while True:
            if self._stopping.is_set() or self.source in self._cursors.paused():
                raise _Stopped if self._stopping.is_set() else SourceAway("paused", 0.0)
            try:
                self._publish(self._connector, self._mapping, page)
                break
            except Transient as error:
                self._fail("held", error, getattr(error, "retry_after_s", None))
        self._trouble = 0
        self.state.records += len(page)
        self.state.read_at = _now()
        self._tell("reading")

    def _fail(self, state: str, error: BeejanError, retry_after_s: float | None) -> None:
        """Note trouble, and wait: as long as the source asks for, else longer each time."""
        if state != "held":
            self._close()
        if retry_after_s != 0.0:  # it was paused
            self.state.error, self.state.error_at = str(error), _now()
            self._tell(state)
            log.warning("source %s: %s", self.source, error)
        pause = min(_LONGEST_PAUSE_S, _PAUSE_S * 2 ** min(self._trouble, 10)) * random.uniform(0.8, 1.2)
        self._trouble += 1
        self._sleep(pause if retry_after_s is None else retry_after_s)

    def _give_up(self, error: BeejanError) -> None:
        """It cannot work as it is set up; pausing and resuming it tries again."""
        self._close()
        self.state.error, self.state.error_at = str(error), _now()
        self._tell("stopped")
        log.error("source %s is stopped: %s", self.source, error)
        while not self._stopping.is_set() and self.source not in self._cursors.paused():
            self._sleep(1.0)

    def _sleep(self, seconds: float) -> None:
        self.waiting = True
        self._stopping.wait(seconds)
        self.waiting = False

    def _tell(self, state: str) -> None:
        self.state.state = state
        try:
            self._cursors.note(self.source, asdict(self.state))
        except Transient as error:  # the next note says it all
            log.warning("source %s: %s", self.source, error)

    def _close(self) -> None:
        if self._connector is not None:
            connector, self._connector = self._connector, None
            try:
                connector.close()
            except Exception as error:  # it is let go of either way
                log.warning("source %s: closing it failed (%s)", self.source, type(error).__name__)


def pulled(settings: Settings) -> dict[str, Pulled]:
    """The configured sources that are read by us."""
    return {name: one for name, one in settings.sources.items() if isinstance(one, Pulled)}


def publisher(settings: Settings, js: Any, loop: asyncio.AbstractEventLoop, ledger: Ledger) -> Publish:
    """What publishes from a worker's thread on the loop that has the connection."""
    most = min(settings.intake.max_complaint_bytes, settings.nats.max_payload_bytes // 2)

    def publish(connector: Connector, mapping: str | None, page: Sequence[Record]) -> None:
        slow.check(settings.data_dir)
        about = {"channel": connector.channel, "source": connector.source, "mapping": mapping}
        now = datetime.now(UTC)
        envelopes = [envelope_of(record, **about, now=now, most_bytes=most) for record in page]  # type: ignore[arg-type]
        sending = publish_all(js, envelopes, window=settings.intake.publish_window, limit_s=5, ledger=ledger)
        asyncio.run_coroutine_threadsafe(sending, loop).result()

    return publish


async def run(data_dir: Path) -> None:
    """Read all sources until SIGTERM."""
    settings, addresses = runtime.load(data_dir)
    stopping, ended = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, ended.set)
    role = getattr(addresses.nats, "role", None)
    connection = await connect(role("publisher") if role else addresses.nats, "beejan-sources")
    cursors, ledger = Cursors(data_dir / "sources"), Ledger(data_dir / "ledger", "sources")
    publish = publisher(settings, connection.jetstream(), loop, ledger)
    workers = [Worker(name, one, cursors, publish, stopping) for name, one in pulled(settings).items()]
    for worker in workers:
        worker.start()
    await ended.wait()
    stopping.set()
    await asyncio.to_thread(_join, workers)
    await connection.close()
    ledger.close()


def _join(workers: Sequence[Worker]) -> None:
    """Wait for those that publish; one that only waits for something new holds nothing that is not durable."""
    deadline = time.monotonic() + _END_S
    for worker in workers:
        while worker.is_alive() and not worker.waiting and time.monotonic() < deadline:
            worker.join(0.02)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(run(parser.parse_args().data_dir))
    except BeejanError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
