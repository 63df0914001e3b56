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


Many = Annotated[list[str] | None, typer.Option(help="May be given several times.")]
Text = Annotated[str, typer.Argument(help="What to look for; without, everything that the filters leave.")]
Mode = Annotated[str, typer.Option(help="hybrid, vector or text.")]
Since = Annotated[str | None, typer.Option(help="RFC 3339, included.")]
Until = Annotated[str | None, typer.Option(help="RFC 3339, not included.")]
Folded = Annotated[bool, typer.Option("--folded", help="Without copies of a text.")]


@guarded
def facets(
    text: Text = "",
    facet: Annotated[list[str] | None, typer.Option(help="Which, e.g. category; default all.")] = None,
    values: Annotated[int, typer.Option(help="Values of a facet at most.", min=1, max=1000)] = 12,
    mode: Mode = "hybrid",
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
    folded: Folded = False,
    since: Since = None,
    until: Until = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Count the values of facets among what a search finds; a facet leaves out its own filter.

    Example: beejan facets "no network" --category network --facet category --facet region
    """
    found = Client(config, data_dir).get(
        "/v1/facets", q=text, facet=facet, values=values, mode=mode, channel=channel, source=source, category=category,
        subcategory=subcategory, region=region, product=product, priority=priority, language=language, cluster=cluster,
        customer=customer, duplicates="folded" if folded else None, since=since, until=until,
    )  # fmt: skip
    if as_json:
        emit(found)
        return
    for name, one in found["facets"].items():
        rows = [["(none)" if v["value"] is None else v["value"], v["count"]] for v in one["values"]]
        if one["other"]["values"]:
            rows.append([f"({one['other']['values']} others)", one["other"]["count"]])
        table(name, ["", "complaints"], rows)
    least = "at least " if found["more"] else ""
    notes().print(f"[dim]{least}{found['total']} complaints in {found['seconds'] * 1000:.0f} ms[/]")


@guarded
def trends(
    text: Text = "",
    interval: Annotated[str, typer.Option(help="hour, day or week.")] = "day",
    by: Annotated[str | None, typer.Option(help="A series for each value of a facet, e.g. category.")] = None,
    series: Annotated[int, typer.Option(help="Series at most; the rest is one together.", min=1, max=100)] = 8,
    mode: Mode = "hybrid",
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
    folded: Folded = False,
    since: Since = None,
    until: Until = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Count what a search finds over time, with the change against the period before.

    Example: beejan trends "no network" --interval day --by region --since 2026-03-01
    """
    found = Client(config, data_dir).get(
        "/v1/trends", q=text, interval=interval, by=by, series=series, mode=mode, channel=channel, source=source,
        category=category, subcategory=subcategory, region=region, product=product, priority=priority,
        language=language, cluster=cluster, customer=customer, duplicates="folded" if folded else None, since=since,
        until=until,
    )  # fmt: skip
    if as_json:
        emit(found)
        return
    rows = []
    for one in [found["all"], *found["series"]]:
        name = "all" if one is found["all"] else f"({one['other']} others)" if "other" in one else one["value"]
        change = "" if one["change"] is None else f"{one['change']:+.0%}"
        rows.append(["(none)" if name is None else name, _spark(one["counts"]), one["total"], one["before"], change])
    table(f"{found['since']} to {found['until']}, by {interval}", ["", "", "complaints", "before", "change"], rows)
    for one in found["breaks"]:
        notes().print(f"[dim]taxonomy {one['from']} → {one['to']} at {one['at']}: older counts are of the former[/]")


def _spark(counts: list[int]) -> str:
    """Counts as a line of bars, of sixty at most."""
    size = -(-len(counts) // 60)
    sums = [sum(counts[place : place + size]) for place in range(0, len(counts), size)]
    top = max([*sums, 1])
    return "".join(" ▁▂▃▄▅▆▇█"[-(-8 * one // top)] for one in sums)
