"""The `beejan` command: its groups and commands."""

from __future__ import annotations

import typer

from engine.cli import data, operate, read, run
from engine.cli.bench import bench

app = typer.Typer(
    name="beejan",
    help="Complaints in once, useful within seconds. Start with `beejan demo`.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (run.up, run.down, run.demo):
    app.command(rich_help_panel="Run")(command)
app.command("run", rich_help_panel="Run")(run.run_once)
for command in (data.simulate, data.ingest, data.process):
    app.command(rich_help_panel="Bring complaints in")(command)
for command in (read.search, read.show):
    app.command(rich_help_panel="Read")(command)
app.add_typer(read.alerts, name="alerts", rich_help_panel="Read")
app.add_typer(operate.dlq, name="dlq", rich_help_panel="Operate")
app.add_typer(operate.keys, name="keys", rich_help_panel="Operate")
app.add_typer(operate.config, name="config", rich_help_panel="Operate")
for command in (operate.status, operate.doctor):
    app.command(rich_help_panel="Operate")(command)
app.command(rich_help_panel="Operate")(bench)
