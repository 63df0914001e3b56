"""What every command shares: output for people or as JSON, errors to exit codes, the way to the engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.errors import BeejanError, ContractFrozen, PortTaken, Transient
from engine.registry.errors import NoModel, NotBetter
from engine.run.supervisor import AlreadyRunning

DONE, FAILED, USAGE, NOT_FOUND, REFUSED, TRY_AGAIN = 0, 1, 2, 3, 4, 75

P = ParamSpec("P")
T = TypeVar("T")


class NotFound(BeejanError):
    """What was asked for does not exist."""


class Refused(BeejanError):
    """The engine refused: no key, a wrong role, or a limit."""


def console() -> Console:
    """For people; without colours where nobody looks."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def notes() -> Console:
    """Progress and errors, on standard error."""
    return Console(stderr=True, highlight=False)


def emit(value: Any) -> None:
    """One JSON document, or one line of a stream of them."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def table(title: str | None, columns: list[str], rows: list[list[Any]]) -> None:
    """A table for people."""
    grid = Table(*columns, title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for row in rows:
        grid.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    console().print(grid)


def code_of(error: BeejanError) -> int:
    """The exit code that an error is."""
    match error:
        case NotFound() | NoModel():
            return NOT_FOUND
        case Refused() | PortTaken() | AlreadyRunning() | ContractFrozen() | NotBetter():
            return REFUSED
        case Transient():
            return TRY_AGAIN
        case _:
            return FAILED


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Turn our errors into a message on standard error and an exit code; with --json into JSON."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except BeejanError as error:
            code = code_of(error)
            if kwargs.get("as_json"):
                emit({"error": {"type": type(error).__name__, "message": str(error), "code": code}})
            else:
                notes().print(f"[bold red]error[/]: {escape(str(error))}")
            raise typer.Exit(code) from error
        except BrokenPipeError:
            raise typer.Exit(DONE) from None

    return run


@contextmanager
def progress(total: int | None, what: str, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; the yielded function sets how far it is."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=notes(), disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


JSON = typer.Option("--json", help="Print JSON instead of text.")
CONFIG = typer.Option("--config", help="Configuration file; default configs/default.yaml.", metavar="FILE")
DATA = typer.Option("--data-dir", help="Data folder; default from the configuration.", metavar="DIR")
