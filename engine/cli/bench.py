"""`beejan bench`: benchmarks with their peers, as a table and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.output import JSON, console, emit, guarded, notes, table
from models.embedder import Embedder

NAMES = ("pipeline", "latency", "soak", "intake", "processing", "embed", "cluster", "facets", "search")


@guarded
def bench(
    names: Annotated[list[str], typer.Argument(help=f"Which: {', '.join(NAMES)}.", metavar="NAME…")],
    rows: Annotated[
        int | None,
        typer.Option(
            help="pipeline, embed: complaints a turn (6144, 600); intake: of the csv (200000); cluster: vectors; "
            "facets: complaints (1000000).",
            min=100,
        ),
    ] = None,
    rate: Annotated[float, typer.Option(help="latency: complaints a second.", min=0.1)] = 20,
    seconds: Annotated[float, typer.Option(help="latency: how long, s.", min=5)] = 300,
    batches: Annotated[int, typer.Option(help="soak: micro-batches.", min=10)] = 20_000,
    step: Annotated[list[str] | None, typer.Option(help="processing: these steps alone.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="processing, embed, cluster: data to take texts from; default $BEEJAN_DATA.")
    ] = None,
    peers: Annotated[bool, typer.Option("--peers", help="Beside their peers in the same run, as it always is.")] = True,
    out: Annotated[Path | None, typer.Option("--out", help="Also write NAME.json here.", metavar="DIR")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run benchmarks on engines of their own; figures depend on the machine, ratios less so.

    Example: beejan bench pipeline --rows 2000 --out out
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: expected {', '.join(NAMES)}", param_hint="NAME")
    for name in names:
        notes().print(f"[dim]running {name} …[/]")
        report = _runner(name, rows, rate, seconds, batches, step, data)()
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{name}.json").write_text(json.dumps(report, indent=1))
        if as_json:
            emit(report)
        elif name == "processing":
            _show_steps(report["steps"])
        elif name == "cluster":
            _show_clusters(report)
        elif name == "facets":
            _show_facets(report)
        elif name == "embed":
            _show_embedders(report)
        elif name == "search":
            _show_search(report)
        else:
            shown = {k: v for k, v in report.items() if not isinstance(v, (list, dict)) or k == "rows_per_s"}
            table(None, ["", name], [[key, value] for key, value in shown.items()])
            console().print()


def _show_clusters(report: dict[str, Any]) -> None:
    for name, found in report["sets"].items():
        ways = {way: found[way] for way in ("held_out_half", "all", "all_by_centroid")} | found["peers"]
        rows = [
            [way, one["v"], one["ari"], one["clusters"], one["noise"], one["seconds"]]
            for way, one in ways.items()
            if isinstance(one, dict)
        ]
        table(name, ["", "V", "ARI", "clusters", "noise", "s"], rows)
        ids = found["ids"]
        console().print(f"ids kept over two runs: {ids['kept']:.1%}; clusters that survive: {ids['survived']}")
    rows = [[one[key] for key in ("vectors", "clusters", "topics_s", "assign_s")] for one in report["growth"]]
    table("growth", ["vectors", "clusters", "topics, s", "assigning, s"], rows)


def _show_facets(report: dict[str, Any]) -> None:
    rows = [[way, p50, report["p95_ms"][way], report["ratio"].get(way)] for way, p50 in report["p50_ms"].items()]
    table(f"{report['rows']:,} complaints", ["", "p50 ms", "p95 ms", "times ours"], rows)
    table(None, ["", "projection"], [["equal counts", report["equal"]], *map(list, report["projection"].items())])


def _show_search(report: dict[str, Any]) -> None:
    names = ["recall_at_10", "p50_ms", "p95_ms", "queries_per_s"]
    ways = {way: report[way] for way in ("vector", "filter_1_percent", "filter_10_percent", "hybrid")}
    if report["peers"]["faiss"]:
        ways["FAISS IVFPQ, refined"] = report["peers"]["faiss"]
    rows = [[way, *(found.get(name) for name in names)] for way, found in ways.items()]
    table(f"{report['rows']:,} complaints", ["", *names], rows)
    fold = report["fold"]
    console().print(
        f"{fold['rows']:,} new rows folded in {fold['seconds']} s; optimize() takes {fold['optimize_seconds']} s"
    )


def _show_embedders(report: dict[str, Any]) -> None:
    ways = report["short"]["texts_per_s"]
    rows = [
        [
            way, ways[way], report["short"]["ratio"].get(way), report["long"]["texts_per_s"][way],
            report["long"]["ratio"].get(way), report["query_ms"][way], report["worker"][way]["rss_mb"],
            report["worker"][way]["load_s"], report["stsb_spearman"][way],
        ]
        for way in ways
    ]  # fmt: skip
    table(None, ["", "short/s", "ratio", "long/s", "ratio", "query ms", "MB", "load s", "STS-B"], rows)
    others = {"roof": report["roof"], "fidelity": report["fidelity"], "MTEB Banking77": report["mteb_banking77"]}
    table(None, ["", "embed"], [[key, json.dumps(value)] for key, value in others.items()])


def _show_steps(steps: dict[str, dict[str, Any]]) -> None:
    rows = [
        [name, found["ours_per_s"], found["peer"], found.get("peer_per_s"), found.get("ratio"), found.get("goal_per_s")]
        for name, found in steps.items()
    ]  # fmt: skip
    table(None, ["step", "texts/s", "peer", "texts/s", "ratio", "goal/s"], rows)
    for name, parts in steps.get("chain", {}).get("ms_per_1000_by_stage", {}).items():
        table(f"chain over {name}, ms per 1,000", ["stage", "ms"], [[k, v] for k, v in parts.items()])


def _runner(
    name: str,
    rows: int | None,
    rate: float,
    seconds: float,
    batches: int,
    steps: list[str] | None,
    data: Path | None,
) -> Callable[[], dict[str, Any]]:
    from benchmarks import cluster, embed, facets, intake, latency, pipeline, soak
    from benchmarks.processing import run as processing
    from benchmarks.search import bench as search

    root = data or (Path(found) if (found := os.environ.get("BEEJAN_DATA")) else None)
    if name in ("embed", "cluster") and root is None:
        raise typer.BadParameter("no data: pass --data DIR, or set BEEJAN_DATA", param_hint="--data")
    return {
        "embed": lambda: embed.run(root or Path(), rows or 600),
        "cluster": lambda: cluster.run(root or Path(), _embedder(), cluster.ROWS if rows is None else (rows,)),
        "pipeline": lambda: pipeline.run(rows or 6144),
        "latency": lambda: latency.run(rate, seconds),
        "soak": lambda: soak.run(batches),
        "search": lambda: search.run(_embedder(), rows or search.ROWS),
        "facets": lambda: facets.run(rows or 1_000_000),
        "intake": lambda: intake.run(rows or 200_000),
        "processing": lambda: processing.bench(root, steps or processing.TIMED),
    }[name]


def _embedder() -> Embedder:
    from engine import embedding
    from engine.settings import load_settings

    return embedding.load(load_settings())
