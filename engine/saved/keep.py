"""Keeps saved searches standing, inside the surge watcher's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.errors import BeejanError
from connectors.lance import open_reader
from connectors.nats import StreamSpec, ensure_stream
from engine.govern.crypto import load_keys
from engine.saved import deliver, watch
from engine.saved.book import Book
from engine.saved.standing import Saved
from engine.settings import Settings

log = logging.getLogger("beejan.saved")

#: Matches that are kept.
_KEPT = 1_000_000

_PRUNE_EVERY_S = 3600.0


def book_path(data_dir: Path) -> Path:
    """Where matches are."""
    return data_dir / "saved" / "matches.sqlite"


class Shelf:
    """The saved searches, read again whenever their table changed.

    Args:
        reader: of governance.saved_searches.
    """

    def __init__(self, reader: Any) -> None:
        self._reader, self._version = reader, -1
        self._saved: list[Saved] = []

    def all(self) -> list[Saved]:
        """Those that stand, the oldest first."""
        version = int(self._reader.version)
        if version != self._version:
            rows = self._reader.search().where("removed = false").limit(1_000_000).to_list()
            found = [Saved.of(row) for row in rows]
            self._saved = sorted(found, key=lambda one: (one.created_at, one.search_id))
            self._version = version
        return self._saved


async def keep(settings: Settings, js: Any, stopping: asyncio.Event) -> None:
    """Look every `saved.interval_s` until `stopping`."""
    tools: tuple[Any, Shelf, Book, bytes] | None = None
    pruned = time.monotonic()
    while not stopping.is_set():
        try:
            if tools is None:
                tools = await asyncio.to_thread(_open, settings)
                spec = StreamSpec(32 << 20, 1 << 20, 120, settings.nats.replicas, drop_old=True)
                await ensure_stream(js, deliver.STREAM, ["matches.>"], spec)
            reader, shelf, book, key = tools
            saved = await asyncio.to_thread(shelf.all)
            await asyncio.to_thread(watch.step, reader, saved, book, datetime.now(UTC))
            await deliver.to_nats(js, book, {one.search_id: one.name for one in saved})
            await asyncio.to_thread(deliver.to_webhooks, book, saved, key)
            if time.monotonic() - pruned > _PRUNE_EVERY_S:
                await asyncio.to_thread(book.prune, _KEPT)
                pruned = time.monotonic()
        except BeejanError as error:
            log.warning("saved searches are looked at again: %s", error)
        except Exception:  # a bug here must end neither the surge watcher nor the looks to come
            log.exception("the look failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), settings.saved.interval_s)


def _open(settings: Settings) -> tuple[Any, Shelf, Book, bytes]:
    root, options = settings.zones_uri.rstrip("/"), settings.storage_options
    return (
        open_reader(f"{root}/serving", "complaints", options),
        Shelf(open_reader(f"{root}/governance", "saved_searches", options)),
        Book(book_path(settings.data_dir)),
        load_keys(settings.data_dir / "keys").pseudonym,
    )
