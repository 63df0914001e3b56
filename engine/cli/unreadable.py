"""Files of an ingest that could not be read: told one by one, while the others go their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import typer
from rich.markup import escape

from connectors.errors import UnreadableFile
from engine.cli.output import FAILED, notes
from engine.intake.envelope import Envelope


def noting(unreadable: dict[Path, str], path: Path, records: Iterator[Envelope]) -> Iterator[Envelope]:
    """The records of a file; where it cannot be read they end, and the reason is noted."""
    try:
        yield from records
    except UnreadableFile as error:
        unreadable[path] = str(error).removeprefix(f"{path}: ")


def listed(unreadable: Mapping[Path, str]) -> list[dict[str, str]]:
    """For `--json`."""
    return [{"path": str(path), "reason": reason} for path, reason in unreadable.items()]


def show_unreadable(unreadable: Mapping[Path, str]) -> None:
    """A line a file, on standard error."""
    for path, reason in unreadable.items():
        notes().print(f"[bold red]unreadable[/]: {escape(f'{path}: {reason}')}", soft_wrap=True)


def fail_on(unreadable: Mapping[Path, str]) -> None:
    """End the command as failed where there is such a file."""
    if unreadable:
        raise typer.Exit(FAILED)
