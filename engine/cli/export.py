"""`beejan export`: everything that a filter, a search or a query finds, as a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import BeejanError
from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, emit, guarded, notes

_POLL_S = 0.3

Many = Annotated[list[str] | None, typer.Option(help="May be given several times.")]


@guarded
def export(
    text: Annotated[str, typer.Argument(help="What to look for; without, everything that the filters leave.")] = "",
    format: Annotated[str, typer.Option("--format", help="csv, parquet or jsonl.")] = "csv",
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to; default complaints-ID.FORMAT here.", metavar="F")
    ] = None,
    sql: Annotated[str | None, typer.Option("--sql", help="A SELECT instead of filters.", metavar="SELECT")] = None,
    column: Annotated[list[str] | None, typer.Option(help="Of complaints; default all but vectors.")] = None,
    raw_texts: Annotated[
        bool, typer.Option("--raw-texts", help="csv: leave texts that a spreadsheet takes for formulas as they are.")
    ] = False,
    resume: Annotated[str | None, typer.Option(help="Wait for and fetch an export begun before.", metavar="ID")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Or only begin it.")] = True,
    mode: Annotated[str, typer.Option(help="hybrid, vector or text.")] = "hybrid",
    channel: Many = None,
    source: Many = None,
    category: Many = None,
    subcategory: Many = None,
    region: Many = None,
    product: Many = None,
    priority: Many = None,
    language: Many = None,
    cluster: Many = None,
    customer: Many = None,
    folded: Annotated[bool, typer.Option("--folded", help="Without copies of a text.")] = False,
    since: Annotated[str | None, typer.Option(help="RFC 3339, included.")] = None,
    until: Annotated[str | None, typer.Option(help="RFC 3339, not included.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Export complaints as they are now to a file, without a limit; it goes on over a restart of the engine.

    Example: beejan export --format parquet --priority P1 --since 2026-03-01T00:00:00Z --out urgent.parquet
    """
    if format not in _MEDIA:
        raise typer.BadParameter(f"{format!r}: expected {', '.join(_MEDIA)}", param_hint="--format")
    client = Client(config, data_dir)
    filters = {
        "channel": channel, "source": source, "category": category, "subcategory": subcategory, "region": region,
        "product": product, "priority": priority, "language": language, "cluster": cluster, "customer": customer,
    }  # fmt: skip
    wanted = {
        "format": format, "q": text, "mode": mode, "filters": {k: v for k, v in filters.items() if v},
        "duplicates": "folded" if folded else "all", "since": since, "until": until, "sql": sql,
        "columns": column or [], "spreadsheet_safe": not raw_texts,
    }  # fmt: skip
    found = client.get(f"/v1/exports/{resume}") if resume else client.post("/v1/exports", wanted)
    if wait:
        found = _wait(client, found["export_id"])
        target = out or Path(f"complaints-{found['export_id']}.{found['format']}")
        client.download(f"/v1/exports/{found['export_id']}/data", target)
        found |= {"path": str(target)}
    if as_json:
        emit(found)
    elif wait:
        notes().print(f"{found['rows']} rows, {found['bytes']} bytes in {found['path']}", markup=False)
    else:
        notes().print(f"export {found['export_id']} has begun; fetch it with --resume {found['export_id']}")


_MEDIA = ("csv", "parquet", "jsonl")


def _wait(client: Client, export_id: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = client.get(f"/v1/exports/{export_id}")
        if found["state"] == "failed":
            raise BeejanError(found["error"])
        if found["state"] == "done":
            return found
        time.sleep(_POLL_S)
