"""The static model's file: one for each full model in the user's cache, distilled once, when nothing else is to do."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.embedding import user_cache
from engine.settings import Settings
from engine.stages.context import EMBEDDING_STATIC, Context
from models.static_embedder import RECIPE, StaticModelError, distil, load

if TYPE_CHECKING:
    from models.embedder import SentenceTransformerEmbedder
    from models.onnx_embedder import OnnxEmbedder

log = logging.getLogger("beejan.stream")

#: What the map is fitted on; the same texts on every machine.
_TEXTS, _SEED = 4000, 20
_SPAN = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def path_of(settings: Settings, name: str, revision: str) -> Path:
    """Where the static model of a full model is, or would be."""
    named = re.sub(r"[^A-Za-z0-9.]+", "-", f"{name}-{revision}")
    return _folder(settings) / f"{named}-{RECIPE}.safetensors"


def _folder(settings: Settings) -> Path:
    if settings.overload.static_folder:
        return settings.overload.static_folder.expanduser()
    return user_cache(settings, "static")


class Quick:
    """The stages' context with the static model in place of the full one.

    Args:
        settings: where it is kept.
        context: with the full model.
        put: gives workers a context, by reference.
    """

    def __init__(self, settings: Settings, context: Context, put: Callable[[Context], Any]) -> None:
        self._settings, self._context, self._put = settings, context, put
        self.path = path_of(settings, context.embedder.name, context.embedder.revision)
        self._reference: Any = None
        self._unusable = False

    def swap(self, context: Context) -> None:
        """Take another context with the full model, which may be another one."""
        path = path_of(self._settings, context.embedder.name, context.embedder.revision)
        self._unusable = self._unusable and path == self.path
        self._context, self._reference, self.path = context, None, path

    @property
    def ready(self) -> bool:
        """Whether there is one; it is not read before it is needed."""
        return not self._unusable and (self._reference is not None or self.made)

    @property
    def made(self) -> bool:
        """Whether its file is there, of use or not."""
        return os.access(self.path, os.R_OK)

    def reference(self) -> Any:
        """The context, read once; None where the file is of no use."""
        if self._reference is None and self.ready:
            context = self._context
            full = context.embedder
            try:
                model = load(self.path)
                if (model.base, model.dimensions) != ((full.name, full.revision), full.dimensions):
                    raise StaticModelError(f"static model {self.path.name}: made of {model.base[0]}, not {full.name}")
            except (StaticModelError, OSError) as error:
                self._unusable = True
                log.error("%s; nothing is shed", error)
                return None
            shed = frozenset({EMBEDDING_STATIC})
            made = self._put(replace(context, shed=shed, quick=model))
            if context is not self._context:  # swapped meanwhile
                return made
            self._reference = made
        return self._reference


def make(path: Path, full: SentenceTransformerEmbedder | OnnxEmbedder) -> bool:
    """Distil the static model of `full` into `path`, at the lowest priority; another process may be at it.

    Returns:
        Whether it is there now.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not path.exists():
            _in_background(lambda: distil(full, texts()).save(path))
    return path.exists()


def texts() -> list[str]:
    """Simulated complaints, masked like those that are stored."""
    from engine.simulate.generate import generate
    from models.pii import mask

    found = generate(_TEXTS, seed=_SEED, start=_SPAN[0], end=_SPAN[1])
    return [mask(one.fields["text"], b"static model").text for one in found]


def _in_background(work: Callable[[], None]) -> None:
    """Run it in a thread of its own, since Linux gives priorities to threads and a lowered one stays low."""
    raised: list[BaseException] = []

    def run() -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="distil", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
