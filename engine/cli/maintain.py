"""`beejan maintain`: compaction and indices, which the engine also sees to by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, FAILED, JSON, console, emit, guarded, table

maintain = typer.Typer(help="Upkeep of the tables, which the engine also sees to by itself.", no_args_is_help=True)


@maintain.command()
@guarded
def compact(
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Fold small files into large ones, bring indices up to date, drop old versions.

    Example: beejan maintain compact
    """
    found = Client(config, data_dir).post("/v1/maintenance/compact", {}, limit_s=3600)
    if as_json:
        emit(found)
        return
    names = ["fragments_before", "fragments_after", "versions_removed", "bytes_removed"]
    table(None, ["table", *names], [[name, *(done[n] for n in names)] for name, done in found["tables"].items()])


@maintain.command()
@guarded
def index(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; measure recall against all.")] = False,
    queries: Annotated[int, typer.Option(help="--check: complaints to ask for.", min=1, max=1000)] = 100,
    least: Annotated[float, typer.Option(help="--check: exit code 1 with a recall below this.", min=0, max=1)] = 0.95,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Bring the indices of searches up to date; one that the table has outgrown is trained in the background.

    Example: beejan maintain index --check
    """
    client = Client(config, data_dir)
    if not check:
        done = client.post("/v1/maintenance/index", {}, limit_s=3600)
        if as_json:
            emit(done)
        else:
            console().print(f"brought up to date: {', '.join(done['folded']) or 'all were'}")
            if done["training"]:
                console().print("a vector index is being trained; search goes on meanwhile")
        return
    found = client.get("/v1/maintenance/index", queries=queries)
    bad = found["recall_at_10"] is not None and found["recall_at_10"] < least
    if as_json:
        emit(found)
    else:
        names = ["name", "kind", "indexed_rows", "unindexed_rows", "segments", "bytes"]
        table(None, names, [[one[name] for name in names] for one in found["indices"]])
        console().print(
            f"recall@10 {found['recall_at_10']} of {found['queries']} queries over {found['rows']:,} rows, "
            f"p50 {found['p50_ms']} ms, p95 {found['p95_ms']} ms"
        )
    if bad:
        raise typer.Exit(FAILED)
