"""Jinja filters: masked values as chips, times, segments and numbers for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode

from markupsafe import Markup, escape

#: What the search page filters by.
FILTERS = (
    "channel", "category", "subcategory", "priority", "region", "product", "language", "cluster", "source", "customer",
)  # fmt: skip

_PLACEHOLDER = re.compile(r"&lt;([A-Z]{2,12})_([0-9a-f]{4})&gt;")
_CUT_PLACEHOLDER = re.compile(r"<[A-Z]{0,12}(?:_[0-9a-f]{0,4})?$")


def chips(text: str) -> Markup:
    """Escaped text with `<PHONE_a91c>` as a small chip, and line breaks kept."""
    escaped = str(escape(text))
    marked = _PLACEHOLDER.sub(
        lambda m: f'<span class="chip" title="{m[1].lower()} {m[2]}, masked">{m[1].lower()} <i>{m[2]}</i></span>',
        escaped,
    )
    return Markup(marked)  # noqa: S704 -- escaped above


def excerpt(text: str, most: int) -> str:
    """The first `most` characters, never half a placeholder, with an ellipsis where something is left out."""
    if len(text) <= most:
        return text
    return _CUT_PLACEHOLDER.sub("", text[:most]).rstrip() + "…"


def when(value: str | None) -> Markup:
    """A time as `<time>`, in UTC whatever its offset; one without an offset is UTC."""
    if not value:
        return Markup("–")
    moment = datetime.fromisoformat(value)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return Markup('<time datetime="{}">{} UTC</time>').format(value, moment.strftime("%d %b %Y, %H:%M"))


def segment(value: str) -> str:
    """`category=network|region=Lagos` as `network · Lagos`."""
    return " · ".join(words(part) for part in _parts(value).values())


def search_of(value: str, since: str | None = None, until: str | None = None) -> str | None:
    """Address of the search for a segment's complaints; None where the page has no filter for its dimensions."""
    parts = _parts(value)
    if not parts.keys() <= set(FILTERS):
        return None
    times = {name: time for name, time in (("since", since), ("until", until)) if time}
    return "/search?" + urlencode(parts | times)


def words(value: Any) -> str:
    """An id as words: `call_center` is call center, `network.no_signal` is network: no signal."""
    return str(value).replace(".", ": ").replace("_", " ") if value is not None else "–"


def number(value: float | None) -> str:
    """With thousands separated."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def spark(values: list[float] | None) -> Markup:
    """The points of a small trend as a drawing, 96 by 24, with its ends in words; nothing for under two points."""
    if not values or len(values) < 2:
        return Markup("")
    low, high = min(values), max(values)
    wide, tall = 92 / (len(values) - 1), 20 / ((high - low) or 1)
    points = " ".join(f"{2 + wide * n:.1f},{22 - tall * (value - low):.1f}" for n, value in enumerate(values))
    return Markup(
        '<svg class="spark" viewBox="0 0 96 24" width="96" height="24" role="img" '
        'aria-label="Trend of {} points: from {} to {}, between {} and {}">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    ).format(len(values), *(f"{v:.3g}" for v in (values[0], values[-1], low, high)), points)


def reliability(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Markup:
    """A calibration plot of one or two curves, 220 by 220: confidence to the right, the share that is right upwards.

    Args:
        curves: by name the points of models.classifier.reliability.
    """
    drawn = Markup("").join(
        Markup('<g class="k{}">{}</g>').format(
            place,
            Markup("").join(
                Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>').format(
                    10 + 200 * point["confidence"], 210 - 200 * point["accuracy"], 3 + min(5.0, point["of"] ** 0.5 / 8),
                    f"{name}: sure to {percent(point['confidence'])}, right in {percent(point['accuracy'])}"
                    f" of {number(point['of'])}",
                )
                for point in points
            ),
        )
        for place, (name, points) in enumerate(curves.items(), 1)
    )  # fmt: skip
    return Markup(
        '<svg class="plot" viewBox="0 0 220 220" role="img" aria-label="Calibration of {}; the table below has the '
        'numbers"><path class="frame" d="M10 10V210H210"/><path class="frame even" d="M10 210L210 10"/>{}</svg>'
    ).format(" and ".join(curves), drawn)


def columns(rows: Sequence[Mapping[str, Any]], what: str) -> Markup:
    """A trend as columns, 600 by 80: rows of `bucket` and `count`, the oldest first; nothing without rows."""
    if not rows:
        return Markup("")
    most, wide = max(row["count"] for row in rows) or 1, 600 / len(rows)
    bars = Markup("").join(
        Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}: {}</title></rect>').format(
            n * wide, 80 - 80 * row["count"] / most, wide * 0.85, 80 * row["count"] / most,
            _day_or_hour(row["bucket"]), number(row["count"]),
        )
        for n, row in enumerate(rows)
    )  # fmt: skip
    return Markup(
        '<svg class="columns" viewBox="0 0 600 80" preserveAspectRatio="none" role="img" aria-label="{}: {} to {}, at '
        'most {} at once">{}</svg>'
    ).format(what, _day_or_hour(rows[0]["bucket"]), _day_or_hour(rows[-1]["bucket"]), number(most), bars)


def zipped(buckets: Sequence[str], counts: Sequence[int]) -> list[dict[str, Any]]:
    """Rows for `columns` of two lists."""
    return [{"bucket": bucket, "count": count} for bucket, count in zip(buckets, counts, strict=True)]


def _day_or_hour(bucket: str) -> str:
    moment = datetime.fromisoformat(bucket)
    return moment.strftime("%d %b %Y" if moment.hour == moment.minute == 0 else "%d %b, %H:%M")


def signed(value: float | None) -> str:
    """A change of a share as whole percents with its sign."""
    return "–" if value is None else f"{100 * value:+,.0f} %"


def measure(value: float | None, kind: str) -> str:
    """What a check of quality observed, in the unit of its kind: a share, a span of time, a distance or a number."""
    if value is None:
        return "–"
    match kind:
        case "completeness" | "flagged" | "rejected":
            return percent(value)
        case "freshness":
            return f"{value / 60:,.0f} min" if value < 7200 else f"{value / 3600:,.1f} h"
        case "drift":
            return f"{value:.3f}"
    return number(value)


def percent(value: float | None) -> str:
    """A share of one as whole percents."""
    return "–" if value is None else f"{100 * value:.0f} %"


def _parts(value: str) -> dict[str, str]:
    return {name: unquote(text) for name, _, text in (part.partition("=") for part in value.split("|"))}
