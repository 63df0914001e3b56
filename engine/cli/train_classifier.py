"""`beejan train` itself: a classifier from a csv or from the stored labels, as the challenger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, progress, table
from engine.settings import load_settings


@guarded
def train_classifier(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", help="CSV with text and label; default the stored labels.", metavar="FILE")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Model to make a version of; default the one that gives categories.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is held out for validation.", min=0)] = 20,
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Fine-tune the encoder as well; minutes, on GPUs where there are any.")
    ] = False,
    epochs: Annotated[int, typer.Option(help="How often fine-tuning sees each text.", min=1, max=100)] = 3,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Train a classifier; it becomes the challenger, and the champion stays until it is promoted.

    Example: beejan train --data labelled.csv --name complaints
    """
    if context.invoked_subcommand:
        return
    from engine.registry.training import STEPS, train

    settings = load_settings(config_file, data_dir=data_dir)
    with progress(len(STEPS), "training", quiet=as_json) as tell:
        manifest = train(
            settings, name or settings.classifier, data, seed=seed, epochs=epochs if fine_tune else 0,
            tell=lambda step: tell(STEPS.index(step)),
        )  # fmt: skip
        tell(len(STEPS))
    emit(manifest) if as_json else _show(manifest)


def _show(manifest: dict[str, Any]) -> None:
    metrics = manifest["metrics"]
    console().print(
        f"{manifest['name']}/{manifest['version']}: {manifest['labels']} labels, {manifest['data']['rows']:,} texts of "
        f"{manifest['data']['source']}, {manifest['train_s']:.1f} s; it is the challenger now",
        markup=False,
    )
    names = ("held_out", "accuracy", "macro_f1", "calibration_error", "abstained", "accuracy_when_given")
    table("On texts held out from training", ["", ""], [[key, metrics[key]] for key in names if key in metrics])
    weak = sorted(metrics.get("by_label", {}).items(), key=lambda item: item[1]["f1"])[:5]
    table("Weakest labels", ["label", "texts", "f1"], [[label, one["of"], one["f1"]] for label, one in weak])
