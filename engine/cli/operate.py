"""Commands for those who run the engine: status, doctor, keys, config."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from connectors.errors import BeejanError
from engine.cli.client import Client, EngineAway
from engine.cli.models import scoring
from engine.cli.output import CONFIG, DATA, FAILED, JSON, console, emit, guarded, progress, table
from engine.cli.reembed import embedding
from engine.settings import load_settings

keys = typer.Typer(help="API keys.", no_args_is_help=True)
config = typer.Typer(help="Configuration.", no_args_is_help=True)


@guarded
def status(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """What the running engine holds and does.

    Example: beejan status --json
    """
    client = Client(config_file, data_dir)
    found = client.get("/v1/status") | {"url": client.target.url}
    found["ready"] = _ready(client)
    found["sources"] = _sources(client)
    if as_json:
        emit(found)
        return
    writer, stream = found["writer"], found["stream"]
    console().print(f"[bold]{found['url']}[/]  {found['ready']['status']}")
    table(
        None,
        ["", ""],
        [
            ["complaints stored", f"{writer['stored']:,}"],
            ["records dead-lettered", f"{writer['dead_lettered']:,}"],
            ["waiting in the stream", f"{stream['waiting']:,}"],
            ["in flight", f"{stream['in_flight']:,}"],
            ["stream holds", f"{stream['messages']:,} messages, {stream['bytes'] / 1e6:.1f} MB"],
            *[[f"advisory {kind}", f"{count:,}"] for kind, count in stream.get("advisories", {}).items()],
            ["load", _load(found["overload"])],
            ["last commit", writer["last_commit_at"] or "none since the start"],
            ["missing", ", ".join(f"{g['kind']} {g['count']}" for g in found["integrity"]["gaps"]) or "nothing"],
            ["quality", _quality(found["quality"])],
            ["classifier", scoring(found["models"])],
            ["embedding", embedding(found["embedding"])],
            *[[f"part {name}", state] for name, state in found["ready"]["parts"].items()],
            *[[f"source {one['name']}", f"{one['state']}, {one.get('records', 0):,}"] for one in found["sources"]],
        ],
    )


def _quality(found: dict[str, Any]) -> str:
    """Open quality incidents, and how much can be judged, in words."""
    failing = [f"{row['rule']} of {row['scope']}: {row['why']}" for row in found["checks"] if row["state"] == "open"]
    judged = f"{found['judged']} of {len(found['checks'])} checks judged"
    return "\n".join([*failing, judged]) if failing else f"well, {judged}"


def _load(overload: dict[str, Any]) -> str:
    """What is shed under load, in words."""
    parts = [", ".join(overload["shed"]) or "normal"]
    if overload["behind_s"]:
        parts.append(f"{overload['behind_s']:,.0f} s behind")
    if overload["degraded"]:
        parts.append(f"{overload['degraded']:,} complaints to complete")
    return ", ".join(parts)


def _sources(client: Client) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = client.get("/v1/sources")["sources"]
    except BeejanError:  # a key that may not see them
        found = []
    return found


def _ready(client: Client) -> dict[str, Any]:
    try:
        ready: dict[str, Any] = client.get("/readyz")
    except BeejanError as error:
        ready = {"status": "not ready", "parts": {"api": str(error)}}
    return ready


@guarded
def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Have the engine mend what was found.")] = False,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="With --repair: report records that are nowhere no more.")
    ] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Check this machine and say what to do: versions, disk, memory, ports, weights, NATS, Ray, Lance.

    With --repair: what the stream or raw still has is put where it is missing, what neither has is named with the
    source to send it again from, and settings of streams that others changed are set right, without a running engine
    at the next start.

    Example: beejan doctor --repair
    """
    from engine.run.checks import run_checks

    if give_up and not repair:
        raise typer.BadParameter("goes with --repair", param_hint="--give-up")
    if repair:
        _repair(_to_repair(config_file, data_dir), give_up=give_up, as_json=as_json)
        return
    settings = load_settings(config_file, data_dir=data_dir)
    found = run_checks(settings)
    bad = [check for check in found if check.state == "failed"]
    if as_json:
        emit({"ok": not bad, "checks": [check.public() for check in found]})
    else:
        marks = {"ok": "[green]ok[/]    ", "warning": "[yellow]warn[/]  ", "failed": "[red]failed[/]"}
        for check in found:
            console().print(f"{marks[check.state]}  {check.name:<16} {escape(check.found)}")
            if check.todo:
                console().print(f"                          → {escape(check.todo)}")
    if bad:
        raise typer.Exit(FAILED)


def _to_repair(config_file: Path | None, data_dir: Path | None) -> Client:
    """The engine; where none runs, the next one is told to set the streams right, which may keep it from starting."""
    from engine.curate.main import REPAIR_ORDER

    try:
        return Client(config_file, data_dir)
    except EngineAway as error:
        folder = load_settings(config_file, data_dir=data_dir).data_dir
        if not folder.is_dir():
            raise
        (folder / REPAIR_ORDER).touch()
        raise EngineAway(
            f"{error}. When it starts it sets right what others changed at streams; then run this again for the rest"
        ) from error


def _repair(client: Client, *, give_up: bool, as_json: bool) -> None:
    """Have the engine mend it, and wait for the rows that are made again."""
    found = client.post("/v1/repairs", {"give_up": give_up})
    if found["replay_id"]:
        path = f"/v1/replays/{found['replay_id']}"
        with progress(found["making_again"], "making rows again", quiet=as_json) as tell:
            while (replayed := client.get(path))["state"] == "running":
                tell(replayed["done"])
                time.sleep(0.5)
        found["replay"] = client.delete(path)
    lost = found["lost"]
    if as_json:
        emit(found)
    else:
        console().print(
            f"{found['sent_again']} messages sent through again, {found['making_again']} rows made again, "
            f"{found['volumes_corrected']} counts corrected, {found['without_payload_count']} rows without a payload."
        )
        for name, changed in found.get("stream_settings", {}).items():
            console().print(f"{name}: set right: {', '.join(changed)}", markup=False)
        for source, count in lost["sources"].items():
            console().print(f"lost: {count} records of source {source}; send them again", markup=False)
        for event_id in lost["ids"]:
            console().print(f"  {event_id}…", markup=False)
    if lost["count"] and not give_up:
        raise typer.Exit(FAILED)


@keys.command()
@guarded
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[str, typer.Option(help="intake, analyst, ml, ops, steward or admin.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a key; it is shown this once.

    Example: beejan keys create web-form --role intake
    """
    from engine.govern.api_keys import ROLES

    if role not in ROLES:
        raise typer.BadParameter(f"{role!r}: expected one of {', '.join(ROLES)}", param_hint="--role")
    made = Client(config_file, data_dir).post("/v1/keys", {"name": name, "role": role})
    emit(made) if as_json else console().print(f"{made['key']}\n(role {role}; shown this once)", markup=False)


@keys.command("list")
@guarded
def list_keys(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """All keys, without their secrets.

    Example: beejan keys list
    """
    found = Client(config_file, data_dir).get("/v1/keys")
    names = ["key_id", "name", "role", "created_at", "revoked_at"]
    emit(found) if as_json else table(None, names, [[row[n] for n in names] for row in found["keys"]])


@keys.command()
@guarded
def revoke(
    key_id: Annotated[str, typer.Argument(help="As in `beejan keys list`.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Revoke a key, at once.

    Example: beejan keys revoke 0a1b2c3d4e5f
    """
    found = Client(config_file, data_dir).delete(f"/v1/keys/{key_id}")
    emit(found) if as_json else console().print(f"{key_id} is revoked")


@config.command("show")
@guarded
def show_config(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """What was resolved from file, environment and command line; secrets are masked.

    Example: BEEJAN_SERVE__PORT=0 beejan config show
    """
    import yaml

    values = load_settings(config_file, data_dir=data_dir).model_dump(mode="json")
    emit(values) if as_json else console().print(yaml.safe_dump(values, sort_keys=False).rstrip(), markup=False)
