"""`beejan quality`: what complaints and channels are held to, and how they stand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.client import Client
from engine.cli.mapping import find_mapping
from engine.cli.output import CONFIG, DATA, FAILED, JSON, NotFound, console, emit, guarded, progress, table
from engine.intake.envelope import CHANNELS
from engine.settings import load_settings

quality = typer.Typer(help="Quality: rules, and how the channels stand.", no_args_is_help=True)


@quality.command("list")
@guarded
def list_checks(
    open_only: Annotated[bool, typer.Option("--open", help="Only open incidents.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Every rule and how it stands, open incidents first.

    Example: beejan quality list --open
    """
    found = Client(config_file, data_dir).get("/v1/quality")
    if open_only:
        found["checks"] = [row for row in found["checks"] if row["state"] == "open"]
    if as_json:
        emit(found)
        return
    console().print(f"{found['open']} open incidents; {found['judged']} of {len(found['checks'])} checks can be judged")
    names = ["rule", "scope", "state", "since", "why"]
    table("Channels", names, [[row[n] for n in names] for row in found["checks"]])
    if not open_only:
        names = ["rule", "action", "what", "flagged_24h", "quarantined_24h"]
        table("Complaints", names, [[row[n] for n in names] for row in found["rules"]])


@quality.command()
@guarded
def show(
    rule: Annotated[str, typer.Argument(help="A rule's name, as in `beejan quality list`.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """One rule: how it stands for each channel, or how many complaints broke it.

    Example: beejan quality show silent
    """
    answer = Client(config_file, data_dir).get("/v1/quality")
    found = {name: [row for row in answer[name] if row["rule"] == rule] for name in ("checks", "rules")}
    if not any(found.values()):
        raise NotFound(
            f"quality rule {rule!r}: there is none, or no channel was judged by it yet; see `beejan quality list`"
        )
    if as_json:
        emit(found)
        return
    for row in found["rules"]:
        console().print(
            f"{row['rule']} ({row['action']}): {row['what']}. In 24 hours {row['flagged_24h']:,} of "
            f"{row['complaints_24h']:,} complaints flagged, {row['quarantined_24h']:,} quarantined.",
            markup=False,
        )
    for row in found["checks"]:
        names = (
            "kind",
            "state",
            "since",
            "observed",
            "expected",
            "why",
            "incident_id",
            "opened_at",
            "closed_at",
            "judged_at",
        )
        table(f"{row['rule']} of {row['scope']}", ["", ""], [[n, row[n]] for n in names if row[n] is not None])


@quality.command()
@guarded
def check(
    file: Annotated[Path, typer.Argument(help="A file of complaints, as `ingest` takes it.", metavar="FILE")],
    channel: Annotated[str, typer.Option(help=f"One of {', '.join(CHANNELS)}.")] = "file",
    mapping: Annotated[str | None, typer.Option(help="Mapping file, or a name in configs/mappings.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Hold a file's complaints to the rules of rows, without an engine and without storing anything.

    The exit code is 1 where a complaint would be quarantined.

    Example: beejan quality check complaints.csv --channel call_center
    """
    from connectors.files.records import Limits
    from engine.intake.files import FileSource, envelopes
    from engine.quality.try_file import Tried

    if channel not in CHANNELS:
        raise typer.BadParameter(f"{channel!r}: expected one of {', '.join(CHANNELS)}", param_hint="--channel")
    settings = load_settings(config_file, data_dir=data_dir)
    chosen = find_mapping(mapping) if mapping else None
    source = FileSource(channel, file.name.split(".")[0], chosen)
    limits = Limits(max_record_bytes=settings.intake.max_complaint_bytes)
    tried = Tried(settings)
    with progress(None, "checking", quiet=as_json) as tell:
        for done in tried.run(envelopes(file, source, datetime.now(UTC), limits)):
            tell(done)
    found = tried.summary()
    emit({"file": str(file)} | found) if as_json else _show_tried(found)
    if found["quarantined"]:
        raise typer.Exit(FAILED)


def _show_tried(found: dict[str, Any]) -> None:
    console().print(
        f"{found['records']:,} records: {found['flagged']:,} flagged, {found['quarantined']:,} quarantined, "
        f"{found['rejected']:,} rejected before the rules. Nothing was stored."
    )
    rows = [[row["rule"], row["action"], f"{row['records']:,}", ", ".join(row["examples"])] for row in found["rules"]]
    if rows:
        table("Rules that were broken", ["rule", "action", "records", "first ones"], rows)
    if found["reasons"]:
        table("Rejected before", ["reason", "records"], [[name, n] for name, n in found["reasons"].items()])
