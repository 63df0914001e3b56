"""`beejan train`: models fitted to labels, each result a version of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.output import CONFIG, DATA, JSON, emit, guarded, notes, table
from engine.cli.train_classifier import train_classifier
from engine.settings import load_settings

train = typer.Typer()
train.callback(invoke_without_command=True)(train_classifier)


@train.command("priority")
@guarded
def train_priority(
    labels: Annotated[Path, typer.Argument(help="CSV: event_id, label (P1 to P4).", metavar="LABELS")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Fit the weights of priority to labelled complaints; needs no running engine and changes none.

    Example: beejan train priority labels.csv
    """
    from engine.registry.priority import train as fit

    with notes().status("fitting"):
        report = fit(load_settings(config_file, data_dir=data_dir), labels)
    if as_json:
        emit(report)
        return
    held = report["held_out"] or {"kappa": "too few labels", "p1_recall": "too few labels"}
    rows = [[name, report["before"][name], report["fitted"][name], held[name]] for name in ("kappa", "p1_recall")]
    table(f"{report['labels']} labels", ["", "weights before", "fitted to", "held out"], rows)
    notes().print(f"{'written' if report['new'] else 'was there already'}: {report['path']}")
    notes().print("use it: set `priority` to this file and start again (docs/priority.md)")
