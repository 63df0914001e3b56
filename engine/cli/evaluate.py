"""`beejan evaluate`: quality on labelled data, one figure a line, with the goal it is held against."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import Terminal
from engine.cli.output import CONFIG, JSON, emit, guarded, notes, progress, table
from engine.settings import load_settings

evaluate = typer.Typer(help="Quality on labelled data.", no_args_is_help=True)


class NoData(Terminal):
    """The folder of labelled data is missing."""


@evaluate.command("processing")
@guarded
def processing(
    folder: Annotated[
        Path | None, typer.Argument(help="Labelled data, see docs/evaluation.md; default $BEEJAN_DATA.", metavar="DIR")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="The same as DIR.", metavar="DIR")] = None,
    step: Annotated[
        list[str] | None, typer.Option(help="pii, names, language, spelling, duplicates, identity; default all.")
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure masking, language, spelling, duplicates and identity.

    Example: beejan evaluate processing ../data --step language --json
    """
    from benchmarks.processing.run import JUDGED, report

    steps = tuple(step or JUDGED)
    unknown = [name for name in steps if name not in JUDGED]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: expected {', '.join(JUDGED)}", param_hint="--step")
    root = labelled(folder or data)
    parts: list[dict[str, Any]] = []
    with progress(len(steps), "evaluating", quiet=as_json) as tell:
        for done, name in enumerate(steps, 1):
            parts.append(report(root, (name,)))
            tell(done)
    whole = _joined(parts)
    if as_json:
        emit(whole)
        return
    _show(whole, root)


@evaluate.command("priority")
@guarded
def priority(
    folder: Annotated[
        Path | None, typer.Argument(help="Data, see docs/evaluation.md; default $BEEJAN_DATA.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure priority on 300 complaints labelled by hand, with the configured weights.

    Example: beejan evaluate priority ../data --json
    """
    from benchmarks.priority.judge import evaluate as judge

    root = labelled(folder)
    with notes().status("scoring"):
        found = judge(root)
    if found is None:
        raise NoData(f"{root}: lacks comcast, cfpb, airline_tweets or kenya_telco_reviews; see docs/evaluation.md")
    if as_json:
        emit(
            {
                "figures": {f.name: round(f.value, 5) for f in found},
                "goals": {f.name: f.goal for f in found if f.goal is not None},
                "met": {f.name: f.met for f in found if f.met is not None},
                "splits": {f.name: f.split for f in found},
                "notes": {f.name: f.note for f in found if f.note},
            }
        )
        return
    rows = [[f.name, f"{f.value:.4g}", f.goal, _MARK[f.met], f.split, f.note] for f in found]
    table(None, ["figure", "value", "goal", "", "measured on", "note"], rows)


@evaluate.command("classify")
@guarded
def classify(
    folder: Annotated[
        Path | None, typer.Argument(help="Labelled data, see docs/evaluation.md; default $BEEJAN_DATA.", metavar="DIR")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--set", help="banking77, clinc150, airline; default all.", metavar="SET")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Also write classify.json and curves.html.")] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure the trained classifier: accuracy, calibration, what is out of scope, learning curves.

    Example: beejan evaluate classify ../data --set banking77 --json
    """
    from benchmarks.classify.run import SETS, plot, report
    from engine import embedding
    from engine.curate import static_model
    from models.static_embedder import load

    sets = tuple(only or SETS)
    unknown = [name for name in sets if name not in SETS]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: expected {', '.join(SETS)}", param_hint="--set")
    root, settings = labelled(folder), load_settings(config_file)
    full = embedding.load(settings)
    path = static_model.path_of(settings, full.name, full.revision)
    quick = load(path).encode if "banking77" in sets and static_model.make(path, full) else None
    with progress(len(sets), "evaluating", quiet=as_json) as tell:
        whole = report(root, full.encode, quick, sets, tell)
    whole["embedding"] = {"model": full.name, "revision": full.revision}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "classify.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
        if "curves" in whole:
            plot(whole["curves"], out / "curves.html")
    emit(whole) if as_json else _show(whole, root)


@evaluate.command("search")
@guarded
def search(
    folder: Annotated[
        Path | None, typer.Argument(help="A corpus: docs, queries, qrels; see docs/evaluation.md.", metavar="DIR")
    ] = None,
    corpus: Annotated[Path | None, typer.Option("--corpus", help="The same as DIR.", metavar="DIR")] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure search on judged queries, in every mode, through the code and indices that the API searches with.

    Example: beejan evaluate search --corpus ../data/scifact --json
    """
    from benchmarks.search.corpus import read
    from benchmarks.search.evaluate import report
    from engine import embedding

    given = folder or corpus
    if given is None:
        raise typer.BadParameter("which corpus? Pass its folder", param_hint="--corpus")
    if not given.is_dir():
        raise NoData(f"{given}: no such folder; docs/evaluation.md has the layout")
    found = read(given)
    total = len(found.docs) + sum(len(split.queries) for split in found.splits)
    with progress(total, "evaluating", quiet=as_json) as tell:
        whole = report(found, embedding.load(load_settings(config_file)), tell)
    if as_json:
        emit(whole)
        return
    rows = [[name, f"{v:.4g}", whole["splits"][name], whole["notes"].get(name)] for name, v in whole["figures"].items()]
    table(None, ["figure", "value", "measured on", "note"], rows)


@evaluate.command("surge")
@guarded
def surge(
    folder: Annotated[Path, typer.Argument(help="Series and a windows json, in NAB's layout.", metavar="DIR")],
    out: Annotated[Path | None, typer.Option("--out", help="Write NAB's result files under it.", metavar="OUT")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure the spike detector by NAB's score, one configuration for all files (docs/surge.md).

    Example: beejan evaluate surge ../data/nab --out out --json
    """
    from benchmarks.surge.nab import report

    if not folder.is_dir():
        raise NoData(f"{folder}: no such folder; docs/surge.md has the layout")
    whole = report(folder, out)
    if as_json:
        emit(whole)
        return
    rows = [[profile, score, whole["thresholds"][profile]] for profile, score in whole["nab"].items()]
    table(f"{whole['files']} series", ["profile", "score", "threshold"], rows)


#: How a figure stands to its goal.
_MARK = {True: "met", False: "short", None: ""}


def _show(whole: dict[str, Any], root: Path) -> None:
    table(
        None, ["figure", "value", "goal", "", "measured on", "note"],
        [
            [name, f"{value:.4g}", whole["goals"].get(name), _MARK[whole["met"].get(name)], whole["splits"][name],
             whole["notes"].get(name)]
            for name, value in whole["figures"].items()
        ],
    )  # fmt: skip
    for name in whole["skipped"]:
        notes().print(f"[yellow]skipped[/]: {name}, {root} has no data for it (docs/evaluation.md)")


def labelled(given: Path | None) -> Path:
    """The folder of labelled data.

    Raises:
        NoData: none was given, or it does not exist.
    """
    root = given or (Path(found) if (found := os.environ.get("BEEJAN_DATA")) else None)
    if root is None:
        raise NoData("no labelled data: give its folder, or set BEEJAN_DATA; docs/evaluation.md has the layout")
    if not root.is_dir():
        raise NoData(f"{root}: no such folder; docs/evaluation.md has the layout")
    return root


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {name: {} for name in ("figures", "goals", "met", "splits", "notes")} | {"skipped": []}
    for part in parts:
        for name, value in part.items():
            if isinstance(value, list):
                whole[name] += value
            else:
                whole[name].update(value)
    return whole
