"""An incident's evidence: the words that stand out, complaints to read, and the counts behind it."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import datetime
from typing import Any

from engine.store import filters
from engine.surge.incidents import Incident
from engine.surge.judge import Grid
from engine.surge.segments import parse
from models.surge import Found

_WORD = re.compile(r"[^\W\d_]{3,}")
_PLACEHOLDER = re.compile(r"<[A-Z]+_[0-9a-f]{4}>")
_ROWS = 2000
_COLUMNS = ["event_id", "text", "occurred_at", "priority"]

#: Points of the series before the surge's start.
_LEAD = 24


def collect(complaints: Any, incident: Incident, counts: Grid, found: Found) -> dict[str, Any]:
    """Terms, exemplars and series.

    Args:
        complaints: a reader of serving.complaints.
        incident: whose evidence.
        counts: the grid that was judged.
        found: the detector's output over it.
    """
    end = incident.ended_at or counts.time(len(counts.counts))
    inside = _rows(complaints, {k: [v] for k, v in parse(incident.segment).items()}, incident.started_at, end)
    around = _rows(complaints, {}, counts.first, incident.started_at)
    return {
        "terms": _terms([row["text"] for row in inside], [row["text"] for row in around]),
        "exemplars": _exemplars(inside),
        "series": _series(incident, counts, found),
    }


def _rows(complaints: Any, equals: dict[str, list[str]], since: datetime, until: datetime) -> list[dict[str, Any]]:
    condition = filters.where(equals, since, until)
    rows: list[dict[str, Any]] = complaints.search().where(condition).select(_COLUMNS).limit(_ROWS).to_list()
    return rows


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(_PLACEHOLDER.sub(" ", text).casefold()) if len(word) < 30}


def _terms(inside: list[str], around: list[str]) -> list[dict[str, Any]]:
    """Words by signed log-likelihood ratio of documents inside against before (Dunning 1993)."""
    here = Counter(word for text in inside for word in _words(text))
    there = Counter(word for text in around for word in _words(text))
    n, m = max(len(inside), 1), max(len(around), 1)
    scored = [
        (_log_likelihood(count, there[word], n, m), word, count)
        for word, count in here.items()
        if count >= 2 and count / n > there[word] / m
    ]
    return [{"term": word, "count": count} for _, word, count in sorted(scored, reverse=True)[:8]]


def _log_likelihood(a: int, b: int, n: int, m: int) -> float:
    mean = (a + b) / (n + m)
    return 2 * sum(x * math.log(x / (size * mean)) for x, size in ((a, n), (b, m)) if x)


def _exemplars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Up to five complaints, the most urgent first, no two alike."""
    chosen: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda r: (r["priority"] or "P9", r["occurred_at"])):
        mine = _words(row["text"])
        if all(len(mine & _words(c["text"])) < 0.6 * max(len(mine), 1) for c in chosen):
            chosen.append({"event_id": row["event_id"], "text": row["text"][:400]})
        if len(chosen) == 5:
            break
    return chosen


def _series(incident: Incident, counts: Grid, found: Found) -> list[dict[str, Any]]:
    column = counts.column(incident.segment)
    start = int((incident.started_at - counts.first).total_seconds() // counts.bucket_s)
    last = len(counts.counts)
    if incident.ended_at is not None:
        last = min(last, int((incident.ended_at - counts.first).total_seconds() // counts.bucket_s) + _LEAD // 2)
    return [
        {
            "bucket": counts.time(t).isoformat(),
            "count": int(counts.counts[t, column]),
            "expected": round(float(found.expected[t, column]), 3),
        }
        for t in range(max(0, start - _LEAD), last)
    ]
