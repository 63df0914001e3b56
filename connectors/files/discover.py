"""From paths, folders and globs to the files that can be read."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from connectors.errors import UnreadableFile
from connectors.files.kinds import SUFFIXES, in_maildir, kind


def discover(paths: Sequence[str]) -> list[Path]:
    """The files meant, each once, in the order given; a folder's are sorted and hidden ones left out.

    A folder that cannot be opened stands among them itself, so that reading it tells why.

    Raises:
        UnreadableFile: a path that is nothing, or a folder without a readable file.
    """
    found: dict[Path, None] = {}
    for text in paths:
        matched = list(_expand(text))
        if not matched:
            raise UnreadableFile(f"{text}: no such file, folder or pattern, or nothing in it can be read")
        found.update(dict.fromkeys(matched))
    return list(found)


def _expand(text: str) -> Iterator[Path]:
    path = Path(text)
    if path.is_dir():
        closed: list[OSError] = []
        within = [Path(top) / name for top, _, names in os.walk(path, onerror=closed.append) for name in names]
        for inner in sorted(within):
            hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
            if inner.is_file() and not hidden and (kind(inner) in SUFFIXES or in_maildir(inner)):
                yield inner
        # Reading one says why it cannot be opened.
        yield from (Path(error.filename) for error in closed)
    elif path.exists():
        yield path
    else:
        for name in sorted(glob.glob(text, recursive=True)):  # noqa: PTH207 -- Path.glob takes no absolute pattern
            if Path(name).is_file():
                yield Path(name)
