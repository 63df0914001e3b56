"""`beejan schedule`: what the engine does by itself, when it did it last, and the same now."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.output import (
    CONFIG,
    DATA,
    FAILED,
    JSON,
    REFUSED,
    TRY_AGAIN,
    NotFound,
    console,
    emit,
    guarded,
    notes,
    table,
)
from engine.settings import load_settings

schedule = typer.Typer(help="What the engine does by itself, and when (configs/schedules.yaml).", no_args_is_help=True)


@schedule.command("list")
@guarded
def list_entries(
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Entries with their last run and when they are due next; times are UTC.

    Example: beejan schedule list
    """
    from engine.schedule.keep import listed

    found = listed(load_settings(config, data_dir=data_dir), datetime.now(UTC))
    if as_json:
        emit({"schedules": found})
        return
    rows = []
    for one in found:
        last = one["last"] or {}
        state = "running" if one["runs"] else last.get("state", "")
        rows.append(
            [one["name"], one["job"], one["cron"], last.get("started_at", "")[:19], state, one["next_run_at"][:19]]
        )
    table(None, ["name", "job", "cron", "last run", "result", "next run"], rows)


@schedule.command("run")
@guarded
def run_entry(
    name: Annotated[str, typer.Argument(help="As in `beejan schedule list`.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run an entry now, due or not, and keep the result; 75 while a run of it is going on.

    Example: beejan schedule run retrain
    """
    from engine.schedule import run as running
    from engine.schedule.entries import load_entries

    settings = load_settings(config, data_dir=data_dir)
    entries = load_entries(settings)
    if name not in entries:
        raise NotFound(f"schedule {name[:40]!r}: there is none; there are {', '.join(entries) or 'none'}")
    with notes().status(f"{name} runs"):
        found = running.run(settings, name, entries[name], by=getpass.getuser(), config=config)
    if as_json:
        emit(found)
    else:
        console().print(f"{name}: {found['state']} after {found['seconds']} s", markup=False)
        if "error" in found:
            notes().print(found["error"], markup=False)
    code = {running.FAILED: FAILED, running.REFUSED: REFUSED, running.PUT_OFF: TRY_AGAIN}.get(found["state"])
    if code:
        raise typer.Exit(code)
