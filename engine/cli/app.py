"""The `beejan` command: its groups and commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from engine.cli import ask, data, operate, read, replays, run
from engine.cli.bench import bench
from engine.cli.clusters import cluster, clusters
from engine.cli.dlq import dlq
from engine.cli.evaluate import evaluate
from engine.cli.export import export
from engine.cli.features import features
from engine.cli.identity import identity
from engine.cli.incidents import incidents
from engine.cli.label import label
from engine.cli.maintain import maintain
from engine.cli.mapping import mapping
from engine.cli.models import models
from engine.cli.quality import quality
from engine.cli.reembed import reembed
from engine.cli.report import report
from engine.cli.saved import saved
from engine.cli.schedule import schedule
from engine.cli.sources import sources
from engine.cli.taxonomy import taxonomy
from engine.cli.train import train

app = typer.Typer(
    name="beejan",
    help="Complaints in once, useful within seconds. Start with `beejan demo`.",
    no_args_is_help=True,
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True)] = False,
) -> None:
    """Complaints in once, useful within seconds. Start with `beejan demo`."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"beejan {installed('beejan')}")
        raise typer.Exit


_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Run": {"up": run.up, "down": run.down, "demo": run.demo, "run": run.run_once},
    "Bring complaints in": {"simulate": data.simulate, "ingest": data.ingest, "process": data.process},
    "Read": {
        "search": read.search,
        "similar": read.similar,
        "show": read.show,
        "trace": read.trace,
        "facets": ask.facets,
        "trends": ask.trends,
        "sql": ask.sql,
        "export": export,
    },
    "Operate": {
        "status": operate.status,
        "doctor": operate.doctor,
        "replay": replays.replay,
        "bench": bench,
        "cluster": cluster,
    },
}
for panel, commands in _PANELS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
app.add_typer(read.alerts, name="alerts", rich_help_panel="Read")
app.add_typer(incidents, name="incidents", rich_help_panel="Read")
app.add_typer(identity, name="identity", rich_help_panel="Read")
app.add_typer(clusters, name="clusters", rich_help_panel="Read")
app.add_typer(saved, name="saved", rich_help_panel="Read")
app.add_typer(features, name="features", rich_help_panel="Read")
app.add_typer(report, name="report", rich_help_panel="Read")
app.add_typer(label, name="label", rich_help_panel="Operate")
app.add_typer(taxonomy, name="taxonomy", rich_help_panel="Operate")
app.add_typer(sources, name="sources", rich_help_panel="Bring complaints in")
app.add_typer(mapping, name="mapping", rich_help_panel="Bring complaints in")
_GROUPS = {
    "dlq": dlq,
    "quality": quality,
    "evaluate": evaluate,
    "models": models,
    "train": train,
    "reembed": reembed,
    "maintain": maintain,
    "schedule": schedule,
    "keys": operate.keys,
    "config": operate.config,
}
for name, group in _GROUPS.items():
    app.add_typer(group, name=name, rich_help_panel="Operate")
