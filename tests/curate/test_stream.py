"""What becomes of records that hang or kill their worker: the stream's own decisions, with workers that only pretend."""

import asyncio
import logging
from types import SimpleNamespace

import pytest

from engine.curate import alone, stream
from engine.curate.dataset import BatchFailed, time_limit
from engine.settings import load_settings
from tests.curate.test_held import envelope, message


class Message(SimpleNamespace):
    """One as nats-py delivers it, which notes its answer."""

    answer = None
    is_acked = False

    async def ack(self):
        self.answer = "ack"

    async def ack_sync(self, timeout):
        self.answer = "ack"

    async def nak(self, delay):
        self.answer = "nak"


class World:
    """Workers in pretended time: a record `dies` at once, `hangs` until its limit."""

    def __init__(self, settings, monkeypatch):
        self.now, self.runs, self.committed, self.refused = 1000.0, [], [], []
        self.kills, self.hangs, self.hangs_alone = set(), set(), True
        self.settings = settings
        monkeypatch.setattr(stream, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(stream, "run_batch", self.run_batch)
        monkeypatch.setattr(
            stream, "_commit", lambda blocks: self.committed.extend(k for block in blocks for k in block)
        )
        monkeypatch.setattr(stream.actors, "writer_call", lambda name, ids: ["unknown"] * len(ids))
        monkeypatch.setattr(alone, "process", self.alone)
        monkeypatch.setattr(stream.Stream, "_refused", self.refuse)
        self.stream = stream.Stream(settings, None, "context")

    def refuse(self, _, batch=None):
        batch = batch or _
        self.refused += [(row.envelope.source_key, row.envelope.defect_code) for row in batch.rows]
        return [row.envelope.source_key for row in batch.rows]

    def run_batch(self, table, context, now, *, limit_s, retries):
        keys = table["source_key"].to_pylist()
        self.runs.append(len(keys))
        if self.kills & set(keys):
            raise BatchFailed("WorkerCrashedError")
        if self.hangs & set(keys):
            self.now += limit_s
            raise BatchFailed("WorkerCrashedError")
        self.now += 0.1
        return [keys]

    def alone(self, settings, context, table, now, limit_s):
        (key,) = table["source_key"].to_pylist()
        if key in self.kills:
            raise alone.Failed(alone.DIED, "died")
        if self.hangs_alone:
            self.now += limit_s
            raise alone.Failed(alone.HUNG, "hung")
        return [key]

    def deliver(self, keys, deliveries=1):
        """Have messages of one record each worked through; gives the answer to each."""
        messages = []
        for seq, key in enumerate(keys, 1):
            one = message(seq, envelope(key).to_bytes(), deliveries)
            messages.append(Message(data=one.data, subject=one.subject, metadata=one.metadata))

        async def work():
            await self.stream._take(messages)
            while self.stream._sifting:
                await asyncio.wait(self.stream._sifting)
                self.stream._reap()
            await self.stream._settle()

        asyncio.run(work())
        return {key: one.answer for key, one in zip(keys, messages, strict=True)}


@pytest.fixture
def world(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.CRITICAL)
    return World(load_settings(data_dir=tmp_path, intake={"batch_timeout_s": 10}), monkeypatch)


KEYS = [f"r{n}" for n in range(300)]


def test_a_record_that_hangs_is_dead_lettered_at_its_first_delivery_where_the_others_pass(world):
    world.hangs = {"r170"}
    began = world.now
    answers = world.deliver(KEYS)
    assert set(answers.values()) == {"ack"}
    assert sorted(world.committed) == sorted(KEYS)
    assert world.refused == [("r170", "hung")]
    # The whole, five parts, 64 records one by one: 10 s, 5 s, 5 s and 10 s alone go to the one that hangs.
    assert world.runs[0] == 300
    assert sorted(set(world.runs)) == [1, 44, 64, 300]
    assert world.now - began == pytest.approx(30 + 0.1 * (4 + 63))


def test_a_record_that_kills_is_dead_lettered_at_its_fifth_delivery(world):
    world.kills = {"r7"}
    answers = world.deliver(KEYS)
    assert {key for key, answer in answers.items() if answer == "nak"} == {"r7"}
    assert len(world.committed) == 299
    for deliveries in (2, 3, 4):
        assert world.deliver(["r7"], deliveries) == {"r7": "nak"}
    assert world.refused == []
    assert world.deliver(["r7"], 5) == {"r7": "ack"}
    assert world.refused == [("r7", "worker_died")]


def test_where_nothing_passes_no_record_is_blamed(world):
    world.hangs = set(KEYS)
    answers = world.deliver(KEYS[:3])
    assert set(answers.values()) == {"nak"}
    assert (world.refused, world.committed) == ([], [])


def test_a_record_that_was_only_slow_passes_in_a_process_of_its_own(world):
    world.hangs, world.hangs_alone = {"r5"}, False
    assert set(world.deliver(KEYS[:10]).values()) == {"ack"}
    assert world.refused == []
    assert sorted(world.committed) == sorted(KEYS[:10])


def test_a_known_suspect_does_not_go_through_the_workers_with_others(world):
    world.kills = {"r7"}
    world.deliver(KEYS[:10])
    world.runs.clear()
    world.deliver(KEYS[5:20], 2)
    assert sorted(world.runs) == [1, 14]


def test_when_it_is_told_to_stop_what_is_not_sifted_comes_again(world):
    world.kills = {"r0"}
    world.stream.stop()
    assert set(world.deliver(KEYS[:10]).values()) == {"nak"}


def test_a_small_part_has_half_the_time_and_twenty_seconds_at_most():
    assert [time_limit(rows, 10) for rows in (1, 64, 192, 256, 4096)] == [5, 5, 7.5, 10, 10]
    assert [time_limit(rows, 120) for rows in (1, 64, 256)] == [20, 30, 120]
