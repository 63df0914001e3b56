"""The watcher against a real nats-server and real tables."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from connectors import nats_server
from connectors.lance import open_reader
from engine.curate.main import CONSUMER
from engine.intake.envelope import Envelope
from engine.quality.hours import HOUR_S, Hour
from engine.quality.memory import Memory
from engine.quality.rules import Rules
from engine.quality.watch import Watcher
from engine.settings import Settings
from engine.tables import QUALITY_HOURS
from tests.conftest import NOW
from tests.reconcile.test_watch import Engine

RULES = Rules.model_validate({"version": "1", "batches": {"silent": {"check": "freshness", "missed": 20}}})
WEEK = 168


def complaint(n, at, text="no network"):
    return Envelope("sms", "gw", str(n), f'{{"text": "{text} {n}"}}'.encode(), "application/json", at)


class Watched(Engine):
    """With a channel that has brought ten complaints an hour for five weeks, up to `at`."""

    def __init__(self, folder, context):
        super().__init__(folder, context)
        # Looks may lie four hours apart before they are a break.
        self.settings = Settings(data_dir=folder, quality={"interval_s": 3600})
        self.watcher = None

    def past(self, at):
        hour = int(at.timestamp()) // HOUR_S
        rows = []
        for number in range(hour - 5 * WEEK, hour):
            end = (number + 1) * HOUR_S
            rows.append(Hour("sms", number, True, 10, 10, 0, end, end, Counter(time_given=10)).to_row())
        self.writer.put_quality(None, pa.Table.from_pylist(rows, schema=QUALITY_HOURS.schema))
        long_ago = (hour - 5 * WEEK) * HOUR_S
        memory = Memory(0, hour - 1, long_ago, at.timestamp(), long_ago, at.timestamp())
        memory.save(self.settings.data_dir)

    def watch(self, rules=RULES):
        self.watcher = Watcher(self.settings, rules, self.js, CONSUMER, self.call)

    async def quality(self, at):
        return await self.watcher.step(at)

    def hours(self):
        table = open_reader(f"{self.settings.zones_uri}/serving", "quality_hours")
        return {(row["channel"], row["hour"]): row for row in table.search().limit(10_000).to_list()}

    def check(self):
        (row,) = open_reader(f"{self.settings.zones_uri}/serving", "quality").search().limit(9).to_list()
        return row


@pytest.fixture
def run(tmp_path, context):
    made = Watched(tmp_path, context)

    def go(work):
        async def whole():
            await made.open()
            try:
                await work(made)
            finally:
                await made.connection.close()

        asyncio.run(whole())

    yield go
    nats_server.stop(made.server.process)
    made.writer.close()


def minutes(n):
    return NOW + timedelta(minutes=n)


def test_a_channel_that_stops_is_one_incident_through_a_restart_and_closes_when_it_is_back(run):
    async def work(engine):
        engine.past(NOW)
        engine.watch()
        await engine.send(complaint(1, minutes(5)))
        await engine.work()
        # Ten an hour: twenty are missed two hours after 12:05.
        told = [await engine.quality(minutes(n)) for n in (10, 60, 124, 130)]
        assert told == [0, 0, 0, 1]
        assert engine.check()["state"] == "open"
        engine.watch()
        assert await engine.quality(minutes(180)) == 0
        await engine.send(complaint(2, minutes(185)))
        await engine.work()
        assert await engine.quality(minutes(190)) == 1
        assert await engine.quality(minutes(191)) == 0
        opened, closed = [event for event in await engine.told() if event["type"] == "quality"]
        assert (opened["rule"], opened["scope"], opened["state"]) == ("silent", "sms", "open")
        assert (closed["incident_id"], closed["state"]) == (opened["incident_id"], "closed")
        assert engine.check()["closed_at"] == minutes(190)

    run(work)


def test_a_late_complaint_does_not_end_the_silence_and_a_replayed_one_neither(run):
    async def work(engine):
        engine.past(NOW)
        engine.watch()
        old = Envelope(
            "sms",
            "gw",
            "9",
            b'{"text": "no network", "occurred_at": "2026-01-01T10:00:00Z"}',
            "application/json",
            minutes(120),
        )
        await engine.send(old)
        await engine.work()
        assert await engine.quality(minutes(130)) == 1
        assert engine.check()["state"] == "open"

    run(work)


def test_while_messages_wait_the_engine_is_late_and_not_the_channel(run):
    async def work(engine):
        now = datetime.now(UTC)
        engine.past(now)
        engine.watch()
        await engine.send(complaint(1, now))
        later = now + timedelta(hours=3)
        assert await engine.quality(later) == 0
        assert engine.watcher._memory.horizon < (now + timedelta(hours=1)).timestamp()
        await engine.work()
        # Now all that was received is counted, and nothing came for three hours.
        assert await engine.quality(later + timedelta(minutes=1)) == 1

    run(work)


def test_after_a_break_of_the_engine_no_channel_is_called_silent(run):
    async def work(engine):
        engine.past(NOW)
        engine.watch()
        assert await engine.quality(minutes(10)) == 0
        assert await engine.quality(minutes(10 + 9 * 60)) == 0
        assert await engine.quality(minutes(10 + 10 * 60)) == 0
        # Two hours after it is back, the channel still brings nothing.
        assert await engine.quality(minutes(10 + 11 * 60 + 10)) == 1
        hours = engine.hours()
        assert not hours.get(("sms", NOW + timedelta(hours=5)), {"watched": False})["watched"]
        assert hours["sms", NOW + timedelta(hours=10)]["watched"]
        assert hours["sms", NOW + timedelta(hours=10)]["rows"] == 0

    run(work)


def test_each_record_is_counted_once_however_often_the_watcher_dies(run):
    async def work(engine):
        engine.past(NOW)
        for n in range(6):
            texts = ("no network", "...") if n % 3 == 0 else ("no network",)
            await engine.send(*[complaint(f"{n}-{i}", minutes(1 + n), text) for i, text in enumerate(texts)])
            await engine.work()
            engine.watch()
            if n == 3:
                # It dies after the tables were written and before it noted how far it had counted.
                save, Memory.save = Memory.save, lambda *_: (_ for _ in ()).throw(OSError("died"))
                try:
                    with pytest.raises(OSError, match="died"):
                        await engine.quality(minutes(2 + n))
                finally:
                    Memory.save = save
                engine.watch()
            await engine.quality(minutes(2 + n))
        engine.watch()
        await engine.quality(minutes(65))
        row = engine.hours()["sms", NOW]
        assert (row["rows"], row["live"], row["rejected"], row["watched"]) == (8, 8, 0, True)

    run(work)


def test_dead_letters_are_counted_at_their_first_attempt(run):
    async def work(engine):
        engine.past(NOW)
        engine.watch()
        await engine.send(
            complaint(1, minutes(1)), Envelope("sms", "gw", "2", b'{"text": ""}', "application/json", minutes(1))
        )
        await engine.work()
        await engine.quality(minutes(65))
        row = engine.hours()["sms", NOW]
        assert (row["rows"], row["rejected"]) == (1, 1)

    run(work)


def test_a_first_look_learns_from_what_is_stored(run):
    async def work(engine):
        await engine.send(*[complaint(n, NOW - timedelta(hours=5, minutes=n)) for n in range(70)])
        await engine.work()
        engine.watch()
        await engine.quality(minutes(1))
        found = {hour: row["rows"] for (_, hour), row in engine.hours().items()}
        # Received from 05:51 to 07:00; the hour from 08:00 on nothing came and nobody watched.
        assert found == {NOW.replace(hour=5): 9, NOW.replace(hour=6): 60, NOW.replace(hour=7): 1}
        assert all(row["watched"] for row in engine.hours().values())

    run(work)
