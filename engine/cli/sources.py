"""Commands about the configured sources."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, NotFound, console, emit, guarded, table
from engine.settings import load_settings

sources = typer.Typer(help="Where complaints come from: folders, logs, mailboxes, feeds.", no_args_is_help=True)

_NAME = typer.Argument(help="Its name in the configuration.")

#: Records that `check` reads, and how long it looks for one, s.
_PAGE, _PATIENCE_S = 100, 15.0


@sources.command("list")
@guarded
def list_sources(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Every configured source: its state, what was read, its last error, and how far it is behind.

    Example: beejan sources list
    """
    found = Client(config_file, data_dir).get("/v1/sources")
    if as_json:
        emit(found)
    elif not found["sources"]:
        console().print("no sources are configured; see docs/connectors.md")
    else:
        names = ["name", "kind", "channel", "state", "records", "read_at", "lag_s", "error"]
        table(None, names, [[row.get(n) for n in names] for row in found["sources"]])


@sources.command()
@guarded
def check(
    name: Annotated[str, _NAME],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Connect to a source and read its first page; nothing is published and no cursor is moved.

    Example: beejan sources check call-centre
    """
    from connectors.registry import open_source
    from connectors.settings import Pulled
    from connectors.source import Connector

    settings = load_settings(config_file, data_dir=data_dir).sources.get(name)
    if not isinstance(settings, Pulled):
        raise NotFound(f"source {name}: none that is read has this name in the configuration; pass --config FILE")
    connector = cast(Connector, open_source(name, settings))
    try:
        units, page = _first_page(connector)
    finally:
        connector.close()
    defects = Counter(record.defect_code for record in page if record.defect_code)
    found: dict[str, Any] = {
        "name": name, "kind": settings.kind, "channel": connector.channel, "source": connector.source,
        "units": units, "read": len(page), "more": len(page) == _PAGE, "defects": dict(defects),
        "examples": [{"key": r.key, "content_type": r.content_type, "bytes": len(r.payload)} for r in page[:5]],
    }  # fmt: skip
    if as_json:
        emit(found)
        return
    more = " and there are more" if found["more"] else ""
    console().print(f"{name} answers: {units} units, {len(page)} records read{more}. Nothing was published.")
    for code, count in defects.items():
        console().print(f"{count} cannot be read: {code}")


def _first_page(connector: Any) -> tuple[int, list[Any]]:
    """(units, records); a source that has to settle first is given time."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        units = list(connector.discover())
        page = list(itertools.islice(_records(connector, units), _PAGE))
        left = deadline - time.monotonic()
        if page or left <= 0:
            return len(units), page
        connector.wait(min(left, 3.0))


def _records(connector: Any, units: list[str]) -> Iterator[Any]:
    for unit in units:
        yield from connector.read(unit, None)


@sources.command()
@guarded
def pause(
    name: Annotated[str, _NAME],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Stop reading a source; what it holds waits there. It stays paused over restarts.

    Example: beejan sources pause inbox
    """
    found = Client(config_file, data_dir).post(f"/v1/sources/{name}/pause", {})
    emit(found) if as_json else console().print(f"{name} is paused")


@sources.command()
@guarded
def resume(
    name: Annotated[str, _NAME],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Read a paused source on from where it was.

    Example: beejan sources resume inbox
    """
    found = Client(config_file, data_dir).post(f"/v1/sources/{name}/resume", {})
    emit(found) if as_json else console().print(f"{name} is read again")
