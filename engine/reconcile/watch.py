"""The reconciler beside the stream: does everything that was accepted arrive, and do the tables agree?

Each look compares the publishers' ledgers, the stream, its consumer and the tables. What does not add up is a
gap: it is logged, told on `alerts.integrity` and kept in `<data>/integrity.json`, until it is there no more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.errors import Transient
from connectors.nats import publish_retrying
from connectors.nats_server import write_private
from connectors.nats_stream import StreamState, look, message
from engine.intake.envelope import Delivery
from engine.intake.pack import unpack
from engine.reconcile import gaps
from engine.reconcile.gaps import Gap
from engine.reconcile.outstanding import Outstanding
from engine.settings import Settings

log = logging.getLogger("beejan.reconcile")

FILE = "integrity.json"
SEEN = "integrity.seen.json"
SUBJECT = "alerts.integrity"

#: Messages that are opened in one look; the rest is opened in the next ones.
_MOST_OPENED = 2000

#: Acknowledged sequences that are compared with raw in one look.
_MOST_VERIFIED = 200_000

#: Looks for which the tables have to disagree: a commit that failed halfway is tried again meanwhile.
_LOOKS = 2

Writer = Callable[..., Any]


@dataclass(slots=True)
class Memory:
    """What is kept from look to look, outside NATS.

    Args:
        high_seq: the highest sequence seen in the stream, or told to a publisher.
        fell_from: the highest sequence from which the stream has fallen.
        verified_seq: up to here every acknowledged message is known to be in the tables.
        floor_seq: the acknowledgement floor, and since when it has not moved while messages waited.
        rewound: falls of the last sequence that no repair has looked at, as (from, to).
        given_up: lost records that somebody has accepted, by the first 16 digits of their event ids.
        unsure: looks for which a kind of gap between tables has been seen.
    """

    high_seq: int = 0
    fell_from: int = 0
    verified_seq: int = 0
    floor_seq: int = -1
    floor_since: str = ""
    rewound: list[list[int]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    unsure: dict[str, int] = field(default_factory=dict)


def load(data_dir: Path) -> dict[str, Any]:
    """The last look as JSON: `state` is ok, gaps or unknown, with `checked_at` and `gaps`."""
    try:
        found = json.loads((data_dir / FILE).read_text())
    except (OSError, ValueError):
        return {"state": "unknown", "checked_at": None, "gaps": []}
    return {name: found[name] for name in ("state", "checked_at", "outstanding", "gaps")}


class Reconciler:
    """Looks again and again.

    Args:
        settings: where the data lie.
        js: JetStream context that may look into the intake stream and tell alerts.
        consumer: the durable consumer's name.
        writer: calls a method of the writer by its name.
        raw: a reader of raw.envelopes.
    """

    def __init__(self, settings: Settings, js: Any, consumer: str, writer: Writer, raw: Any) -> None:
        self._settings, self._js, self._consumer = settings, js, consumer
        self._writer, self._raw = writer, raw
        self._path = settings.data_dir / FILE
        self._outstanding = Outstanding(settings.data_dir / "ledger")
        self._memory = self._remembered()
        self._opened: dict[int, set[int]] = {}
        self._given_up = set(self._memory.given_up)

    def _remembered(self) -> Memory:
        try:
            return Memory(**json.loads(self._path.read_text())["memory"])
        except (OSError, ValueError, KeyError, TypeError):
            return Memory()

    async def step(self, now: datetime) -> list[Gap]:
        """Look once; returns the gaps there are.

        Raises:
            Transient: NATS or the writer is away; the next look does it.
        """
        self._heed()
        # In this order: what a ledger or the consumer says now is in the tables by the time they are asked.
        noted = await asyncio.to_thread(self._outstanding.read)
        # A stream that grew and fell between two looks was seen by its publishers only. What is not higher than an
        # earlier fall may be a note from before it.
        if noted > self._memory.fell_from:
            self._memory.high_seq = max(self._memory.high_seq, noted)
        state = await look(self._js, self._settings.nats.stream, self._consumer)
        await asyncio.to_thread(self._outstanding.settle, lambda ids: self._writer("settled", ids))
        found = [*self._fallen(state), *self._stalled(state, now)]
        found += await self._accepted(state)
        found += await self._acknowledged(state)
        found += self._lasting(gaps.balance(await asyncio.to_thread(self._writer, "balance")))
        await self._tell(found, now)
        return found

    def _heed(self) -> None:
        """What a repair has looked at since is no news any more."""
        path = self._settings.data_dir / SEEN
        try:
            seen = json.loads(path.read_text())
        except (OSError, ValueError):
            return
        self._memory.rewound = [pair for pair in self._memory.rewound if pair not in seen["rewound"]]
        self._given_up |= set(seen["given_up"])
        self._memory.given_up = sorted(self._given_up)
        path.unlink()

    def _fallen(self, state: StreamState) -> list[Gap]:
        """Whether the stream counts from a lower sequence than it had, now or before a repair."""
        memory = self._memory
        if state.last_seq < memory.high_seq:
            memory.rewound.append([memory.high_seq, state.last_seq])
            memory.fell_from = max(memory.fell_from, memory.high_seq)
            memory.verified_seq = min(memory.verified_seq, state.last_seq)
            self._opened.clear()
            memory.high_seq = state.last_seq
        memory.high_seq = max(memory.high_seq, state.last_seq)
        if not memory.rewound:
            return []
        text = "; ".join(f"last sequence fell from {high} to {low}" for high, low in memory.rewound)
        lost = tuple((low + 1, high) for high, low in memory.rewound)
        return [Gap("rewound", sum(high - low + 1 for low, high in lost), text, lost)]

    def _stalled(self, state: StreamState, now: datetime) -> list[Gap]:
        memory = self._memory
        if state.ack_floor != memory.floor_seq or not state.waiting or not memory.floor_since:
            memory.floor_seq, memory.floor_since = state.ack_floor, now.isoformat()
            return []
        seconds = (now - datetime.fromisoformat(memory.floor_since)).total_seconds()
        if seconds < self._settings.reconcile.stall_s:
            return []
        text = f"{state.waiting} messages wait, and none after {state.ack_floor} was acknowledged for {seconds:.0f} s"
        return [Gap("stalled", state.waiting, text)]

    async def _accepted(self, state: StreamState) -> list[Gap]:
        """Records that senders were told are accepted: in no table, and not in the stream as they should be."""
        lost: list[_Item] = []
        skipped: list[_Item] = []
        for source, entries in self._outstanding.by_source():
            sequences = entries["seq"].astype(np.uint64)
            missing = gaps.absent(sequences, state)
            # What lies under an acknowledged sequence, or one that was given out twice, may be another record by now.
            doubtful = ~missing & ((sequences <= state.ack_floor) | self._given_twice(sequences))
            held = await self._held(sequences[doubtful].tolist())
            for entry, gone in zip(entries, missing, strict=True):
                item = _Item(int(entry["seq"]), int(entry["id"]), source)
                if f"{item.key:016x}" in self._given_up:
                    continue
                if gone or (item.seq in held and item.key not in held[item.seq]):
                    lost.append(item)
                elif item.seq in held and item.seq <= state.ack_floor:
                    skipped.append(item)
        return [*_named("lost", lost), *_named("skipped", skipped)]

    def _given_twice(self, sequences: NDArray[np.uint64]) -> NDArray[np.bool_]:
        found = np.zeros(len(sequences), dtype=bool)
        for high, low in self._memory.rewound:
            found |= (sequences > low) & (sequences <= high)
        return found

    async def _held(self, sequences: Iterable[int]) -> dict[int, set[int]]:
        """Sequence: the first 64 bits of the event ids in its message; empty where it cannot be read.

        A look opens a bounded number of messages; what it did not come to is left out, and the next one goes on.
        """
        now, wanted = datetime.now(UTC), sorted(set(sequences))
        if len(self._opened) > 25 * _MOST_OPENED:
            self._opened = {seq: ids for seq, ids in self._opened.items() if seq in set(wanted)}
        for seq in [seq for seq in wanted if seq not in self._opened][:_MOST_OPENED]:
            stored = await message(self._js, self._settings.nats.stream, seq)
            records = unpack(Delivery(stored.data, stored.subject, seq, 1), now) if stored else []
            self._opened[seq] = {int(key[:16], 16) for key, _ in records}
        return {seq: self._opened[seq] for seq in wanted if seq in self._opened}

    async def _acknowledged(self, state: StreamState) -> list[Gap]:
        """Messages that are acknowledged although the tables have none of their records, whoever published them."""
        memory = self._memory
        span = (memory.verified_seq + 1, min(state.ack_floor, state.last_seq, memory.verified_seq + _MOST_VERIFIED))
        if span[1] < span[0]:
            return []
        candidates = gaps.unexplained(span, state, await asyncio.to_thread(self._sequences, span))
        held = await self._held(candidates)
        keys = np.array(sorted({key for ids in held.values() for key in ids}), np.uint64)
        known = await asyncio.to_thread(self._writer, "settled", keys) if len(keys) else np.zeros(0, dtype=bool)
        absent = {int(key) for key in keys[~known]}
        wrong = [_Item(seq, key, "") for seq, ids in held.items() for key in ids & absent]
        unclear = [item.seq for item in wrong] + [seq for seq in candidates if seq not in held]
        memory.verified_seq = min([seq - 1 for seq in unclear] + [span[1]])
        noted = {int(key) for _, entries in self._outstanding.by_source() for key in entries["id"]}
        return _named("skipped", [item for item in wrong if item.key not in noted])

    def _sequences(self, span: tuple[int, int]) -> list[int]:
        query = self._raw.search().where(f"stream_seq >= {span[0]} AND stream_seq <= {span[1]}").select(["stream_seq"])
        found: list[int] = query.limit(2**31 - 1).to_arrow()["stream_seq"].to_pylist()
        return found

    def _lasting(self, found: list[Gap]) -> list[Gap]:
        """Those that were there at the last looks too."""
        seen = {gap.kind: self._memory.unsure.get(gap.kind, 0) + 1 for gap in found}
        self._memory.unsure = {str(kind): count for kind, count in seen.items()}
        return [gap for gap in found if seen[gap.kind] >= _LOOKS]

    async def _tell(self, found: list[Gap], now: datetime) -> None:
        before = {gap["kind"]: gap["count"] for gap in self._memory.gaps}
        merged = _merged(found)
        self._memory.gaps = [gap.public() for gap in merged]
        await asyncio.to_thread(self._save, now)
        for gap in merged:
            if before.get(gap.kind) != gap.count:
                log.error("integrity: %s, %d: %s. %s", gap.kind, gap.count, gap.found, gaps.MEANINGS[gap.kind])
                await self._publish(gap.public() | {"state": "open"}, now)
        for kind in before.keys() - {gap.kind for gap in merged}:
            log.info("integrity: %s is mended", kind)
            await self._publish({"kind": kind, "count": 0, "found": "mended", "state": "resolved"}, now)

    async def _publish(self, event: dict[str, Any], now: datetime) -> None:
        body = {"type": "integrity", "at": now.isoformat(), **event}
        identity = f"integrity:{event['kind']}:{event['count']}:{event['state']}:{now.timestamp():.0f}"
        try:
            await publish_retrying(self._js, SUBJECT, json.dumps(body).encode(), identity, limit_s=5)
        except Transient as error:
            log.warning("the gap stands in %s and was not told on %s: %s", FILE, SUBJECT, error)

    def _save(self, now: datetime) -> None:
        memory = {name: getattr(self._memory, name) for name in Memory.__slots__}
        body = {
            "state": "gaps" if self._memory.gaps else "ok",
            "checked_at": now.isoformat(),
            "outstanding": len(self._outstanding),
            "gaps": self._memory.gaps,
            "memory": memory,
        }
        write_private(self._path, json.dumps(body))


@dataclass(frozen=True, slots=True)
class _Item:
    """A record: its sequence, the first 64 bits of its event id, and its source where a ledger says it."""

    seq: int
    key: int
    source: str


def _named(kind: gaps.Kind, items: list[_Item]) -> list[Gap]:
    if not items:
        return []
    sources: dict[str, int] = {}
    for item in items:
        if item.source:
            sources[item.source] = sources.get(item.source, 0) + 1
    text = f"{len(items)} records" + "".join(f", {n} from {name}" for name, n in sorted(sources.items()))
    ids = tuple(dict.fromkeys(f"{item.key:016x}" for item in items))
    return [Gap(kind, len(items), text, gaps.ranges(item.seq for item in items), ids, sources)]


def _merged(found: list[Gap]) -> list[Gap]:
    """One gap a kind."""
    merged: dict[str, Gap] = {}
    for gap in found:
        one = merged.get(gap.kind)
        if one is None:
            merged[gap.kind] = gap
        else:
            pairs = {seq for low, high in (*one.sequences, *gap.sequences) for seq in range(low, high + 1)}
            merged[gap.kind] = Gap(
                gap.kind, one.count + gap.count, f"{one.found}; {gap.found}", gaps.ranges(pairs),
                tuple(dict.fromkeys((*one.ids, *gap.ids))), {**one.sources, **gap.sources},
            )  # fmt: skip
    return list(merged.values())
