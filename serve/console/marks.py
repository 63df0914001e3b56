"""Jinja filters: masked values as chips, times, segments and numbers for people."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from markupsafe import Markup, escape

_PLACEHOLDER = re.compile(r"&lt;([A-Z]{2,12})_([0-9a-f]{4})&gt;")


def chips(text: str) -> Markup:
    """Escaped text with `<PHONE_a91c>` as a small chip, and line breaks kept."""
    escaped = str(escape(text))
    marked = _PLACEHOLDER.sub(
        lambda m: f'<span class="chip" title="{m[1].lower()} {m[2]}, masked">{m[1].lower()} <i>{m[2]}</i></span>',
        escaped,
    )
    return Markup(marked)  # noqa: S704 -- escaped above


def when(value: str | None) -> Markup:
    """A time as `<time>`; UTC."""
    if not value:
        return Markup("–")
    shown = datetime.fromisoformat(value).strftime("%d %b %Y, %H:%M")
    return Markup('<time datetime="{}">{} UTC</time>').format(value, shown)


def segment(value: str) -> str:
    """`category=network|region=Lagos` as `network · Lagos`."""
    return " · ".join(words(unquote(part.partition("=")[2])) for part in value.split("|"))


def words(value: Any) -> str:
    """An id as words: `call_center` is call center, `network.no_signal` is network: no signal."""
    return str(value).replace(".", ": ").replace("_", " ") if value is not None else "–"


def number(value: float) -> str:
    """With thousands separated."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
