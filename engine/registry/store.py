"""Writes a version of a model into the registry: its folder appears whole, or not at all.

`<data>/models/<name>/<version>/` holds the model's files and `manifest.json` with the sha256 of each. A version is made
in `<data>/training/`, which nobody reads, and moved into its place by one rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.registry.aliases import folder_of, version_folder

_TRAINING = "training"


@contextmanager
def workshop(data_dir: Path) -> Iterator[Path]:
    """An empty folder of this process to make a version in; it goes when the work ends, after a kill with the next."""
    import psutil

    root = data_dir / _TRAINING
    root.mkdir(parents=True, exist_ok=True)
    for left in root.iterdir():
        if left.name.isdigit() and not psutil.pid_exists(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    folder = root / str(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(data_dir: Path, name: str, made: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Make a folder of a `workshop` the newest version of a model.

    Args:
        data_dir: the data folder.
        name: the model.
        made: the folder with the model's files, which were fsynced.
        about: what the manifest says beside name, version, time, files and size.

    Returns:
        The manifest.

    Raises:
        NoModel: no model can have this name.
    """
    files = {path.name: _sha(path) for path in sorted(made.iterdir())}
    now = datetime.now(UTC)
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    manifest = {
        "name": name,
        "version": f"{now:%Y%m%d-%H%M%S}-{digest[:8]}",
        "created_at": now.isoformat(),
        **about,
        "files": files,
        "size_bytes": sum((made / file).stat().st_size for file in files),
    }
    target = version_folder(data_dir, name, manifest["version"])
    folder_of(data_dir, name).mkdir(parents=True, exist_ok=True)
    with (made / "manifest.json").open("w", encoding="utf-8") as file:
        json.dump(manifest, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    _sync(made)
    made.rename(target)
    _sync(target.parent)
    return manifest


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
