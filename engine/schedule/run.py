"""One run of an entry: the command it stands for, in a process of its own, and what became of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.schedule import state
from engine.schedule.due import why
from engine.schedule.entries import Plain, Retrain
from engine.settings import ROOT, Settings

DONE, FAILED, REFUSED, NOT_DUE, PUT_OFF, CUT_OFF = "done", "failed", "refused", "not due", "put off", "cut off"

_COMMANDS = {"cluster": ["cluster"], "compact": ["maintain", "compact"], "index": ["maintain", "index"]}

_REFUSED, _TRY_AGAIN = 4, 75
_LIMIT_S = 6 * 3600.0

_commands: set[subprocess.Popen[str]] = set()


def run(
    settings: Settings, name: str, entry: Plain | Retrain, *, by: str, config: Path | None = None
) -> dict[str, Any]:
    """Run an entry now and keep what became of it.

    Args:
        settings: resolved settings.
        name: the entry's name.
        entry: the entry.
        by: `schedule`, which asks whether a training is due, or a person, who does not have to be asked.
        config: the configuration file for the command.

    Returns:
        name, by, started_at, ended_at, seconds, state (done, failed, refused, not due, put off or cut off), why and
        result, or error.

    Raises:
        EntryRuns: a run of it is going on.
    """
    with state.alone(settings.data_dir, name) as lock:
        begun = datetime.now(UTC)
        last: dict[str, Any] = {"name": name, "by": by, "started_at": begun.isoformat(), "state": "running"}
        reason = why(settings, entry, begun) if isinstance(entry, Retrain) and by == "schedule" else "its time came"
        if reason is None:
            state.change(settings.data_dir, name, looked_at=begun.isoformat(), counted_from=begun.isoformat())
            return last | {"state": NOT_DUE, "why": "no drift and too few new labels"}
        last["why"] = reason if by == "schedule" else f"asked for by {by}"
        state.change(settings.data_dir, name, last=last, counted_from=begun.isoformat())
        found = _done(settings, entry, config, lock)
        ended = datetime.now(UTC)
        last |= {"ended_at": ended.isoformat(), "seconds": round((ended - begun).total_seconds(), 1)} | found
        state.change(settings.data_dir, name, last=last)
    return last


def _done(settings: Settings, entry: Plain | Retrain, config: Path | None, lock: int) -> dict[str, Any]:
    if isinstance(entry, Plain):
        return _command(settings, _COMMANDS[entry.job], config, lock)
    found = _command(settings, ["train"], config, lock)
    if found["state"] != DONE:
        return found
    version = f"{found['result']['name']}/{found['result']['version']}"
    found["result"] = {"challenger": version, "metrics": _plain(found["result"].get("metrics"))}
    if entry.promote:
        promoted = _command(settings, ["models", "promote", version], config, lock)
        found["result"]["promoted"] = promoted["state"] == DONE
        if promoted["state"] != DONE:
            found["result"]["not_promoted"] = promoted.get("error")
    return found


def _plain(metrics: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (metrics or {}).items() if not isinstance(value, dict | list)}


def end_commands() -> None:
    """End the commands of this process's runs; their runs end as cut off."""
    for one in list(_commands):
        one.terminate()


def _command(settings: Settings, words: list[str], config: Path | None, lock: int) -> dict[str, Any]:
    # The stream goes first.
    command = ["nice", "-n", "10", sys.executable, "-m", "engine.cli", *words, "--json"]
    command += ["--data-dir", str(settings.data_dir), *(["--config", str(config)] if config else [])]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    asked = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, pass_fds=(lock,),
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    _commands.add(asked)
    try:
        output = asked.communicate(timeout=_LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        asked.kill()
        asked.communicate()
        return {"state": FAILED, "error": f"{' '.join(words)} was ended after {_LIMIT_S / 3600:.0f} hours"}
    finally:
        _commands.discard(asked)
    said = _said(output)
    if asked.returncode == 0:
        return {"state": DONE, "result": said}
    told = said.get("error")
    states = {_REFUSED: REFUSED, _TRY_AGAIN: PUT_OFF, -signal.SIGTERM: CUT_OFF}
    return {
        "state": states.get(asked.returncode, FAILED),
        "error": (told.get("message") if isinstance(told, dict) else told)
        or f"{' '.join(words)} ended with code {asked.returncode}",
    }


def _said(output: str) -> dict[str, Any]:
    """The JSON document that the command ended with."""
    try:
        found = json.loads(output.strip().rpartition("\n")[2])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
