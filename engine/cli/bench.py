"""`beejan bench`: benchmarks with their peers, as a table and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.output import JSON, console, emit, guarded, notes, table

NAMES = ("pipeline", "latency", "soak", "intake")


@guarded
def bench(
    names: Annotated[list[str], typer.Argument(help=f"Which: {', '.join(NAMES)}.", metavar="NAME…")],
    rows: Annotated[
        int | None, typer.Option(help="pipeline: complaints a turn (3000); intake: of the csv (200000).", min=100)
    ] = None,
    rate: Annotated[float, typer.Option(help="latency: complaints a second.", min=0.1)] = 20,
    seconds: Annotated[float, typer.Option(help="latency: how long, s.", min=5)] = 300,
    batches: Annotated[int, typer.Option(help="soak: micro-batches.", min=10)] = 20_000,
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
        report = _runner(name, rows, rate, seconds, batches)()
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{name}.json").write_text(json.dumps(report, indent=1))
        if as_json:
            emit(report)
        else:
            shown = {k: v for k, v in report.items() if not isinstance(v, (list, dict)) or k == "rows_per_s"}
            table(None, ["", name], [[key, value] for key, value in shown.items()])
            console().print()


def _runner(name: str, rows: int | None, rate: float, seconds: float, batches: int) -> Callable[[], dict[str, Any]]:
    from benchmarks import intake, latency, pipeline, soak

    return {
        "pipeline": lambda: pipeline.run(rows or 3000),
        "latency": lambda: latency.run(rate, seconds),
        "soak": lambda: soak.run(batches),
        "intake": lambda: intake.run(rows or 200_000),
    }[name]
