"""Which version of a model is the champion and which the challenger: a file that changes whole or not at all.

`<data>/models/<name>/aliases.json` is what counts. It carries the decision that it was changed by, and each decision
is added to `decisions.jsonl` beside it. A process that dies between the two leaves a decision that the next one adds.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.registry.errors import BadRegistry, NoModel

#: What names and versions are made of, so that they are folders.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

_ALIASES, _LOG = "aliases.json", "decisions.jsonl"


@dataclass(frozen=True, slots=True)
class Aliases:
    """Versions of one model.

    Attributes:
        champion: whose predictions are stored; None is the zero-shot classifier.
        challenger: what is tried beside it, if anything.
        decision: the last one, as it stands in the log.
    """

    champion: str | None = None
    challenger: str | None = None
    decision: Mapping[str, Any] | None = None


def folder_of(data_dir: Path, name: str) -> Path:
    """Where the versions of a model are.

    Raises:
        NoModel: no model can have this name.
    """
    if not re.match(NAME, name):
        raise NoModel(f"model {name[:80]!r}: expected letters, digits, dots, dashes and underscores, at most 64")
    return data_dir / "models" / name


def version_folder(data_dir: Path, name: str, version: str) -> Path:
    """Where a version is, or would be.

    Raises:
        NoModel: none can have this name.
    """
    if not re.match(NAME, version):
        raise NoModel(f"version {version[:80]!r}: expected letters, digits, dots, dashes and underscores, at most 64")
    return folder_of(data_dir, name) / version


def read(data_dir: Path, name: str) -> Aliases:
    """The aliases; none where nothing was decided yet.

    Raises:
        BadRegistry: the file cannot be read.
    """
    path = folder_of(data_dir, name) / _ALIASES
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Aliases(found.get("champion"), found.get("challenger"), found.get("decision"))
    except FileNotFoundError:
        return Aliases()
    except (OSError, ValueError, AttributeError) as error:
        raise BadRegistry(
            f"{path}: cannot be read ({type(error).__name__}); put it back from a backup, or take it away and "
            "promote the model again"
        ) from error


def decisions(data_dir: Path, name: str) -> list[dict[str, Any]]:
    """Every decision, the oldest first."""
    folder, last = folder_of(data_dir, name), read(data_dir, name).decision
    found = _logged(folder)
    if last is not None and (not found or found[-1]["number"] < last["number"]):
        found.append(dict(last))
    return found


def decide(
    data_dir: Path, name: str, action: str, change: Callable[[Aliases], Aliases], **about: Any
) -> dict[str, Any]:
    """Change the aliases and keep the decision: both on the disk when this returns.

    Args:
        data_dir: the data folder.
        name: the model.
        action: promote, rollback or challenger.
        change: gives the aliases to be, of those that stand; it may raise to leave them so.
        about: what is kept beside it: by whom, why, what was measured.

    Returns:
        The decision.
    """
    folder = folder_of(data_dir, name)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        before = read(data_dir, name)
        logged = _logged(folder)
        if before.decision is not None and (not logged or logged[-1]["number"] < before.decision["number"]):
            _append(folder, before.decision)
        after = change(before)
        decision = {
            "number": before.decision["number"] + 1 if before.decision else 1,
            "at": datetime.now(UTC).isoformat(),
            "action": action,
            "champion": {"from": before.champion, "to": after.champion},
            "challenger": {"from": before.challenger, "to": after.challenger},
            **about,
        }
        _put(folder, replace(after, decision=decision))
        _append(folder, decision)
    return decision


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _put(folder: Path, aliases: Aliases) -> None:
    target = folder / _ALIASES
    temporary = target.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(
            {"champion": aliases.champion, "challenger": aliases.challenger, "decision": aliases.decision},
            file,
            ensure_ascii=False,
            indent=1,
        )
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    _sync(folder)


def _append(folder: Path, decision: Mapping[str, Any]) -> None:
    path = folder / _LOG
    with path.open("a+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a line that was cut off by a crash ends here
                file.write(b"\n")
        file.write(json.dumps(decision, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)


def _logged(folder: Path) -> list[dict[str, Any]]:
    found = []
    try:
        lines = (folder / _LOG).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:  # empty, or cut off by a crash: it stands in the aliases and was added after it
            continue
    return found


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
