"""Makes the reports that are due, inside the surge watcher's process: files in `<data>/reports`, and mails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.errors import BeejanError
from connectors.lance import open_reader
from engine.counts import Counts
from engine.report.figures import figures, period
from engine.report.html import page
from engine.report.mail import send
from engine.settings import Settings

log = logging.getLogger("beejan.report")

_LOOK_S = 60.0


def due(settings: Settings, now: datetime) -> list[tuple[str, Path]]:
    """Kinds whose last period is over and not reported, with the file of each; none before `reports.hour`."""
    if now.astimezone(UTC).hour < settings.reports.hour:
        return []
    found: list[tuple[str, Path]] = []
    for kind in settings.reports.schedule:
        since, _ = period(kind, None, now)
        path = settings.data_dir / "reports" / f"{kind}-{since:%Y-%m-%d}.html"
        if not path.exists():
            found.append((kind, path))
    return found


def make(settings: Settings, kind: str, path: Path, now: datetime) -> dict[str, Any]:
    """Make a report, send it where mail is set up, and then keep its file, so that one that failed is made again."""
    root, options = f"{settings.zones_uri.rstrip('/')}/serving", settings.storage_options
    counts = Counts(None, open_reader(root, "complaints", options))
    found = figures(counts, open_reader(root, "incidents", options), kind, *period(kind, None, now))
    if settings.reports.to:
        send(settings.reports, found)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(found))
    beside = path.with_suffix(".new")
    beside.write_text(page(found), encoding="utf-8")
    beside.replace(path)
    return found


async def keep(settings: Settings, js: Any, stopping: asyncio.Event) -> None:
    """Look every minute until `stopping`."""
    while not stopping.is_set():
        now = datetime.now(UTC)
        for kind, path in due(settings, now):
            try:
                await asyncio.to_thread(make, settings, kind, path, now)
                log.info("report %s is made", path.name)
            except BeejanError as error:
                log.warning("the %s report is made later: %s", kind, error)
            except Exception:  # a bug here must end neither the surge watcher nor the looks to come
                log.exception("the %s report failed", kind)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LOOK_S)
