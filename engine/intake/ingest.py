"""Send files to a running engine, and follow every record until it is stored or dead-lettered."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from connectors.errors import Transient
from engine.intake.envelope import Envelope
from engine.store.key_index import prefixes

#: What one request carries at most.
_MOST_RECORDS, _MOST_BYTES = 500, 4 << 20

#: Records that are looked up and published together.
_LOOKUP_RECORDS, _LOOKUP_BYTES = 5000, 32 << 20

#: Requests are repeated this long while the engine is away; the ids make that safe, s.
_PATIENCE_S = 180.0


class Api(Protocol):
    """What is needed of a client."""

    def post(self, path: str, body: Any, *, patience_s: float = 0) -> Any:
        """POST JSON, trying again for `patience_s`."""


class StillWaiting(Transient):
    """Not every record was processed within the time given."""


class Publisher(Protocol):
    """Where new envelopes go."""

    def publish(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Publish all; returns when each is durable. True where JetStream had one before."""


@dataclass(frozen=True, slots=True)
class OverHttp:
    """To the engine's API, in requests of a bounded size."""

    api: Api

    def publish(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """See Publisher; the API does not say which of a request were there before."""
        for part in chunks(envelopes):
            body = {"envelopes": [json.loads(e.to_bytes()) for e in part]}
            self.api.post("/v1/envelopes", body, patience_s=_PATIENCE_S)
        return [False] * len(envelopes)


class Ids:
    """Event ids in order, 32 bytes each: up to a million in memory, more in an unnamed file."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=32 << 20)  # noqa: SIM115 -- lives as long as this
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, ids: Iterable[str]) -> None:
        """Append."""
        data = b"".join(bytes.fromhex(i) for i in ids)
        self._file.seek(0, 2)
        self._file.write(data)
        self._count += len(data) // 32

    def parts(self, size: int) -> Iterator[list[str]]:
        """All of them, in lists of `size`."""
        at = 0
        while at < self._count:
            self._file.seek(32 * at)
            data = self._file.read(32 * size).hex()
            yield [data[i : i + 64] for i in range(0, len(data), 64)]
            at += size


class Seen:
    """Which ids came before in this run: 8 bytes each, their first 64 bits, in sorted runs.

    Two ids may share their bits, at 50 million (400 MB) with a chance of 1 in 15,000, so that a hit is to be published
    all the same: the writer keeps one row an id.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """(n,) bool: which came before; `ids` are distinct."""
        keys = prefixes(ids)
        found = np.zeros(len(keys), dtype=bool)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            found |= run[at] == keys
        if not found.all():
            self._runs.append(np.sort(keys[~found]))
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]) <= _RUN_ROWS:
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]))
        return found


#: Longer runs are not merged any more, so that a merge never doubles the memory.
_RUN_ROWS = 4 << 20


@dataclass(slots=True)
class Report:
    """What became of the records: read = duplicates + stored + dead_lettered once all are settled.

    `pending` are the ids to wait for and to count, `known` those to wait for that were in the stream before.
    """

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    stored: int | None = None
    dead_lettered: int | None = None
    seconds: float = 0.0
    pending: Ids = field(default_factory=Ids, repr=False)
    known: Ids = field(default_factory=Ids, repr=False)

    def public(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("read", "accepted", "duplicates", "stored", "dead_lettered", "seconds")
        return {name: getattr(self, name) for name in names}


def send(
    api: Api,
    envelopes: Iterable[Envelope],
    tell: Callable[[int], None] = lambda done: None,
    publisher: Publisher | None = None,
) -> Report:
    """Publish what the engine does not have yet, while the next records are read.

    A record counts as a duplicate when the engine has stored or dead-lettered it before, when JetStream has it, or
    when it came earlier in the same run.

    Args:
        api: the engine.
        envelopes: read as they are needed; two chunks are in memory.
        tell: told how many were read.
        publisher: where they go; default: over HTTP.

    Returns:
        The report; `pending` are the ids to wait for.

    Raises:
        Transient: the engine was away for too long; run the command again, nothing is doubled.
    """
    report, started, seen = Report(), time.monotonic(), Seen()
    to = publisher or OverHttp(api)
    with ThreadPoolExecutor(1) as pool:
        under_way: Future[None] | None = None
        for chunk in chunks(envelopes, _LOOKUP_RECORDS, _LOOKUP_BYTES):
            if under_way is not None:
                under_way.result()
            under_way = pool.submit(_send_chunk, api, chunk, seen, to, report)
            tell(report.read)
        if under_way is not None:
            under_way.result()
    tell(report.read)
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _send_chunk(api: Api, chunk: Sequence[Envelope], seen: Seen, to: Publisher, report: Report) -> None:
    first = {e.event_id: e for e in chunk}
    ids = list(first)
    before = seen.add(ids)
    states = api.post("/v1/complaints/lookup", {"ids": ids}, patience_s=_PATIENCE_S)["states"]
    new = [(i, not again) for i, state, again in zip(ids, states, before.tolist(), strict=True) if state == "unknown"]
    had = to.publish([first[i] for i, _ in new]) if new else []
    counted = [i for (i, fresh), known in zip(new, had, strict=True) if fresh and not known]
    report.pending.add(counted)
    report.known.add(i for (i, fresh), known in zip(new, had, strict=True) if fresh and known)
    report.read += len(chunk)
    report.accepted += len(counted)
    report.duplicates += len(chunk) - len(counted)


def wait(api: Api, report: Report, limit_s: float, tell: Callable[[int], None] = lambda done: None) -> Report:
    """Wait until every pending record is stored (and found by search) or dead-lettered.

    Raises:
        StillWaiting: not within `limit_s`; the records are safe in the stream.
    """
    started, counts, done = time.monotonic(), {"stored": 0, "dead_lettered": 0}, 0
    for ids, counted in ((report.pending, True), (report.known, False)):
        for part in ids.parts(_LOOKUP_RECORDS):
            left, pause = part, 0.1
            while left:
                states = api.post("/v1/complaints/lookup", {"ids": left}, patience_s=_PATIENCE_S)["states"]
                for state in states:
                    if state in counts and counted:
                        counts[state] += 1
                left = [key for key, state in zip(left, states, strict=True) if state not in counts]
                tell(done + len(part) - len(left))
                if left:
                    if time.monotonic() - started > limit_s:
                        rest = len(report.pending) - done - len(part) + len(left)
                        raise StillWaiting(
                            f"{rest} of {len(report.pending)} records are still being processed after {limit_s:.0f} s; "
                            "they are safe in the stream. Look at "
                            "`beejan status`, or run the command again"
                        )
                    time.sleep(pause)
                    pause = min(0.5, pause * 1.5)
            done += len(part)
    report.stored, report.dead_lettered = counts["stored"], counts["dead_lettered"]
    report.seconds = round(report.seconds + time.monotonic() - started, 3)
    return report


def chunks(
    envelopes: Iterable[Envelope], most_records: int = _MOST_RECORDS, most_bytes: int = _MOST_BYTES
) -> Iterator[Sequence[Envelope]]:
    """Groups that one request can carry."""
    group: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        weight = 2 * len(envelope.payload) + 1000
        if group and (len(group) >= most_records or size + weight > most_bytes):
            yield group
            group, size = [], 0
        group.append(envelope)
        size += weight
    if group:
        yield group
