"""Keeps the stream's context up to date: a new champion, taxonomy or clustering is taken between two micro-batches."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from connectors.errors import BeejanError, Transient
from engine.cluster.keep import LANDED
from engine.curate.context import build_context
from engine.reembed.state import FILE as EMBEDDING
from engine.registry.aliases import folder_of
from engine.run import runtime
from engine.settings import Settings
from engine.stages.context import Context
from models.embedder import Embedder

log = logging.getLogger("beejan.stream")

_LOOK_S = 1.0

Taker = Callable[[Context], None]
Embedders = Callable[[], tuple[Embedder, Embedder | None]]


class Live:
    """Builds the context anew whenever a file that it is built from has changed.

    Args:
        settings: where they are. To be made before the context, so that no change between is missed.
        embedders: the model that serves and the one that is to follow it; default those of the context.
    """

    def __init__(self, settings: Settings, embedders: Embedders | None = None) -> None:
        self._settings, self._embedders = settings, embedders
        self._seen = sources(settings)
        #: What the stream classifies by.
        self.version = ""

    async def watch(self, context: Context, takers: Sequence[Taker]) -> None:
        """Look every second, for ever.

        Args:
            context: what the stream started with.
            takers: told of each new one.
        """
        self._note(context)
        while True:
            await asyncio.sleep(_LOOK_S)
            found = await asyncio.to_thread(sources, self._settings)
            if found == self._seen:
                continue
            try:
                made = await asyncio.to_thread(self._build, context)
                for take in takers:
                    await asyncio.to_thread(take, made)
                self._note(made)
            except Transient as error:
                log.warning("the stream goes on with %s until a part is back: %s", context.classifier_version, error)
                continue
            except Exception as error:  # the stream goes on as it is until the next change
                self._seen = found
                # A message of ours names no personal data; of others only the type is told.
                said = error if isinstance(error, BeejanError) else type(error).__name__
                log.error("the stream goes on with %s: %s", context.classifier_version, said)
                continue
            self._seen, context = found, made
            log.info("complaints are classified by %s in %s", made.classifier_version, made.taxonomy_version)

    def _build(self, context: Context) -> Context:
        models = self._embedders() if self._embedders else (context.embedder, context.following)
        return build_context(self._settings, *models)

    def _note(self, context: Context) -> None:
        self.version = context.classifier_version
        note(self._settings.data_dir, context)


def sources(settings: Settings) -> tuple[Any, ...]:
    """What changes whenever the aliases of the model, the versions of the taxonomy, the clusters or the embedder do."""
    taxonomies = sorted((settings.data_dir / "taxonomies").glob("*/*.json"))
    found = []
    for path in (
        folder_of(settings.data_dir, settings.classifier) / "aliases.json",
        settings.data_dir / LANDED,
        settings.data_dir / EMBEDDING,
        *taxonomies,
    ):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        found.append((str(path), stat.st_ino, stat.st_mtime_ns))
    return tuple(found)


def note(data_dir: Path, context: Context) -> None:
    """Tell other processes what the stream classifies by now."""
    target = _path(data_dir)
    temporary = target.with_suffix(f".{os.getpid()}")
    told = {"classifier_version": context.classifier_version, "taxonomy_version": context.taxonomy_version}
    temporary.write_text(json.dumps(told | {"pid": os.getpid()}))
    temporary.replace(target)


def noted(data_dir: Path) -> dict[str, Any] | None:
    """What the stream that runs, or ran last, classifies by; None before the first."""
    try:
        found: dict[str, Any] = json.loads(_path(data_dir).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found


def _path(data_dir: Path) -> Path:
    return runtime.run_folder(data_dir) / "classifies.json"
