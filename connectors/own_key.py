"""A key of the engine's own, made once and kept in a file."""

from __future__ import annotations

import secrets
from pathlib import Path
from uuid import uuid4

from connectors.source import BadSource


def own_key(path: Path) -> bytes:
    """64 hex digits as ASCII, readable by their owner alone.

    Raises:
        BadSource: the file cannot be made or read.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{uuid4().hex}")
        if not path.exists():
            fresh.touch(0o600)
            fresh.write_text(secrets.token_hex(32))
            try:
                path.hardlink_to(fresh)  # of two that do this at once, one is first, and both read its key
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_bytes()
    except OSError as error:
        raise BadSource(f"{path}: {type(error).__name__}; make it writable, or set secret_env") from error
