"""Commands that count and compute over the stored complaints: sql, facets, trends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, emit, guarded, notes, table


@guarded
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT; `-` reads it from standard input.", metavar="SELECT")],
    limit: Annotated[int | None, typer.Option(help="Rows at most; default sql.max_rows.", min=1)] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run a SELECT over the serving tables: complaints, volumes, incidents, clusters, quality, customers.

    `similar('text', k)` is a table of the complaints nearest to a text: event_id, score, rank.

    Example: beejan sql "SELECT category, count(*) AS n FROM complaints GROUP BY ALL ORDER BY n DESC" --json
    """
    text = sys.stdin.read() if query == "-" else query
    found = Client(config, data_dir).post("/v1/sql", {"sql": text, "limit": limit}, limit_s=660)
    if as_json:
        emit(found)
        return
    table(None, found["columns"], [[row[name] for name in found["columns"]] for row in found["rows"]])
    more = ", more were left out; see --limit, or `beejan export --sql`" if found["truncated"] else ""
    notes().print(f"[dim]{len(found['rows'])} rows in {found['seconds']:.2f} s{more}[/]")
