"""Events of a folder, where its file system has them; network mounts have none, so nobody may rely on them."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

log = logging.getLogger("beejan.folders")


class Watch:
    """Tells when something changed below a folder.

    Args:
        root: the folder; it need not be there yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._changed, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch; once it does, this does nothing."""
        if self._stopped.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        if self._root.is_dir():
            self._thread = threading.Thread(target=self._run, name="beejan-watch", daemon=True)
            self._thread.start()

    def wait(self, limit_s: float) -> None:
        """Return when something changed since the last call, after `limit_s` at most."""
        self._changed.wait(limit_s)
        self._changed.clear()

    def close(self) -> None:
        """Stop; it may be called twice."""
        self._stopped.set()
        self._changed.set()

    def _run(self) -> None:
        from watchfiles import watch

        try:
            for _ in watch(self._root, stop_event=self._stopped, watch_filter=None, step=50, raise_interrupt=False):
                self._changed.set()
        except OSError as error:
            # Out of watches, or the folder went away: looking every `poll_s` finds everything all the same.
            log.warning("no events of %s (%s); it is looked through every poll_s", self._root, error)
