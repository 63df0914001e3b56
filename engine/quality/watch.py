"""The watcher of quality: counts each record once, judges every channel, and tells what fails and what is well again.

It reads what the consumer has acknowledged: every record up to there is in the tables. An incident is stored before it
is told, and told until the feed has it; JetStream drops what it was told twice within its window.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connectors.errors import Transient
from connectors.lance import open_reader
from connectors.nats import publish_retrying
from connectors.nats_stream import StreamState, look, stored_at
from engine.quality import checks, hours
from engine.quality.hours import HISTORY_H, HOUR_S, Hour, Past
from engine.quality.judge import judge
from engine.quality.memory import Memory
from engine.quality.rules import Rules
from engine.settings import Settings
from engine.store import filters
from engine.tables import QUALITY, QUALITY_HOURS

log = logging.getLogger("beejan.quality")

SUBJECT = "alerts.quality"

#: A longer break between two looks is time in which the engine was not there: this, or four intervals, s.
_BREAK_S = 180.0

#: An hour is complete this long after its end: records received at its end are published by then, s.
_LATENESS_S = 60

#: Figures that changed are written this often where no state did, s: each writing is a version of the table.
_WRITE_EVERY_S = 300

#: Stream sequences that are counted at once.
_MOST_SEQUENCES = 20_000

Writer = Callable[..., Any]


class Watcher:
    """Looks again and again.

    Args:
        settings: where the data lie.
        rules: what the channels are held to.
        js: JetStream context that may look into the intake stream and tell alerts.
        consumer: the durable consumer's name.
        writer: calls a method of the writer by its name.

    Raises:
        StoreAway: a table is not there yet.
    """

    def __init__(self, settings: Settings, rules: Rules, js: Any, consumer: str, writer: Writer) -> None:
        self._settings, self._rules, self._js = settings, rules, js
        self._consumer, self._writer = consumer, writer
        root, options = settings.zones_uri.rstrip("/"), settings.storage_options
        self._complaints = open_reader(f"{root}/serving", "complaints", options)
        self._dead = open_reader(f"{root}/raw", "dead_letters", options)
        self._memory = Memory.load(settings.data_dir)
        table = open_reader(f"{root}/serving", "quality", options)
        self._rows: dict[str, checks.Row] = {row["check_id"]: row for row in table.search().limit(100_000).to_list()}
        self._past = self._remembered(open_reader(f"{root}/serving", "quality_hours", options))
        self._written_at = 0.0

    def _remembered(self, table: Any) -> Past:
        # What is after it is counted anew, and everything where nothing is remembered.
        closed = datetime.fromtimestamp(self._memory.closed * HOUR_S, UTC)
        since = closed - timedelta(hours=min(HISTORY_H, self._memory.closed))
        where = f"hour >= {filters.moment(since)} AND hour <= {filters.moment(closed)}"
        rows = table.search().where(where).limit(2**31 - 1).to_list()
        past = Past(Hour.from_row(row) for row in rows)
        for hour in self._memory.open:
            past.put(hour)
        return past

    async def step(self, now: datetime) -> int:
        """Look once; returns how many events were told.

        Raises:
            Transient: NATS, the store or the writer is away; the next look does it.
        """
        state = await look(self._js, self._settings.nats.stream, self._consumer)
        horizon = await self._horizon(state, now)
        self._wake(now)
        counted = await asyncio.to_thread(self._count, state)
        closed = await asyncio.to_thread(self._close, horizon)
        rows = self._judge(now)
        await self._keep(rows, fresh=counted or closed)
        return await self._tell(now)

    async def _horizon(self, state: StreamState, now: datetime) -> float:
        """Until when everything that was received is in the tables: the oldest message that waits was stored then."""
        if not state.waiting:
            return now.timestamp()
        oldest = await stored_at(self._js, self._settings.nats.stream, state.ack_floor + 1)
        return max(min(oldest, now).timestamp() if oldest else 0.0, self._memory.horizon)

    def _wake(self, now: datetime) -> None:
        memory, moment = self._memory, now.timestamp()
        if not memory.began:
            memory.began = moment
            memory.closed = int(moment) // HOUR_S - HISTORY_H
        if moment - memory.looked_at > max(_BREAK_S, 4 * self._settings.quality.interval_s):
            memory.awake_since = moment
        memory.looked_at = moment

    def _count(self, state: StreamState) -> bool:
        """Count what was acknowledged since the last look; returns whether there was any."""
        memory, began = self._memory, self._memory.through
        last = state.ack_floor if state.waiting else max(state.ack_floor, state.last_seq)
        memory.through = min(memory.through, last)  # the stream may count from a lower sequence than it had
        while memory.through < last:
            upto = min(last, memory.through + _MOST_SEQUENCES)
            first = datetime.fromtimestamp((memory.closed + 1) * HOUR_S, UTC)
            where = f"stream_seq > {memory.through} AND stream_seq <= {upto} AND received_at >= {filters.moment(first)}"
            for one in hours.count(_scan(self._complaints, where, hours.COLUMNS), self._settings.quality.late_s):
                self._past.add(one)
            letters = _scan(self._dead, where, ("channel", "received_at", "attempt")).to_pylist()
            for one in hours.count_rejected(letters):
                self._past.add(one)
            memory.through = upto
        return memory.through != began

    def _close(self, horizon: float) -> bool:
        """Write down the hours that are complete; returns whether there were any."""
        memory, rows = self._memory, []
        upto = int(horizon - _LATENESS_S) // HOUR_S  # the hour that is going on
        for hour in range(memory.closed + 1, upto):
            rows += [one.to_row() for one in self._whole(hour)]
        changed = upto - 1 > memory.closed
        if rows:
            self._writer("put_quality", None, pa.Table.from_pylist(rows, schema=QUALITY_HOURS.schema))
        if changed:
            memory.closed = upto - 1
            self._past.forget(upto - HISTORY_H)
        memory.horizon = horizon
        return changed

    def _whole(self, hour: int) -> list[Hour]:
        """A complete hour of every channel; a channel that brought nothing in a watched hour has brought zero."""
        memory, channels = self._memory, self._past.channels()
        present = [self._past.of(channel).get(hour) for channel in channels]
        # Before the first look, an hour in which anything came in was one in which the engine was there.
        earlier = hour < memory.began // HOUR_S and any(one is not None for one in present)
        watched = earlier or memory.awake_since <= hour * HOUR_S
        found = []
        for channel, one in zip(channels, present, strict=True):
            if one is None and not watched:
                continue
            whole = one or Hour(channel, hour)
            whole.watched = watched
            self._past.put(whole)
            found.append(whole)
        return found

    def _judge(self, now: datetime) -> list[checks.Row]:
        memory, rules = self._memory, self._rules.batches
        kinds = {name: rule.check for name, rule in rules.items()}
        verdicts = judge(rules, self._past, memory.horizon, memory.awake_since, memory.closed)
        return checks.follow(verdicts, self._rows, kinds, now)

    async def _keep(self, rows: list[checks.Row], *, fresh: bool) -> None:
        """Store the checks where one moved, or after a while; then what was counted, so that none is counted twice."""
        moved = any(row["state"] != (self._rows.get(row["check_id"]) or {}).get("state") for row in rows)
        if moved or (fresh and time.monotonic() - self._written_at > _WRITE_EVERY_S):
            await asyncio.to_thread(self._put, rows)
        self._rows = {row["check_id"]: row for row in rows}
        self._memory.open = self._past.since(self._memory.closed + 1)
        await asyncio.to_thread(self._memory.save, self._settings.data_dir)

    def _put(self, rows: list[checks.Row]) -> None:
        self._writer("put_quality", pa.Table.from_pylist(rows, schema=QUALITY.schema), None)
        self._written_at = time.monotonic()

    async def _tell(self, now: datetime) -> int:
        told = []
        for row in self._rows.values():
            state = checks.to_tell(row)
            if state is None:
                continue
            body = checks.event(row, state) | {"at": now.isoformat()}
            identity = f"quality:{row['incident_id']}:{state}"
            try:
                await publish_retrying(self._js, SUBJECT, json.dumps(body).encode(), identity, limit_s=5)
            except Transient as error:
                log.warning("%s %s is told later: %s", row["incident_id"], state, error)
                continue
            log.warning("quality: %s of %s is %s: %s", row["rule"], row["scope"], state, row["why"])
            row["told"] = f"{row['incident_id']}:{state}"
            told.append(row)
        if told:
            await asyncio.to_thread(self._put, told)
        return len(told)


def _scan(table: Any, where: str, columns: tuple[str, ...]) -> pa.Table:
    return table.search().where(where).select(list(columns)).limit(2**31 - 1).to_arrow()
