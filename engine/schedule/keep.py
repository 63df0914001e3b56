"""The scheduler of a running engine: beside the surge watcher it runs what is due, each entry on its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import BeejanError
from engine.run import runtime
from engine.schedule import state
from engine.schedule.entries import load_entries, next_after
from engine.schedule.run import CUT_OFF, PUT_OFF, end_commands, run
from engine.settings import Settings

log = logging.getLogger("beejan.schedule")

_LOOK_S = 5.0
#: What was put off, as the engine was not ready for it, is tried again after so long.
_AGAIN = timedelta(minutes=5)


def listed(settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """Entries with job, cron, last (its last run), runs (whether one is going on) and next_run_at."""
    known, found = state.read(settings.data_dir), []
    for name, entry in load_entries(settings).items():
        mine = known.get(name, {})
        runs = state.runs(settings.data_dir, name)
        last = mine.get("last")
        if last and last["state"] == "running" and not runs:
            last = last | {"state": CUT_OFF}
        # Of an entry that no engine has seen yet, as if one began now.
        since = datetime.fromisoformat(mine["counted_from"]) if "counted_from" in mine else now
        row = {"name": name, **entry.model_dump(), "runs": runs, "last": last, "looked_at": mine.get("looked_at")}
        found.append(row | {"next_run_at": next_after(entry.cron, since).isoformat()})
    return found


class Scheduler:
    """Starts what is due.

    Args:
        settings: resolved settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = runtime.run_folder(settings.data_dir) / "settings.json"
        self._running: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, datetime] = {}

    def step(self, now: datetime) -> list[str]:
        """Start what is due by now; returns the names. Missed runs are one run, and none runs beside itself."""
        started = []
        for name, entry in load_entries(self._settings).items():
            task = self._running.get(name)
            if (task is not None and not task.done()) or now < self._not_before.get(name, now):
                continue
            if next_after(entry.cron, state.counted_from(self._settings.data_dir, name, now)) <= now:
                self._running[name] = asyncio.create_task(self._run(name, entry))
                started.append(name)
        return started

    async def _run(self, name: str, entry: Any) -> None:
        try:
            found = await asyncio.to_thread(
                run, self._settings, name, entry, by="schedule", config=self._config if self._config.exists() else None
            )
        except BeejanError as error:
            log.warning("%s; tried again later", error)
            self._not_before[name] = datetime.now(UTC) + _AGAIN
            return
        except Exception:  # a bug here must not end the scheduler
            log.exception("schedule %s", name)
            self._not_before[name] = datetime.now(UTC) + _AGAIN
            return
        log.info("schedule %s: %s", name, found["state"])
        if found["state"] == PUT_OFF:
            # Due still: counted from before its time.
            before = datetime.fromisoformat(found["started_at"]) - timedelta(days=366)
            state.change(self._settings.data_dir, name, counted_from=before.isoformat())
            self._not_before[name] = datetime.now(UTC) + _AGAIN

    async def finish(self) -> None:
        """Wait for what runs."""
        await asyncio.gather(*self._running.values())


async def keep(settings: Settings, _: Any, stopping: asyncio.Event) -> None:
    """Schedule until `stopping`, inside the surge watcher's process; what runs then is ended and told as cut off."""
    scheduler = Scheduler(settings)
    while not stopping.is_set():
        try:
            scheduler.step(datetime.now(UTC))
        except BeejanError as error:
            log.warning("schedule: %s", error)
        except Exception:  # a bug here must end neither the surge watcher nor the runs to come
            log.exception("schedule")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LOOK_S)
    end_commands()
    await scheduler.finish()
