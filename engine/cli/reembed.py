"""`beejan reembed`: how far a change of the embedding model is, and the word for its switch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded

reembed = typer.Typer(help="A change of the embedding model, made in the background.", no_args_is_help=True)


@reembed.command("status")
@guarded
def status(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Which model serves, which is to follow it, and how many complaints are to be embedded before that.

    A change begins when the engine starts with another embed.model, embed.revision or embed.backend; with the former
    ones it is given up.

    Example: beejan reembed status
    """
    _show(Client(config_file, data_dir).get("/v1/embedding"), as_json=as_json)


@reembed.command("switch")
@guarded
def switch(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Have the new model serve once all is embedded, although the trained champion cannot read its vectors.

    Until a version is trained on them complaints are classified without training. Refused (4) where no model follows.

    Example: beejan reembed switch
    """
    _show(Client(config_file, data_dir).post("/v1/embedding/switch", {}), as_json=as_json)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(found)
    else:
        console().print(embedding(found), markup=False)


def embedding(found: dict[str, Any]) -> str:
    """How the embedding model stands, in words."""
    serves = found["serving"]
    text = f"{serves['name']} {serves['revision']}" if serves else "as configured"
    if found["following"] is None:
        return text
    follows = f"{found['following']['name']} {found['following']['revision']}"
    done = f"{found['of'] - found['due']:,} of {found['of']:,} embedded"
    waits = f"; waits: {found['waiting_for']}" if found["state"] == "waiting" else ""
    return f"{text}; {follows} is to follow: {done}{waits}"
