"""Keep the reconciler looking, inside the surge watcher's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import Any

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.curate.main import CONSUMER
from engine.reconcile.watch import Reconciler
from engine.run import actors
from engine.settings import Settings

log = logging.getLogger("beejan.reconcile")


async def keep(settings: Settings, js: Any, stopping: asyncio.Event) -> None:
    """Look every `reconcile.interval_s` until `stopping`."""
    one: Reconciler | None = None
    while not stopping.is_set():
        try:
            if one is None:
                one = await asyncio.to_thread(_open, settings, js)
            await one.step(datetime.now(UTC))
        except Transient as error:
            log.warning("the look is put off: %s", error)
        except Exception:  # a bug here must end neither the surge watcher nor the looks to come
            log.exception("the look failed")
            one = None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), settings.reconcile.interval_s)


def _open(settings: Settings, js: Any) -> Reconciler:
    raw = open_reader(f"{settings.zones_uri.rstrip('/')}/raw", "envelopes", settings.storage_options)
    return Reconciler(settings, js, CONSUMER, actors.writer_call, raw)
