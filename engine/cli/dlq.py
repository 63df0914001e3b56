"""`beejan dlq`: records that could not be processed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, table
from engine.intake.envelope import CHANNELS

dlq = typer.Typer(help="Dead letters: records that could not be processed.", no_args_is_help=True)

#: Rows of one answer at most.
_PAGE = 1000

REASON = typer.Option("--reason", help="Only this reason code; docs/dead-letters.md has them all.")
SOURCE = typer.Option("--source", help="Only this source.")
CHANNEL = typer.Option("--channel", help=f"Only this channel: {', '.join(CHANNELS)}.")
SINCE = typer.Option("--since", help="Only what failed at this time or later, RFC 3339.")


@dlq.command("list")
@guarded
def list_dead(
    reason: Annotated[str | None, REASON] = None,
    source: Annotated[str | None, SOURCE] = None,
    channel: Annotated[str | None, CHANNEL] = None,
    since: Annotated[str | None, SINCE] = None,
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1)] = 50,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Records that could not be processed and are not stored, with their reasons; the newest first.

    Example: beejan dlq list --reason bad_time_unparsable --since 2026-03-01
    """
    chosen = _chosen(reason, source, channel, since)
    client = Client(config_file, data_dir)
    found = client.get("/v1/dead-letters", **chosen, limit=min(limit, _PAGE))
    while found["next_cursor"] and len(found["dead_letters"]) < limit:
        left = min(limit - len(found["dead_letters"]), _PAGE)
        page = client.get("/v1/dead-letters", **chosen, limit=left, cursor=found["next_cursor"])
        found["dead_letters"] += page["dead_letters"]
        found["next_cursor"] = page["next_cursor"]
    if as_json:
        emit(found)
    elif not found["total"]:
        console().print("no dead letters")
    else:
        table(f"{found['total']} dead letters", ["reason", "records"], [[r, n] for r, n in found["by_reason"].items()])
        names = ["event_id", "stage", "reason", "source", "source_key", "attempt", "message"]
        rows = [[row[n][:12] if n == "event_id" else row[n] for n in names] for row in found["dead_letters"]]
        table(None, names, rows)


@dlq.command("show")
@guarded
def show_dead(
    event_id: Annotated[str, typer.Argument(help="The id, or at least 8 digits of its beginning.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Every attempt at one record; its payload stays sealed in raw.

    Example: beejan dlq show 3f2a91c0
    """
    found = Client(config_file, data_dir).get(f"/v1/dead-letters/{event_id}")
    if as_json:
        emit(found)
        return
    console().print(f"{found['event_id']}  {found['state']}")
    for row in found["attempts"]:
        table(f"attempt {row['attempt']}", ["", ""], [[name, value] for name, value in row.items()])


@dlq.command("retry")
@guarded
def retry_dead(
    event_ids: Annotated[list[str] | None, typer.Argument(help="Ids, or beginnings of them.")] = None,
    reason: Annotated[str | None, REASON] = None,
    source: Annotated[str | None, SOURCE] = None,
    channel: Annotated[str | None, CHANNEL] = None,
    since: Annotated[str | None, SINCE] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Send dead letters through the stages again, after what was wrong is mended.

    What passes leaves the list; what fails again is attempt 2, 3 and so on.

    Example: beejan dlq retry --reason unknown_mapping
    """
    chosen = _chosen(reason, source, channel, since)
    body: dict[str, Any] = {"event_ids": event_ids or [], "all": every, **chosen}
    found = Client(config_file, data_dir).post("/v1/dead-letters/retry", body)
    emit(found) if as_json else console().print(
        f"sent {found['retried']} again; see `beejan dlq list` for what remains"
    )


def _chosen(reason: str | None, source: str | None, channel: str | None, since: str | None) -> dict[str, str]:
    """The filters that are given, for the API."""
    if channel is not None and channel not in CHANNELS:
        raise typer.BadParameter(f"{channel!r}: expected one of {', '.join(CHANNELS)}", param_hint="--channel")
    given = {"reason": reason, "source": source, "channel": channel, "since": _moment(since)}
    return {name: value for name, value in given.items() if value}


def _moment(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r}: expected RFC 3339", param_hint="--since") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
