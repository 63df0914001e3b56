"""`beejan models`: versions of the classifier, which is better, and which is the champion."""

from __future__ import annotations

import csv
import getpass
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import Terminal
from engine.cli.client import Client, EngineAway
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, notes, progress, table
from engine.registry.load import split_id
from engine.settings import Settings, load_settings
from engine.stages.context import ZERO_SHOT

models = typer.Typer(help="Models: versions, comparison, promotion and the way back.", no_args_is_help=True)

_MODEL = typer.Argument(metavar="NAME/VERSION", help="As in `beejan models list`.")
_LABELLED = typer.Option(
    "--data", help="CSV with text and label (language, channel, region); default the audit's labels.", metavar="FILE"
)
_SLICES = ("language", "channel", "region")
_POLL_S = 1.0
#: A comparison embeds what --data holds.
_COMPARE_S = 1800.0


class BadLabelled(Terminal):
    """A file of labelled texts that cannot be read."""


@models.command("list")
@guarded
def list_models(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Versions with their roles, the newest first, and how far scoring again is.

    Example: beejan models list
    """
    client = _client(config_file, data_dir)
    found = client.get("/v1/models") if client else _listed_here(load_settings(config_file, data_dir=data_dir))
    if as_json:
        emit(found)
        return
    rows = []
    for one in found["models"]:
        about = one["manifest"]
        told = about.get("metrics", {})
        rows.append(
            [one["id"], one["role"], about.get("created_at", "")[:19], told.get("accuracy"), told.get("macro_f1")]
        )
    table(None, ["model", "role", "trained", "accuracy", "macro F1"], rows)
    console().print(f"champion: {found['champion']}", markup=False)
    if found.get("state"):
        console().print(scoring(found["state"]), markup=False)


@models.command()
@guarded
def show(
    model: Annotated[str, _MODEL],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """A version: what it was trained on, its figures, its shadow, and whether it drifts on live complaints.

    Example: beejan models show complaints/20260301-101500-1a2b3c4d
    """
    name, version = split_id(model)
    client = _client(config_file, data_dir)
    if client:
        found = client.get(f"/v1/models/{name}/{version}")
    else:
        found = _shown_here(load_settings(config_file, data_dir=data_dir), name, version)
    if as_json:
        emit(found)
        return
    about = found["manifest"]
    console().print(f"{found['id']} {found['role']}", markup=False)
    shown = [key for key, value in about.items() if isinstance(value, str | int | float)]
    table(None, ["", ""], [[key, about[key]] for key in shown])
    plain = {key: value for key, value in (about.get("metrics") or {}).items() if not isinstance(value, dict | list)}
    table("On texts held out from training", ["", ""], [[key, value] for key, value in plain.items()])
    columns = ["name", "state", "value", "most", "why"]
    table("On live complaints", columns, [[one[c] for c in columns] for one in found["drift"]["measures"]])
    if found.get("shadow"):
        _show_shadow(found["shadow"])
    made = [
        [one["at"][:19], one["action"], one["champion"]["to"], one.get("by"), one.get("reason")]
        for one in found["decisions"]
    ]
    table("Decisions", ["at", "action", "champion", "by", "reason"], made)


@models.command()
@guarded
def compare(
    model: Annotated[str, _MODEL],
    data: Annotated[Path | None, _LABELLED] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Compare a version with the champion on held-out labels, and on live complaints; nothing is changed.

    Example: beejan models compare complaints/20260301-101500-1a2b3c4d --data heldout.csv
    """
    name, version = split_id(model)
    client = _client(config_file, data_dir)
    body = {"labelled": _read(data) if data else None}
    if client:
        with notes().status("comparing"):
            found = client.post(f"/v1/models/{name}/{version}/compare", body, limit_s=_COMPARE_S)
    else:
        found = _compared_here(load_settings(config_file, data_dir=data_dir), version, body["labelled"])
    emit(found) if as_json else _show_report(found)


@models.command()
@guarded
def promote(
    model: Annotated[str, _MODEL],
    data: Annotated[Path | None, _LABELLED] = None,
    force: Annotated[bool, typer.Option("--force", help="Also without a gain; needs --reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Return when stored complaints are scored again.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a version the champion. It refuses (4) where no gain is shown or a slice gets worse.

    New complaints are classified by it at once; stored ones are scored again in the background, without embedding, and
    change all at once.

    Example: beejan models promote complaints/20260301-101500-1a2b3c4d --wait
    """
    name, version = split_id(model)
    client = _client(config_file, data_dir)
    labelled = _read(data) if data else None
    if client:
        body = {"labelled": labelled, "force": force, "reason": reason}
        with notes().status("comparing"):
            found = client.post(f"/v1/models/{name}/{version}/promote", body, limit_s=_COMPARE_S)
        if wait:
            found["state"] = _wait(client, f"{name}/{version}", quiet=as_json)
    else:
        from engine.registry import promote as registry

        settings = load_settings(config_file, data_dir=data_dir)
        report = _compared_here(settings, version, labelled)
        found = registry.promote(settings, version, report, by=getpass.getuser(), force=force, reason=reason)
        found |= {"report": report}
    if as_json:
        emit(found)
        return
    _show_report(found["report"])
    _show_decision(found, running=client is not None)


@models.command()
@guarded
def rollback(
    name: Annotated[str | None, typer.Argument(help="The model; default the one that classifies.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Return when stored complaints are scored again.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make the champion before this one the champion again.

    Example: beejan models rollback --reason "roaming complaints went to billing"
    """
    client = _client(config_file, data_dir)
    if client:
        which = name or client.get("/v1/models")["classifier"]
        found = client.post(f"/v1/models/{which}/rollback", {"reason": reason})
        if wait:
            version = found["champion"]["to"]
            found["state"] = _wait(client, f"{which}/{version}" if version else ZERO_SHOT, quiet=as_json)
    else:
        from engine.registry import promote as registry

        settings = _of(load_settings(config_file, data_dir=data_dir), name)
        found = registry.rollback(settings, by=getpass.getuser(), reason=reason)
    if as_json:
        emit(found)
        return
    _show_decision(found, running=client is not None)


@models.command()
@guarded
def challenge(
    model: Annotated[str, _MODEL],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a version the challenger, which a sample of new complaints is tried on; training does so by itself.

    Example: beejan models challenge complaints/20260301-101500-1a2b3c4d
    """
    name, version = split_id(model)
    client = _client(config_file, data_dir)
    if client:
        found = client.post(f"/v1/models/{name}/{version}/challenge", {})
    else:
        from engine.registry import promote as registry

        settings = _of(load_settings(config_file, data_dir=data_dir), name)
        found = registry.challenge(settings, version, by=getpass.getuser())
    if as_json:
        emit(found)
        return
    console().print(f"challenger: {name}/{version}", markup=False)


@models.command()
@guarded
def clear(
    name: Annotated[str | None, typer.Argument(help="The model; default the one that classifies.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Have no challenger: nothing is tried beside the champion any more. Its version stays.

    Example: beejan models clear
    """
    client = _client(config_file, data_dir)
    if client:
        which = name or client.get("/v1/models")["classifier"]
        found = client.delete(f"/v1/models/{which}/challenger")
    else:
        from engine.registry import promote as registry

        settings = _of(load_settings(config_file, data_dir=data_dir), name)
        found = registry.challenge(settings, None, by=getpass.getuser())
    if as_json:
        emit(found)
        return
    console().print(f"challenger: none; it was {found['challenger']['from'] or 'none'}", markup=False)


def _client(config: Path | None, data_dir: Path | None) -> Client | None:
    """The running engine; None where there is none, and the data folder is worked on by itself."""
    try:
        return Client(config, data_dir)
    except EngineAway:
        return None


def _of(settings: Settings, name: str | None) -> Settings:
    """The settings, as those of another model where one is named."""
    return settings if name is None else settings.model_copy(update={"classifier": name})


def _listed_here(settings: Settings) -> dict[str, Any]:
    from engine.registry import promote as registry
    from engine.registry.aliases import read
    from engine.registry.load import names

    known = sorted({*names(settings.data_dir), settings.classifier})
    rows = [row for name in known for row in registry.listed(settings.data_dir, name)]
    champion = read(settings.data_dir, settings.classifier).champion
    return {
        "classifier": settings.classifier,
        "champion": registry.id_of(settings, champion),
        "models": [row | {"manifest": registry.short(row["manifest"])} for row in rows],
        "state": None,
    }


def _shown_here(settings: Settings, name: str, version: str) -> dict[str, Any]:
    from engine.registry import drift
    from engine.registry.aliases import decisions, read
    from engine.registry.load import manifest_of

    aliases = read(settings.data_dir, name)
    return {
        "id": f"{name}/{version}",
        "role": {aliases.champion: "champion", aliases.challenger: "challenger"}.get(version, ""),
        "manifest": manifest_of(settings.data_dir, name, version),
        "decisions": decisions(settings.data_dir, name),
        "shadow": None,
        "drift": drift.standing(settings, f"{name}/{version}", datetime.now(UTC)),
    }


def _compared_here(settings: Settings, version: str, labelled: list[dict[str, Any]] | None) -> dict[str, Any]:
    from connectors.lance import open_reader
    from engine import embedding
    from engine.registry import promote as registry
    from engine.registry.load import manifest_of

    manifest_of(settings.data_dir, settings.classifier, version)
    embedder = embedding.load(settings)
    with notes().status("comparing"):
        if labelled is not None:
            held = registry.given(labelled, settings, embedder)
        else:
            root, options = settings.zones_uri.rstrip("/"), settings.storage_options
            complaints = open_reader(f"{root}/serving", "complaints", options)
            labels = open_reader(f"{root}/governance", "labels", options)
            held = registry.audited(complaints, labels, registry.known_labels(settings))
        return registry.report(settings, version, held, embedder)


def _read(path: Path) -> list[dict[str, Any]]:
    csv.field_size_limit(2**27)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not {"text", "label"} <= set(reader.fieldnames or ()):
                raise BadLabelled(f"{path}: columns {reader.fieldnames}; expected text and label")
            rows = [{name: row.get(name) or None for name in ("text", "label", *_SLICES)} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadLabelled(f"{path}: cannot be read ({type(error).__name__}); expected CSV in UTF-8") from error
    return [row for row in rows if row["text"] and row["label"]]


def _wait(client: Client, version: str, *, quiet: bool) -> dict[str, Any]:
    """Until new complaints are classified by this version, and stored ones are all of it but for those that fail."""
    with progress(None, "scoring again", quiet=quiet) as tell:
        while True:
            state: dict[str, Any] = client.get("/v1/models")["state"]
            if state["classifier_version"] == version and state["due"] <= state["failing"]:
                return state
            if "error" in state:
                notes().print(f"scoring again: {state['error']}; it is tried again", markup=False)
            tell(state["scored"])
            time.sleep(_POLL_S)


def scoring(state: dict[str, Any]) -> str:
    """What classifies, and how far scoring again is, in words."""
    by = f"new complaints are classified by {state['classifier_version']}"
    if not state["rescoring"]:
        return by
    return f"{by}; of {state['due']:,} stored ones of other versions {state['scored']:,} are scored again so far"


def _show_report(found: dict[str, Any]) -> None:
    old, new = found["versions"]["champion"], found["versions"]["challenger"]
    figures = ("accuracy", "category", "macro_f1", "calibration_error", "abstained")
    rows = [[name, found["champion"][name], found["challenger"][name]] for name in figures]
    table(f"{found['of']} held-out labels", ["", old, new], rows)
    gain = found["gain"]
    if gain["of"]:
        console().print(
            f"accuracy changes by {gain['difference']:+.4f}, 95 % interval {gain['low']:+.4f} to {gain['high']:+.4f}"
        )
    names = ["column", "value", "of", "champion", "challenger", "low", "high"]
    table("Slices", names, [[one[n] for n in names] for one in found["slices"]])
    names = ["label", "predicted", "champion", "challenger"]
    table("Errors that changed most", names, [[one[n] for n in names] for one in found["confusion"]])
    if found.get("shadow"):
        _show_shadow(found["shadow"])
    for one in found["against"]:
        console().print(f"against it: {one}", markup=False)


def _show_shadow(shadow: dict[str, Any]) -> None:
    if not shadow["of"]:
        console().print("live complaints: none looked at yet")
        return
    console().print(
        f"live complaints: the two agree on {shadow['agree']:.1%} of {shadow['of']:,} "
        f"(95 % interval {shadow['low']:.1%} to {shadow['high']:.1%})"
    )
    names = ["champion", "challenger", "count"]
    table("Where they part", names, [[one[n] for n in names] for one in shadow["parted"]])


def _show_decision(decision: dict[str, Any], *, running: bool) -> None:
    version = decision["champion"]["to"] or "the zero-shot classifier"
    when = "stored ones are being scored again" if running else "the engine takes it over when it is started"
    console().print(f"champion: {version}; {when}", markup=False)
