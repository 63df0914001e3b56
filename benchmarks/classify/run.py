"""Every figure of classification, as one document, and its curves as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.classify import airline, banking77, clinc150
from benchmarks.classify.data import Embed, cached
from benchmarks.processing.figure import Figure

SETS = ("banking77", "clinc150", "airline")


def report(
    data: Path,
    embed: Embed,
    quick: Embed | None,
    sets: Sequence[str] = SETS,
    tell: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Measure, in order.

    Args:
        data: a folder laid out as the docs say (docs/evaluation.md); what is absent is left out.
        embed: the model that complaints are embedded by.
        quick: the static model, for the cascade; None leaves that out.
        sets: of `SETS`.
        tell: called with the number of sets done.

    Returns:
        `figures`, `goals`, `met`, `splits` and `notes` by name, `skipped` sets, `curves` where airline was measured.
    """
    embed = cached(embed)
    found: list[Figure] = []
    skipped, curves = [], None
    for done, name in enumerate(sets, 1):
        figures: list[Figure] | None
        if name == "airline":
            pair = airline.evaluate(data, embed)
            figures, curves = pair if pair else (None, None)
        else:
            figures = banking77.evaluate(data, embed, quick) if name == "banking77" else clinc150.evaluate(data, embed)
        if figures is None:
            skipped.append(name)
        found += figures or []
        tell(done)
    whole: dict[str, Any] = {
        "figures": {f.name: round(f.value, 5) for f in found},
        "goals": {f.name: f.goal for f in found if f.goal is not None},
        "met": {f.name: f.met for f in found if f.met is not None},
        "splits": {f.name: f.split for f in found},
        "notes": {f.name: f.note for f in found if f.note},
        "skipped": skipped,
    }
    return whole if curves is None else whole | {"curves": curves}


def plot(curves: dict[str, Any], path: Path) -> None:
    """The learning curves as a page that needs no network."""
    import plotly.graph_objects as go  # type: ignore[import-untyped]

    figure = go.Figure()
    for name in ("active", "random"):
        figure.add_scatter(x=curves["labels"], y=curves[name], name=name, mode="lines+markers")
    figure.add_hline(y=curves["zero_shot"], line_dash="dot", annotation_text="zero-shot, no labels")
    for count, score in curves["a_class"]:
        figure.add_hline(y=score, line_dash="dash", opacity=0.4, annotation_text=f"{count:.0f} labels a class")
    figure.update_layout(
        title="Airline tweets by reason: macro-F1 against labels asked for", template="plotly_white",
        xaxis_title="labels", yaxis_title="macro-F1",
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.write_html(path, include_plotlyjs=True)
