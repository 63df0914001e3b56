"""Every figure of processing: quality on labelled data, and the speed of each step beside its peer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.processing.figure import Figure

#: Steps with labelled data, and steps with a speed; each is a module beside this one.
JUDGED = ("pii", "names", "language", "spelling", "duplicates", "identity")
TIMED = ("standardise", "pii", "names", "language", "spelling", "duplicates", "identity", "quality", "chain")


def evaluate(data: Path, steps: Sequence[str] = JUDGED) -> Iterator[tuple[str, list[Figure] | None]]:
    """Measure the quality of `steps`, in order.

    Args:
        data: a folder laid out as the docs say (docs/evaluation.md); what is absent is left out.

    Yields:
        A step and its figures; None where `data` has nothing for it.
    """
    for step in steps:
        measure: Callable[[Path], list[Figure] | None] = _module(step).evaluate
        yield step, measure(data)


def speeds(data: Path | None, steps: Sequence[str] = TIMED) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure the speed of `steps` on one core, each beside its peer in the same run.

    Args:
        data: labelled data to take texts from; without it they are simulated.
    """
    for step in steps:
        measure: Callable[[Path | None], dict[str, Any]] = _module(step).speed
        yield step, measure(data)


def bench(data: Path | None, steps: Sequence[str] = TIMED) -> dict[str, Any]:
    """`speeds` as one report with the machine it ran on."""
    return {"benchmark": "processing", "steps": dict(speeds(data, steps)), "machine": machine()}


def report(data: Path, steps: Sequence[str] = JUDGED) -> dict[str, Any]:
    """The figures of `evaluate` as one document, ready for JSON.

    Returns:
        `figures` (name: value), `goals`, `splits` and `notes` by the same names, `skipped` steps.
    """
    parts = list(evaluate(data, steps))
    found = [figure for _, figures in parts for figure in figures or ()]
    return {
        "figures": {f.name: round(f.value, 5) for f in found},
        "goals": {f.name: f.goal for f in found if f.goal is not None},
        "met": {f.name: f.met for f in found if f.met is not None},
        "splits": {f.name: f.split for f in found},
        "notes": {f.name: f.note for f in found if f.note},
        "skipped": [step for step, figures in parts if figures is None],
    }


def _module(step: str) -> Any:
    return importlib.import_module(f"benchmarks.processing.{step}")
