"""Send files to a running engine, and follow every record until it is stored or dead-lettered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from connectors.errors import Transient
from engine.intake.envelope import Envelope

#: What one request carries at most.
_MOST_RECORDS, _MOST_BYTES = 500, 4 << 20

#: Requests are repeated this long while the engine is away; the ids make that safe, s.
_PATIENCE_S = 180.0


class Api(Protocol):
    """What is needed of a client."""

    def post(self, path: str, body: Any, *, patience_s: float = 0) -> Any:
        """POST JSON, trying again for `patience_s`."""


class StillWaiting(Transient):
    """Not every record was processed within the time given."""


@dataclass(slots=True)
class Report:
    """What became of the records: read = duplicates + stored + dead_lettered once all are settled."""

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    stored: int | None = None
    dead_lettered: int | None = None
    seconds: float = 0.0
    pending: list[str] = field(default_factory=list, repr=False)

    def public(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("read", "accepted", "duplicates", "stored", "dead_lettered", "seconds")
        return {name: getattr(self, name) for name in names}


def send(api: Api, envelopes: Iterable[Envelope], tell: Callable[[int], None] = lambda done: None) -> Report:
    """Publish what the engine does not have yet.

    A record counts as a duplicate when the engine has stored or dead-lettered it before, or when it came
    earlier in the same run.

    Returns:
        The report; `pending` are the ids to wait for.

    Raises:
        Transient: the engine was away for too long; run the command again, nothing is doubled.
    """
    report, started = Report(), time.monotonic()
    mine: set[str] = set()
    for chunk in chunks(envelopes):
        report.read += len(chunk)
        first = {e.event_id: e for e in chunk if e.event_id not in mine}
        mine.update(first)
        states = api.post("/v1/complaints/lookup", {"ids": list(first)}, patience_s=_PATIENCE_S)["states"]
        new = [e for e, state in zip(first.values(), states, strict=True) if state == "unknown"]
        if new:
            body = {"envelopes": [json.loads(e.to_bytes()) for e in new]}
            api.post("/v1/envelopes", body, patience_s=_PATIENCE_S)
        report.accepted += len(new)
        report.duplicates += len(chunk) - len(new)
        report.pending += [e.event_id for e in new]
        tell(report.read)
    report.seconds = round(time.monotonic() - started, 3)
    return report


def wait(api: Api, report: Report, limit_s: float, tell: Callable[[int], None] = lambda done: None) -> Report:
    """Wait until every pending record is stored (and found by search) or dead-lettered.

    Raises:
        StillWaiting: not within `limit_s`; the records are safe in the stream.
    """
    started, waiting = time.monotonic(), list(report.pending)
    counts = {"stored": 0, "dead_lettered": 0}
    while waiting:
        left = []
        for start in range(0, len(waiting), 5000):
            part = waiting[start : start + 5000]
            states = api.post("/v1/complaints/lookup", {"ids": part}, patience_s=_PATIENCE_S)["states"]
            for key, state in zip(part, states, strict=True):
                if state in counts:
                    counts[state] += 1
                else:
                    left.append(key)
        waiting = left
        tell(len(report.pending) - len(waiting))
        if waiting:
            if time.monotonic() - started > limit_s:
                raise StillWaiting(
                    f"{len(waiting)} of {len(report.pending)} records are still being processed after {limit_s:.0f} s; "
                    "they are safe in the stream. Look at `beejan status`, or run the command again"
                )
            time.sleep(0.25)
    report.stored, report.dead_lettered = counts["stored"], counts["dead_lettered"]
    report.seconds = round(report.seconds + time.monotonic() - started, 3)
    return report


def chunks(envelopes: Iterable[Envelope]) -> Iterator[Sequence[Envelope]]:
    """Groups that one request can carry."""
    group: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        weight = 2 * len(envelope.payload) + 1000
        if group and (len(group) >= _MOST_RECORDS or size + weight > _MOST_BYTES):
            yield group
            group, size = [], 0
        group.append(envelope)
        size += weight
    if group:
        yield group
