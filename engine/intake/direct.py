"""Publish straight to the NATS of an engine on this host, as its publisher."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from connectors.errors import BeejanError, StreamFull, Transient
from connectors.nats import connect
from engine.intake import slow
from engine.intake.envelope import Envelope
from engine.intake.ledger import Ledger
from engine.intake.publish import publish_all
from engine.run import runtime

log = logging.getLogger("beejan.ingest")

#: The engine may be started again this long; the ids make repeating safe. A full stream is waited for longer, s.
_PATIENCE_S, _FULL_PATIENCE_S = 180.0, 6 * 3600.0


class Direct:
    """A connection on a loop of its own, so that pings are answered while files are read.

    Args:
        data_dir: the engine's; its addresses are read again whenever the connection is lost.

    Raises:
        Transient: NATS cannot be reached.
        OSError: no engine runs there.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._ledger = Ledger(data_dir / "ledger", "ingest")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection: Any = None
        try:
            self._wait(self._connect())
        except BaseException:
            self.close()
            raise

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _connect(self) -> None:
        settings, addresses = runtime.load(self._data_dir)
        self._window = settings.intake.publish_window
        self._connection = await connect(addresses.nats.role("publisher"), "beejan-ingest", patient=False)

    async def _publish(self, envelopes: Sequence[Envelope]) -> list[bool]:
        if self._connection is None:
            await self._connect()
        slow.check(self._data_dir)
        done = await publish_all(
            self._connection.jetstream(), envelopes, window=self._window, limit_s=10, ledger=self._ledger
        )
        return [p.duplicate for p in done]

    def publish(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Publish all, and wait while the engine is away or its stream full; see engine.intake.ingest.Publisher."""
        began, repeated, told = time.monotonic(), False, False
        while True:
            try:
                had: list[bool] = self._wait(self._publish(envelopes))
            except (Transient, OSError) as error:
                patience_s = _FULL_PATIENCE_S if isinstance(error, StreamFull) else _PATIENCE_S
                if time.monotonic() - began > patience_s:
                    raise
                if not told:
                    log.warning("%s", error)
                # What was refused by us was not published in part.
                told, repeated = True, repeated or not isinstance(error, slow.IntakeSlowed)
                time.sleep(1)
                if not isinstance(error, StreamFull):
                    self._wait(self._forget())
            else:
                # What our own first try brought in is no duplicate.
                return [False] * len(had) if repeated else had

    async def _forget(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(Exception):
                await connection.close()

    def close(self) -> None:
        """Let go of the connection and its thread."""
        self._wait(self._forget())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._ledger.close()


@contextlib.contextmanager
def opened(data_dir: Path, local: bool) -> Iterator[Direct | None]:
    """A publisher to the engine of `data_dir`; None where it cannot be reached so, and HTTP is the way."""
    publisher = None
    if local:
        with contextlib.suppress(BeejanError, OSError, ValueError, TypeError):
            publisher = Direct(data_dir)
    try:
        yield publisher
    finally:
        if publisher is not None:
            publisher.close()
