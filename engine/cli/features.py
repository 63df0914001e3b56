"""`beejan features`: customers at a point in time, for churn models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, emit, guarded, notes, table

features = typer.Typer(help="Features of customers at a point in time.", no_args_is_help=True)

AsOf = Annotated[str | None, typer.Option("--as-of", help="The point in time, RFC 3339; default now.", metavar="T")]
Known = Annotated[str, typer.Option(help="received or occurred: when a complaint is known.")]


def _checked(known: str) -> str:
    if known not in ("received", "occurred"):
        raise typer.BadParameter(f"{known!r}: expected received or occurred", param_hint="--known")
    return known


@features.command()
@guarded
def build(
    as_of: AsOf = None,
    known: Known = "received",
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make the features of all customers, as rows of the table `customers`.

    Example: beejan features build --as-of 2026-03-01T00:00:00Z
    """
    wanted = {"as_of": as_of, "known": _checked(known)}
    found = Client(config, data_dir).post("/v1/customers/features/builds", wanted, limit_s=600)
    if as_json:
        emit(found)
    else:
        notes().print(f"{found['customers']} customers as of {found['as_of']}; see `beejan sql 'FROM customers'`")


@features.command()
@guarded
def show(
    customer_id: Annotated[str, typer.Argument(help="The customer's pseudonym, as in `beejan show`.")],
    as_of: AsOf = None,
    known: Known = "received",
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show a customer's features, from what was known at the point in time alone.

    Example: beejan features show 5d41402abc4b2a76 --as-of 2026-03-01T00:00:00Z
    """
    found = Client(config, data_dir).get(
        f"/v1/customers/{quote(customer_id, safe='')}/features", as_of=as_of, known=_checked(known)
    )
    if as_json:
        emit(found)
    else:
        table(found["as_of"], ["feature", "value"], [[name, value] for name, value in found["features"].items()])


@features.command()
@guarded
def dictionary(
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Tell what every feature means.

    Example: beejan features dictionary --json
    """
    found = Client(config, data_dir).get("/v1/customers/features/dictionary")
    if as_json:
        emit(found)
    else:
        rows = [[one["name"], one["type"], one["meaning"]] for one in found["features"]]
        table(f"version {found['version']}", ["feature", "type", "meaning"], rows)
