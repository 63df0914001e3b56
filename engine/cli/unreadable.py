"""Files of an ingest that could not be read: told one by one, while the others go their way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer
from rich.markup import escape

from engine.cli.output import FAILED, notes


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
