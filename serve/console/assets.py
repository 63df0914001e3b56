"""The console's files: its templates, and scripts and styles at addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from serve.console import marks

_HERE = Path(__file__).parent
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
_KINDS = {"console.css": _STYLE} | dict.fromkeys(("console.js", "label.js", "map.js", "plotly.min.js"), _SCRIPT)

_FOREVER = "public, max-age=31536000, immutable"
_AN_HOUR = "public, max-age=3600"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    packed: bytes
    kind: str
    version: str


@lru_cache(maxsize=1)
def templates() -> Environment:
    """The templates; a value that a page forgot to pass is an error, not an empty string."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "chips": marks.chips, "excerpt": marks.excerpt, "when": marks.when, "segment": marks.segment,
        "number": marks.number, "percent": marks.percent, "words": marks.words, "search_of": marks.search_of,
        "spark": marks.spark, "measure": marks.measure, "reliability": marks.reliability, "columns": marks.columns,
        "signed": marks.signed,
    }  # fmt: skip
    environment.globals |= {"asset": address, "zipped": marks.zipped}
    return environment


@lru_cache(maxsize=len(_KINDS))
def find(name: str) -> Asset | None:
    """One of the console's files, or Plotly's script from its installed package; None for any other name."""
    if name not in _KINDS:
        return None
    if name == "plotly.min.js":
        body = importlib.resources.files("plotly").joinpath("package_data", name).read_bytes()
    else:
        body = (_HERE / "static" / name).read_bytes()
    return Asset(body, gzip.compress(body, 6, mtime=0), _KINDS[name], hashlib.sha256(body).hexdigest()[:16])


def address(name: str) -> str:
    """Where a page loads a file from; another content is another address, so it is kept for long.

    Raises:
        LookupError: no such file; a template names one that is not served.
    """
    found = find(name)
    if found is None:
        raise LookupError(f"asset {name!r}: expected one of {', '.join(_KINDS)}")
    return f"/static/{name}?v={found.version}"


def answer(request: Request, name: str) -> Response:
    """A file with its ETag, packed for who takes that; 304 for who has it, 404 for an unknown name."""
    found = find(name)
    if found is None:
        return Response("not found", 404, media_type="text/plain")
    packed = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{found.version}{"-gz" if packed else ""}"'
    headers = {
        "ETag": tag,
        "Vary": "Accept-Encoding",
        "Cache-Control": _FOREVER if request.query_params.get("v") == found.version else _AN_HOUR,
        "X-Content-Type-Options": "nosniff",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(found.packed if packed else found.body, media_type=found.kind, headers=headers)
