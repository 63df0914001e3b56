"""Keep quality looking, inside the surge watcher's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import Any

from connectors.errors import Transient
from engine.curate.main import CONSUMER
from engine.quality.rules import load_rules
from engine.quality.watch import Watcher
from engine.run import actors
from engine.settings import Settings

log = logging.getLogger("beejan.quality")


async def keep(settings: Settings, js: Any, stopping: asyncio.Event) -> None:
    """Look every `quality.interval_s` until `stopping`."""
    one: Watcher | None = None
    while not stopping.is_set():
        try:
            if one is None:
                one = await asyncio.to_thread(_open, settings, js)
            await one.step(datetime.now(UTC))
        except Transient as error:
            log.warning("the look is put off: %s", error)
            one = None
        except Exception:  # a bug here must end neither the surge watcher nor the looks to come
            log.exception("the look failed")
            one = None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), settings.quality.interval_s)


def _open(settings: Settings, js: Any) -> Watcher:
    return Watcher(settings, load_rules(settings), js, CONSUMER, actors.writer_call)
