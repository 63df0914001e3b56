"""`beejan replay`: raw records through today's code."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import BeejanError
from engine.cli.client import Client, EngineAway
from engine.cli.output import CONFIG, DATA, JSON, Refused, console, emit, guarded, notes, progress, table
from engine.intake.envelope import CHANNELS
from engine.replay.select import Selection
from engine.settings import load_settings

_POLL_S = 0.5


@guarded
def replay(
    since: Annotated[str | None, typer.Option(help="Received at this time or later, RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="Received before this time, RFC 3339.")] = None,
    from_seq: Annotated[int | None, typer.Option(help="First stream sequence.", min=0)] = None,
    to_seq: Annotated[int | None, typer.Option(help="Last stream sequence.", min=0)] = None,
    channel: Annotated[str | None, typer.Option(help=f"One of {', '.join(CHANNELS)}.")] = None,
    source: Annotated[str | None, typer.Option(help="Of this source.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change, write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run raw records through today's code and configuration, and replace the rows that come out otherwise.

    Beside a running engine, whose stream goes on, or without one. It can be cut off and run again.

    Example: beejan replay --since 2026-03-01 --channel sms --diff
    """
    if channel is not None and channel not in CHANNELS:
        raise typer.BadParameter(f"{channel!r}: expected one of {', '.join(CHANNELS)}", param_hint="--channel")
    selection = Selection(_moment("--since", since), _moment("--until", until), from_seq, to_seq, channel, source)
    try:
        client = Client(config, data_dir)
    except EngineAway:
        found = _here(config, data_dir, selection, diff=diff, yes=yes, quiet=as_json)
    else:
        found = _there(client, selection, diff=diff, yes=yes, quiet=as_json)
    emit(found) if as_json else _show(found)
    if found.get("state") == "failed":
        raise typer.Exit(1)


def _moment(name: str, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r}: expected RFC 3339, e.g. 2026-03-01T08:00:00Z", param_hint=name) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _asked(records: int, *, yes: bool) -> None:
    """Ask before writing.

    Raises:
        Refused: the answer is no, or nobody is there to give one.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{records:,} records would be replayed; pass --yes to do it, or --diff to see what would change")
    if not typer.confirm(f"Replay {records:,} records?", err=True):
        raise Refused("nothing was replayed")


def _there(client: Client, selection: Selection, *, diff: bool, yes: bool, quiet: bool) -> dict[str, Any]:
    """Through the running engine's API."""
    body = selection.public()
    records = int(client.post("/v1/replays", body | {"mode": "count"})["records"])
    if not diff:
        _asked(records, yes=yes)
    started = client.post("/v1/replays", body | {"mode": "diff" if diff else "apply"})
    path = f"/v1/replays/{started['replay_id']}"
    try:
        with progress(records, "replaying", quiet=quiet) as tell:
            while (found := client.get(path))["state"] == "running":
                tell(found["done"])
                time.sleep(_POLL_S)
    except KeyboardInterrupt:
        client.delete(path)
        notes().print("cancelled; run it again and it goes on")
        raise typer.Exit(1) from None
    client.delete(path)
    return dict(found)


def _here(
    config: Path | None, data_dir: Path | None, selection: Selection, *, diff: bool, yes: bool, quiet: bool
) -> dict[str, Any]:
    """Without an engine, in this process."""
    from engine.replay import job, local

    settings = load_settings(config, data_dir=data_dir)
    if not (Path(settings.zones_uri) / "raw").exists() and "://" not in settings.zones_uri:
        raise BeejanError(f"nothing to replay: {settings.zones_uri} holds no raw records; see `beejan ingest`")
    records = job.count(settings, selection)
    if not diff:
        _asked(records, yes=yes)
    started = time.monotonic()
    with progress(records, "replaying", quiet=quiet) as tell:
        report = local.replay(settings, selection, apply=not diff, tell=tell)
    about = {"state": "done", "applied": not diff, "seconds": round(time.monotonic() - started, 1)}
    return about | report.public()


def _show(found: dict[str, Any]) -> None:
    would = "" if found["applied"] else "would be "
    console().print(
        f"{found['done']:,} of {found['records']:,} records in {found['seconds']:.1f} s, {found['state']}: "
        f"{found['unchanged']:,} unchanged, {found['changed']:,} {would}changed, {found['added']:,} {would}added, "
        f"{found['still_failing']:,} still fail, {found['failing']:,} are stored and fail now, "
        f"{found['unopened']:,} could not be opened."
    )
    if found.get("error"):
        notes().print(found["error"], markup=False)
    if found["columns"]:
        table("rows that differ, by column", ["column", "rows"], [[n, c] for n, c in found["columns"].items()])
    if found["examples"]:
        names = ["event_id", "column", "before", "after"]
        shown = [[row[n][:12] if n == "event_id" else row[n] for n in names] for row in found["examples"]]
        table("examples", names, shown)
    if found["reasons"]:
        table("reasons of those that fail", ["reason", "records"], [[n, c] for n, c in found["reasons"].items()])
