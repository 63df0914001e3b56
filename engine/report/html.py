"""A report as one HTML file: its plots' script is in it, and it asks for nothing from anywhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

_TITLES = {
    "category": "Categories", "priority": "Priorities", "channel": "Channels", "region": "Regions",
    "product": "Products", "language": "Languages",
}  # fmt: skip

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8886 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.plot { height: 22rem }
"""


def page(found: dict[str, Any]) -> str:
    """The file.

    Args:
        found: of engine.report.figures.
    """
    title = f"Complaints, {found['kind']} report of {found['since'][:10]}"
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{_summary(found)}</p>",
            "<h2>Over time</h2>",
            _plot("time", _over_time(found)),
            _incidents(found["incidents"]),
            *(_section(by, series) for by, series in found["by"].items()),
            f"<p><small>{escape(found['since'])} to {escape(found['until'])}, version {found['version']} of "
            "serving.complaints; counts as complaints were classified in it.</small></p>",
            f"<script>{_script()}</script>",
            "<script>for (const one of document.querySelectorAll('.plot')) {"
            " const plot = JSON.parse(one.dataset.plot);"
            " Plotly.newPlot(one, plot.data, plot.layout, {responsive: true, displayModeBar: false}) }</script>",
            "</body></html>",
        ]
    )


def _script() -> str:
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    script: str = get_plotlyjs()
    return script


def _summary(found: dict[str, Any]) -> str:
    whole, opened = found["all"], len(found["incidents"])
    return (
        f"<strong>{whole['total']:,}</strong> complaints, {_change(whole)} against the period before "
        f"({whole['before']:,}); {opened} {'incident' if opened == 1 else 'incidents'}."
    )


def _change(one: dict[str, Any]) -> str:
    return "new" if one["change"] is None and one["total"] else f"{one['change'] or 0:+.0%}"


def _name(one: dict[str, Any]) -> str:
    return f"{one['other']} others" if "other" in one else "(none)" if one["value"] is None else str(one["value"])


def _over_time(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "bar", "name": _name(one), "x": found["buckets"], "y": one["counts"]}
        for one in found["by"]["category"]
        if one["total"]
    ]


def _plot(key: str, data: list[dict[str, Any]]) -> str:
    layout = {
        "barmode": "stack", "margin": {"t": 20, "r": 20}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "font": {"color": "#888"}, "legend": {"orientation": "h"},
    }  # fmt: skip
    told = escape(json.dumps({"data": data, "layout": layout}))
    return f'<div class="plot" id="{key}" role="img" aria-label="Complaints over time" data-plot="{told}"></div>'


def _section(by: str, series: list[dict[str, Any]]) -> str:
    rows = [
        f'<tr><td>{escape(_name(one))}</td><td class="n">{one["total"]:,}</td><td class="n">{one["before"]:,}</td>'
        f'<td class="n">{_change(one)}</td></tr>'
        for one in series
    ]
    head = '<tr><th></th><th class="n">complaints</th><th class="n">before</th><th class="n">change</th></tr>'
    return f"<h2>{_TITLES[by]}</h2><table>{head}{''.join(rows)}</table>"


def _incidents(found: list[dict[str, Any]]) -> str:
    if not found:
        return "<h2>Incidents</h2><p>None.</p>"
    rows = [
        f"<tr><td>{escape(one['segment'])}</td><td>{escape(str(one['severity']))}</td><td>{escape(one['state'])}</td>"
        f'<td>{escape(one["started_at"])}</td><td class="n">{one["observed"]}</td>'
        f'<td class="n">{one["expected"]:.0f}</td></tr>'
        for one in found
    ]
    head = (
        "<tr><th>segment</th><th>severity</th><th>state</th><th>started</th>"
        '<th class="n">observed</th><th class="n">expected</th></tr>'
    )
    return f"<h2>Incidents</h2><table>{head}{''.join(rows)}</table>"
