"""What the stream's driver does for the registry: it sees to it that somebody works while there is something to do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from connectors.errors import BeejanError
from engine.registry import job
from engine.registry.aliases import read
from engine.registry.load import target
from engine.registry.rescore import of_others
from engine.settings import Settings

log = logging.getLogger("beejan.registry")

_LOOK_S = 2.0
#: The actor is let go of when nothing was to be done for so long, s.
_LET_GO_S = 60.0
#: What failed is tried again after so long, s.
_AGAIN_S = 30.0


class Tender:
    """Looks whether complaints are due to be scored again, or a challenger is to be tried.

    Args:
        settings: where the registry is.
        classifies: the version that the stream classifies by.
    """

    def __init__(self, settings: Settings, classifies: Callable[[], str]) -> None:
        self._settings, self._classifies = settings, classifies
        self._complaints: Any = None
        self._running: Any = None
        self._failing: tuple[str, int] = ("", 0)
        self._not_before = 0.0
        self._needed_at: float | None = None

    async def work(self) -> None:
        """Go on for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await asyncio.to_thread(self.look)
            except BeejanError as error:
                log.warning("registry: %s", error)
                self._not_before = time.monotonic() + _AGAIN_S
            except Exception:  # it is beside the stream, which goes on
                log.exception("registry")
                self._not_before = time.monotonic() + _AGAIN_S

    def look(self) -> None:
        """Look once."""
        now = time.monotonic()
        if self._running is not None:
            self._ended()
        elif now >= self._not_before and self._needed():
            self._needed_at = now
            self._running = job.kick(self._settings)
        elif self._needed_at is not None and now - self._needed_at > _LET_GO_S:
            self._needed_at = None
            job.end()

    def _needed(self) -> bool:
        version = self._classifies()
        if version != target(self._settings):  # not taken over yet, or of no use
            return False
        if self._complaints is None:
            self._complaints = job.complaints_of(self._settings)
        failing = self._failing[1] if self._failing[0] == version else 0
        due = int(self._complaints.count_rows(of_others(version)))
        return due > failing or read(self._settings.data_dir, self._settings.classifier).challenger is not None

    def _ended(self) -> None:
        import ray

        done, _ = ray.wait([self._running], timeout=0)
        if not done:
            return
        running, self._running = self._running, None
        try:
            found = ray.get(running)
        except ray.exceptions.RayError as error:
            log.warning("registry: its actor ended (%s); it goes on in another", type(error).__name__)
            self._not_before = time.monotonic() + _AGAIN_S / 10
            return
        if found["state"] == "failed":
            self._not_before = time.monotonic() + _AGAIN_S
        else:
            self._failing = (found["classifier_version"], int(found.get("failing", 0)))
            if found.get("visible"):
                log.info("registry: %d complaints scored again by %s", found["visible"], found["classifier_version"])
