"""Accepted records that are in no table yet, read from the publishers' ledgers."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.intake import ledger

Settled = Callable[[NDArray[np.uint64]], NDArray[np.bool_]]


class Outstanding:
    """What the ledgers in `folder` hold and no table does; a restart reads the files again.

    Args:
        folder: `<data>/ledger`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self._open: dict[tuple[Path, str], NDArray[np.void]] = {}

    def read(self) -> int:
        """Take in what publishers have noted since.

        Returns:
            The highest sequence among it; 0 where there is nothing new.
        """
        highest = 0
        for path in sorted(self._folder.glob("*.ledger")):
            for noted, offset in ledger.read(path, self._offsets.get(path, 0)):
                key = (path, noted.source)
                known = self._open.get(key)
                self._open[key] = noted.entries if known is None else np.concatenate([known, noted.entries])
                self._offsets[path] = offset
                highest = max(highest, int(noted.entries["seq"].max(initial=0)))
        return highest

    def settle(self, settled: Settled) -> None:
        """Let go of what is in the tables, and of files of publishers that have ended and whose entries all are."""
        for key, entries in list(self._open.items()):
            left = entries[~settled(entries["id"].astype(np.uint64))]
            if len(left):
                self._open[key] = left
            else:
                del self._open[key]
        waiting = {path for path, _ in self._open}
        for path in [path for path in self._offsets if path not in waiting]:
            if _let_go(path, self._offsets[path]):
                del self._offsets[path]

    def by_source(self) -> list[tuple[str, NDArray[np.void]]]:
        """(source, entries) of all that is outstanding."""
        return [(source, entries) for (_, source), entries in self._open.items()]

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._open.values())


def _let_go(path: Path, offset: int) -> bool:
    """Remove a file that no publisher holds and in which nothing follows what we have read."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if next(ledger.read(path, offset), None) is not None:
                return False
            path.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
