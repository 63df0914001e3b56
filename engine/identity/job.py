"""A look for probable links beside a running engine: Splink in a worker of its own, decisions through the writer."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.identity.judge import judge
from engine.identity.probable import names_in, probable
from engine.run import actors
from engine.settings import Settings

log = logging.getLogger("beejan.identity")

_READS = ["event_id", "person_id", "identifiers", "text", "region", "product", "language", "occurred_at"]
_LIMIT_S = 600.0


class IdentityAway(Transient):
    """The worker of a look for probable links died."""


def tidy() -> int:
    """Have the writer bring rows and links up to date, piece by piece; returns how many it wrote.

    Raises:
        WriterAway: it does not answer.
    """
    done = 0
    while actors.writer_call("identity", "left", limit_s=_LIMIT_S):
        done += actors.writer_call("identity", "tidy", limit_s=_LIMIT_S)
    return done


def run(data_dir: Path) -> dict[str, Any]:
    """Bring persons up to date, look for probable links, and have the writer keep them.

    Returns:
        written: rows and links brought up to date; active and candidates: probable links; seconds.

    Raises:
        IdentityAway: the worker died; nothing is lost, run it again.
        WriterAway: the writer does not answer.
    """
    import ray

    from engine.run import runtime

    began = time.monotonic()
    settings, _ = runtime.load(data_dir)
    written = tidy()
    try:
        # A worker for this alone: what Splink and DuckDB took is given back.
        links = ray.get(ray.remote(num_cpus=0, max_calls=1, max_retries=1)(look).remote(settings))
    except ray.exceptions.RayError as error:
        log.warning("identity: the look for probable links ended with %s", type(error).__name__)
        raise IdentityAway("identity: the look for probable links failed; run it again") from error
    kept = actors.writer_call("identity", "decide", links, limit_s=_LIMIT_S) if links else 0
    written += tidy()
    active = sum(link["state"] == "active" for link in links)
    return {
        "active": active,
        "candidates": len(links) - active,
        "kept": kept,
        "written": written,
        "seconds": round(time.monotonic() - began, 1),
    }


def look(settings: Settings) -> list[dict[str, Any]]:
    """Probable links among the stored complaints."""
    root = settings.zones_uri.rstrip("/")
    table = open_reader(f"{root}/serving", "complaints", settings.storage_options)
    rows = table.search().select(_READS).limit(2**31 - 1).to_arrow().to_pylist()
    complaints = [
        {name: row[name] for name in ("event_id", "person_id", "region", "product", "language")}
        | {
            "identifiers": row["identifiers"] or [],
            "names": names_in(row["text"] or ""),
            "time": int(row["occurred_at"].timestamp()),
        }
        for row in rows
    ]
    return judge(probable(complaints, settings.identity.review_from), settings.identity.link_from)
