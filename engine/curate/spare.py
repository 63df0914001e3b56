"""What the stream's driver does while nothing waits.

It completes degraded rows, brings persons up to date, looks for probable links, and distils the static model once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.curate.complete import Completer, modelled
from engine.curate.static_model import Quick
from engine.identity import job as identity
from engine.run import actors
from engine.run.runtime import NAMESPACE
from engine.settings import Settings
from engine.stages.context import EMBEDDING_STATIC, Context

log = logging.getLogger("beejan.stream")

_LOOK_S = 1.0

#: A writer that merges 256 rows of a large table while it compacts may take this long, s.
_COMPLETE_S = 600.0


class Spare:
    """Uses spare time.

    Args:
        settings: whether there is a static model to distil.
        context: the one that does everything.
        quick: knows whether the static model is there.
        idle: whether there is nothing else to do.
    """

    def __init__(self, settings: Settings, context: Context, quick: Quick, idle: Callable[[], bool]) -> None:
        self._settings, self._context, self._quick, self._idle = settings, context, quick, idle
        self._wanted = EMBEDDING_STATIC in settings.overload.ladder
        self._idle_since: float | None = None
        self._completer: Completer | None = None
        self._linked_at: float | None = None

    def swap(self, context: Context) -> None:
        """Take another context; another embedder wants a static model of its own."""
        if context.embedder != self._context.embedder:
            self._wanted, self._completer = EMBEDDING_STATIC in self._settings.overload.ladder, None
        self._context = context

    async def work(self) -> None:
        """Go on for ever; what fails is tried again."""
        if self._wanted and not self._quick.ready:
            log.info("there is no static model yet: embedding_static is left out until it is made in a quiet time")
        while True:
            await asyncio.sleep(_LOOK_S)
            if not self._idle():
                self._idle_since = None
                continue
            self._idle_since = self._idle_since or time.monotonic()
            try:
                await asyncio.to_thread(self._complete)
                await asyncio.to_thread(self._link)
                await self._distil()
            except Transient as error:
                log.warning("in spare time: %s", error)
            except Exception:  # it is beside the stream, which goes on
                log.exception("in spare time")
                await asyncio.sleep(60)

    def _complete(self) -> None:
        if self._completer is None:
            uri = f"{self._settings.zones_uri.rstrip('/')}/serving"
            table = open_reader(uri, "complaints", self._settings.storage_options)
            self._completer = Completer(table, self._model, _put, self._idle)
        if done := self._completer.run():
            log.info("%d complaints that were shed work for are complete", done)

    def _link(self) -> None:
        """Bring persons up to date, and every `identity.every_s` look for probable links."""
        if actors.writer_call("identity", "left", limit_s=_COMPLETE_S):
            actors.writer_call("identity", "tidy", limit_s=_COMPLETE_S)
        elif self._linked_at is None:
            self._linked_at = time.monotonic()  # the first look comes after a while, and not after each recycling
        elif time.monotonic() - self._linked_at > self._settings.identity.every_s:
            self._linked_at = time.monotonic()
            found = identity.run(self._settings.data_dir)
            log.info("identity: %d probable links, %d candidates", found["active"], found["candidates"])

    def _model(self, rows: pa.Table) -> pa.Table:
        return modelled(rows, replace(self._context, now=datetime.now(UTC)))

    async def _distil(self) -> None:
        """Once it has been quiet for `calm_s`; the actor works on where load comes meanwhile, at low priority."""
        since = self._idle_since
        if not self._wanted or since is None or time.monotonic() - since < self._settings.overload.calm_s:
            return
        if self._quick.made:
            self._wanted = False
            return
        began = time.monotonic()
        try:
            made = await actors.distil(self._quick.path, self._context.embedder)
        except Transient:
            raise
        except Exception as error:
            self._wanted = False
            log.error("the static model cannot be made (%s); embedding_static is left out", type(error).__name__)
            return
        self._idle_since = None
        if made:
            log.info("the static model was made in %.0f s: %s", time.monotonic() - began, self._quick.path)


def _put(made: pa.Table) -> int:
    """Have the writer put completed rows in place; it keeps the house in order between commits."""
    import ray

    done: Any = actors.writer_call("complete", made, limit_s=_COMPLETE_S)
    ray.get_actor(actors.WRITER, namespace=NAMESPACE).call.remote("maintain")
    return int(done)
