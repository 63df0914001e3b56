"""`beejan cluster` and `beejan clusters`: group what is stored by what it is about, and read the groups."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import BeejanError
from engine.cli.client import Client, EngineAway
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, notes, progress, table
from engine.settings import load_settings

clusters = typer.Typer(help="What complaints are about.", no_args_is_help=True)

_POLL_S = 1.0

#: A run's steps do not know of each other; the bar is of the step in hand.
_WHOLE = 100


@guarded
def cluster(
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Cluster all stored complaints anew; clusters that go on keep their ids.

    Beside a running engine, whose stream goes on and then assigns to the new clusters, or without one.

    Example: beejan cluster
    """
    try:
        client = Client(config, data_dir)
    except EngineAway:
        found = _here(config, data_dir, quiet=as_json)
    else:
        found = _there(client, quiet=as_json)
    emit(found) if as_json else _show_run(found)
    if found["state"] == "failed":
        raise typer.Exit(1)


def _there(client: Client, *, quiet: bool) -> dict[str, Any]:
    path = f"/v1/clusters/runs/{client.post('/v1/clusters/runs', {})['run_id']}"
    with progress(_WHOLE, "clustering", quiet=quiet) as tell:
        while (found := client.get(path))["state"] == "running":
            tell(_part(found["done"], found["of"]))
            time.sleep(_POLL_S)
    return dict(found)


def _here(config: Path | None, data_dir: Path | None, *, quiet: bool) -> dict[str, Any]:
    from engine.cluster.local import cluster_here

    settings = load_settings(config, data_dir=data_dir)
    if "://" not in settings.zones_uri and not (Path(settings.zones_uri) / "serving").exists():
        raise BeejanError(f"nothing to cluster: {settings.zones_uri} holds no complaints; see `beejan ingest`")
    began = time.monotonic()
    with progress(_WHOLE, "clustering", quiet=quiet) as tell:
        report = cluster_here(settings, _shown(tell))
    return report | {"state": "done", "seconds": round(time.monotonic() - began, 1)}


def _shown(tell: Callable[[int], None]) -> Callable[[str, int, int], None]:
    return lambda step, done, of: tell(_part(done, of))


def _part(done: int, of: int) -> int:
    return _WHOLE * done // of if of else 0


def _show_run(found: dict[str, Any]) -> None:
    if found["state"] == "failed":
        notes().print(found["error"], markup=False)
        return
    happened = ", ".join(f"{count} {kind}" for kind, count in found["events"].items() if count) or "none changed"
    console().print(
        f"{found['complaints']:,} complaints in {found['clusters']} clusters ({happened}), "
        f"{found['noise']:.1%} in none; "
        f"{found['reassigned']:,} reassigned, in {found['seconds']:.1f} s"
    )
    if found["emerging"]:
        console().print(f"[yellow]emerging[/]: {', '.join(map(str, found['emerging']))}; see `beejan clusters list`")


@clusters.command("list")
@guarded
def list_clusters(
    emerging: Annotated[bool, typer.Option("--emerging", help="Only those that grow faster than the rest.")] = False,
    state: Annotated[str, typer.Option(help="active, merged or ended.")] = "active",
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1, max=1000)] = 50,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Clusters, emerging ones first, then the largest.

    Example: beejan clusters list --emerging
    """
    if state not in ("active", "merged", "ended"):
        raise typer.BadParameter(f"{state!r}: expected active, merged or ended", param_hint="--state")
    more = {"emerging": "true"} if emerging else {}
    found = Client(config, data_dir).get("/v1/clusters", state=state, limit=limit, **more)
    if as_json:
        emit(found)
        return
    rows = [
        [row["cluster_id"], row["name"], row["size"], row["recent"], f"{row['growth']:.1f}", _flag(row), row["born_at"]]
        for row in found["clusters"]
    ]
    table(f"{found['total']} clusters", ["id", "name", "complaints", "recent", "growth", "", "born"], rows)


def _flag(row: dict[str, Any]) -> str:
    return "emerging" if row["emerging"] else ""


@clusters.command("show")
@guarded
def show_cluster(
    cluster_id: Annotated[int, typer.Argument(help="As listed.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """One cluster: terms, what happened to it, and the complaints nearest to its centre.

    Example: beejan clusters show 12
    """
    found = Client(config, data_dir).get(f"/v1/clusters/{cluster_id}")
    if as_json:
        emit(found)
        return
    console().print(f"{found['name']}: {found['size']:,} complaints, {found['state']}, {found['kind']}", markup=False)
    console().print(f"terms: {', '.join(found['terms'])}", markup=False)
    table("what happened", ["at", "event", "other"], [[e["at"], e["event"], e["other"]] for e in found["events"]])
    rows = [[row["event_id"][:12], row["category"], row["priority"], row["text"][:100]] for row in found["exemplars"]]
    table("nearest to its centre", ["complaint", "category", "priority", "text"], rows)
