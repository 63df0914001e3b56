"""`beejan identity`: who complaints are from, why, and decisions about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, table

identity = typer.Typer(help="Persons: who complaints are from, and why.", no_args_is_help=True)

_EITHER = "An identifier (kind:pseudonym), a person, or a complaint's id."
#: A look for probable links over many complaints takes a while, s.
_RUN_PATIENCE_S = 3600.0


@identity.command("list")
@guarded
def list_persons(
    least: Annotated[int, typer.Option(help="Complaints at least.", min=1)] = 2,
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1, max=1000)] = 50,
    conflicts: Annotated[bool, typer.Option("--conflicts", help="Identifiers that link nobody, and why.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Persons with the most complaints first.

    Example: beejan identity list --least 3
    """
    client = Client(config_file, data_dir)
    if conflicts:
        found = client.get("/v1/identity/conflicts")
        rows = [[row["identifier"], row["state"], ", ".join(row["owners"])] for row in found["conflicts"]]
        emit(found) if as_json else table("conflicts", ["identifier", "state", "stands for"], rows)
        return
    found = client.get("/v1/identity/persons", least=least, limit=limit)
    names = ["person_id", "complaints", "channels", "first_at", "last_at"]
    rows = [[", ".join(row[n]) if n == "channels" else row[n] for n in names] for row in found["persons"]]
    emit(found) if as_json else table(f"{found['total']} persons", names, rows)


@identity.command("show")
@guarded
def show_person(
    person_id: Annotated[str, typer.Argument(help="As listed, person_ and 16 hex digits.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """One person: identifiers, complaints, links.

    Example: beejan identity show person_3f2a91c05be17d42
    """
    _show(Client(config_file, data_dir).get(f"/v1/identity/persons/{person_id}"), as_json)


@identity.command("explain")
@guarded
def explain(
    what: Annotated[str, typer.Argument(help=_EITHER)],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Why a complaint or an identifier belongs to whom it does, conflicts too.

    Example: beejan identity explain phone:9f3c27aa01be55d4
    """
    _show(Client(config_file, data_dir).get(f"/v1/identity/explain/{what}"), as_json)


@identity.command("candidates")
@guarded
def candidates(
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1, max=1000)] = 100,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Probable links that wait to be confirmed or unmerged.

    Example: beejan identity candidates
    """
    found = Client(config_file, data_dir).get("/v1/identity/candidates", limit=limit)
    rows = [
        [r["link_id"], f"{r['score']:.3f}", r["a"][:40], r["b"][:40], "; ".join(r["reasons"])]
        for r in found["candidates"]
    ]
    emit(found) if as_json else table(f"{found['total']} candidates", ["link_id", "probability", "a", "b", "why"], rows)


@identity.command("run")
@guarded
def run(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Bring persons up to date and look for probable links now; the engine does both by itself when it is quiet.

    Example: beejan identity run
    """
    found = Client(config_file, data_dir).post("/v1/identity/runs", {}, limit_s=_RUN_PATIENCE_S)
    emit(found) if as_json else console().print(
        f"{found['active']} linked, {found['candidates']} candidates; {found['written']} rows and links changed"
    )


@identity.command("unmerge")
@guarded
def unmerge(
    a: Annotated[str, typer.Argument(help=f"{_EITHER} Or a link's id alone.")],
    b: Annotated[str | None, typer.Argument(help=_EITHER)] = None,
    reason: Annotated[str, typer.Option(help="Why, without personal data.")] = "",
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Undo a wrong merge, for good: later complaints, runs and replays hold to it.

    Example: beejan identity unmerge person_3f2a91c05be17d42 phone:9f3c27aa01be55d4 --reason "the shop's phone"
    """
    _decide(Client(config_file, data_dir), "unmerge", {"a": a, "b": b, "reason": reason}, as_json)


@identity.command("confirm")
@guarded
def confirm(
    a: Annotated[str, typer.Argument(help=f"{_EITHER} Or a link's id alone.")],
    b: Annotated[str | None, typer.Argument(help=_EITHER)] = None,
    reason: Annotated[str, typer.Option(help="Why, without personal data.")] = "",
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Hold two to be one person: a candidate, or an unmerge taken back. Two customers are never merged.

    Example: beejan identity confirm link_55aa0192cc31e7d0
    """
    _decide(Client(config_file, data_dir), "confirm", {"a": a, "b": b, "reason": reason}, as_json)


def _decide(client: Client, what: str, body: dict[str, Any], as_json: bool) -> None:
    found = client.post(f"/v1/identity/{what}", body)
    emit(found) if as_json else console().print(f"{found['a']} and {found['b']}: {found['state']} ({found['link_id']})")


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    console().print(found["person_id"] or "nobody in particular")
    good = [[name, one["state"], ", ".join(one["owners"])] for name, one in found["identifiers"].items()]
    table(None, ["identifier", "is good for", "stands for"], good)
    rows = [[row["event_id"][:12], row["channel"], row["occurred_at"], row["person_id"]] for row in found["complaints"]]
    table(None, ["complaint", "channel", "occurred_at", "person"], rows)
    links = [
        [r["link_id"], r["method"], r["state"], r["a"][:40], r["b"][:40], "; ".join(r["reasons"])]
        for r in found["links"]
    ]
    table(None, ["link", "method", "state", "a", "b", "why"], links)
