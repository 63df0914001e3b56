"""The embedder of what is searched: a change of the model is seen between two searches, and never within one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.lance import VersionGone
from engine.reembed import state
from engine.run.actors import RemoteEmbedder
from engine.settings import Settings
from engine.store.vectors import label_of
from models.embedder import Embedder


class Serving:
    """The embedding actors of the model that serves, whichever that is by now, as an Embedder.

    Args:
        settings: of the engine that runs.

    Raises:
        EmbedderAway: its model is not loaded.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._now = RemoteEmbedder.wait(settings)

    @property
    def name(self) -> str:
        """See models.embedder.Embedder."""
        return self.now().name

    @property
    def revision(self) -> str:
        """See models.embedder.Embedder."""
        return self.now().revision

    @property
    def dimensions(self) -> int:
        """See models.embedder.Embedder."""
        return self.now().dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See models.embedder.Embedder."""
        return self.now().encode(texts)

    def windows(self, texts: Sequence[str]) -> list[int]:
        """See models.embedder.Embedder."""
        return self.now().windows(texts)

    def now(self) -> RemoteEmbedder:
        """Its actors."""
        kept = state.read(self._settings.data_dir)
        with self._lock:
            if kept is not None and kept.serving.label != _label(self._now):
                self._now = RemoteEmbedder.wait(self._settings)
            return self._now

    def at(self, table: Any) -> Embedder:
        """The model of the vectors of a table that stays at its version.

        Raises:
            VersionGone: that is a model of before a change.
        """
        wanted = label_of(table.schema)
        found: Embedder = self.now()
        if wanted in ("", _label(found)):
            return found
        # The table has switched and the state is about to be written.
        following = RemoteEmbedder.following(self._settings)
        for one in (following, self.now()):
            if one is not None and _label(one) == wanted:
                return one
        raise VersionGone(f"table {table.name}: its vectors at version {table.version} are of a model that is gone")


def at(embedder: Embedder, table: Any) -> Embedder:
    """The embedder for the vectors of a table: of several, the one that made them.

    Raises:
        VersionGone: that is a model of before a change.
    """
    return embedder.at(table) if isinstance(embedder, Serving) else embedder


def _label(embedder: Embedder) -> str:
    return f"{embedder.name}|{embedder.revision}"
