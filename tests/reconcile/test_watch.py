"""Against a real nats-server and real tables."""

import asyncio
import json
from datetime import timedelta

import pytest

from connectors import nats_server
from connectors.lance import open_reader
from connectors.nats import ConsumerSpec, StreamSpec, ack_all, connect, ensure_consumer, ensure_stream, pull
from engine.curate.main import ALERTS, CONSUMER
from engine.intake.envelope import Delivery, Envelope, to_table
from engine.intake.ledger import Ledger
from engine.intake.pack import unpack
from engine.intake.publish import publish_all
from engine.reconcile import watch
from engine.reconcile.repair import repair
from engine.reconcile.watch import Reconciler
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from tests.conftest import NOW
from tests.connectors.test_nats import Server

STREAM = "COMPLAINTS"


def complaint(n, source="shop"):
    body = json.dumps({"text": f"complaint number {n} about the network", "region": "Lagos"})
    return Envelope("sms", source, str(n), body.encode(), "application/json", NOW)


class Engine:
    """Publisher, stream and writer without Ray."""

    def __init__(self, folder, context):
        self.settings, self.context = Settings(data_dir=folder), context
        self.server = Server(folder / "nats")
        self.writer = Writer(self.settings)
        self.ledger = Ledger(folder / "ledger", "api")
        self.reconciler = None
        self.time = NOW

    async def open(self):
        self.connection = await connect(self.server.target, "test", patient=False)
        self.js = self.connection.jetstream()
        await ensure_stream(self.js, STREAM, ["complaints.>"], StreamSpec(64 << 20, 1 << 20, 60))
        await ensure_stream(self.js, ALERTS, ["alerts.>"], StreamSpec(1 << 20, 1 << 20, 60, drop_old=True))
        await ensure_consumer(self.js, STREAM, ConsumerSpec(CONSUMER, 30, 8192))
        self.subscription = await self.js.pull_subscribe_bind(CONSUMER, STREAM)
        self.reconciler = self.new_reconciler()

    def new_reconciler(self):
        raw = open_reader(f"{self.settings.zones_uri}/raw", "envelopes")
        return Reconciler(self.settings, self.js, CONSUMER, self.call, raw)

    def call(self, method, *arguments):
        return getattr(self.writer, method)(*arguments)

    async def send(self, *envelopes):
        # One message a record, as small requests make them.
        for one in envelopes:
            await publish_all(self.js, [one], ledger=self.ledger)

    async def work(self, *, commit=True, most=1000):
        """Pull, commit and acknowledge what waits; without `commit` acknowledge alone."""
        done = 0
        while messages := await pull(self.subscription, most, 0.1):
            rows = [
                (key, envelope, m.metadata.sequence.stream)
                for m in messages
                for key, envelope in unpack(Delivery(m.data, m.subject, m.metadata.sequence.stream, 1), NOW)
            ]
            if commit:
                self.writer.commit(process(to_table(rows), self.context))
            await ack_all(messages)
            done += len(rows)
        return done

    async def look(self, after=timedelta(seconds=10)):
        self.time += after
        return {gap.kind: gap for gap in await self.reconciler.step(self.time)}

    async def restart(self, damage=lambda folder: None):
        await self.connection.close()
        nats_server.stop(self.server.process)
        damage(self.settings.data_dir / "nats" / "store")
        self.server.start()
        await self.open()

    async def told(self):
        state = (await self.js.stream_info(ALERTS)).state
        return [
            json.loads((await self.js.get_msg(ALERTS, seq)).data) for seq in range(state.first_seq, state.last_seq + 1)
        ]


@pytest.fixture
def run(tmp_path, context):
    made = Engine(tmp_path, context)

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


def flip(folder):
    """Change one bit in the middle of the stream's newest block."""
    block = max(folder.rglob(f"{STREAM}/msgs/*.blk"), key=lambda path: path.stat().st_size)
    data = bytearray(block.read_bytes())
    data[len(data) // 2] ^= 4
    block.write_bytes(data)
    # As after a crash: the server reads the block instead of trusting its own summary.
    for name in ("index.db",):
        (block.parent / name).unlink(missing_ok=True)


def test_where_everything_arrived_nothing_is_found(run):
    async def work(engine):
        await engine.send(*[complaint(n) for n in range(20)])
        assert await engine.look() == {}
        await engine.work()
        assert await engine.look() == {}
        seen = watch.load(engine.settings.data_dir)
        assert (seen["state"], seen["outstanding"], seen["gaps"]) == ("ok", 0, [])

    run(work)


def test_a_pack_of_records_has_one_sequence_and_is_no_gap(run):
    async def work(engine):
        await publish_all(engine.js, [complaint(n) for n in range(50)], ledger=engine.ledger)
        await engine.work()
        assert await engine.look() == {}

    run(work)


def test_a_record_that_was_sent_again_later_is_no_gap(run):
    async def work(engine):
        await engine.send(complaint(1))
        await engine.work()
        one = complaint(1)
        # Outside the window JetStream stores it once more, under a sequence that raw never has.
        await engine.js.publish(one.subject, one.to_bytes(), headers={"Nats-Msg-Id": "other"})
        await engine.work()
        assert await engine.look() == {}
        assert engine.reconciler._memory.verified_seq == 2

    run(work)


def test_a_flipped_bit_in_a_block_file_is_noticed_and_what_is_lost_is_named(run):
    async def work(engine):
        sent = [complaint(n, "shop" if n % 2 else "gateway") for n in range(40)]
        await engine.send(*sent[:10])
        await engine.work()
        await engine.send(*sent[10:])
        assert await engine.look() == {}
        await engine.restart(flip)
        assert (await engine.js.stream_info(STREAM)).state.last_seq < 40
        found = await engine.look()
        # The order of the stream: what was processed before is in raw and not lost.
        await engine.work()
        found = await engine.look()
        stored = {row[:16] for row in engine.writer._raw.scan(["event_id"])["event_id"].to_pylist()}
        lost = {e.event_id[:16] for e in sent} - stored
        assert lost
        assert found["rewound"].sequences[0][1] == 40
        assert set(found["lost"].ids) == lost
        assert sum(found["lost"].sources.values()) == len(lost)
        told = [event for event in await engine.told() if event["kind"] == "lost"]
        assert told[-1]["type"] == "integrity"
        assert told[-1]["state"] == "open"

        # Sent again from the source, everything is well, also where the sequences are given out anew.
        await engine.send(*[e for e in sent if e.event_id[:16] in lost])
        await engine.work()
        report = await repair(engine.settings, engine.js, engine.call)
        found = await engine.look()
        assert found == {}, found
        assert report["make_again"] == []

    run(work)


def test_a_stream_that_lost_only_what_raw_has_lost_nothing(run):
    async def work(engine):
        await engine.send(*[complaint(n) for n in range(40)])
        await engine.work()
        await engine.look()
        await engine.restart(flip)
        found = await engine.look()
        assert set(found) == {"rewound"}
        report = await repair(engine.settings, engine.js, engine.call)
        assert report["lost"]["count"] == 0
        assert await engine.look() == {}

    run(work)


def test_new_records_after_a_rewind_are_delivered_or_named(run):
    async def work(engine):
        await engine.send(*[complaint(n) for n in range(40)])
        await engine.work()
        await engine.look()
        await engine.restart(flip)
        fresh = [complaint(n) for n in range(100, 110)]
        await engine.send(*fresh)
        await engine.work()
        await engine.look()
        found = await engine.look()
        stored = {row[:16] for row in engine.writer._raw.scan(["event_id"])["event_id"].to_pylist()}
        missing = {e.event_id[:16] for e in fresh} - stored
        named = {i for gap in found.values() for i in gap.ids}
        assert missing == named
        await repair(engine.settings, engine.js, engine.call)
        await engine.work()
        assert await engine.look() == {}
        assert set(engine.writer.lookup([e.event_id for e in fresh])) == {"stored"}

    run(work)


def test_messages_acknowledged_without_a_row_are_named_and_sent_through_again(run):
    async def work(engine):
        await engine.send(*[complaint(n) for n in range(5)])
        await engine.work()
        await engine.send(*[complaint(n) for n in range(5, 8)])
        await engine.work(commit=False)
        found = await engine.look()
        assert found["skipped"].sequences == ((6, 8),)
        assert found["skipped"].count == 3
        assert set(found["skipped"].ids) == {complaint(n).event_id[:16] for n in range(5, 8)}
        report = await repair(engine.settings, engine.js, engine.call)
        assert report["sent_again"] == 3
        assert await engine.work() == 3
        assert await engine.look() == {}
        assert (await engine.told())[-1]["state"] == "resolved"

    run(work)


def test_what_nobody_noted_is_checked_all_the_same(run):
    async def work(engine):
        await publish_all(engine.js, [complaint(1), complaint(2)])
        await engine.work(commit=False)
        found = await engine.look()
        assert set(found["skipped"].ids) == {complaint(n).event_id[:16] for n in (1, 2)}

    run(work)


def test_a_message_that_is_gone_before_it_was_processed_is_lost(run):
    async def work(engine):
        await engine.send(*[complaint(n) for n in range(3)])
        await engine.js.delete_msg(STREAM, 2)
        found = await engine.look()
        assert (found["lost"].sequences, found["lost"].sources) == (((2, 2),), {"shop": 1})
        report = await repair(engine.settings, engine.js, engine.call, give_up=True)
        assert report["lost"]["ids"] == [complaint(1).event_id[:16]]
        assert "lost" not in await engine.look()
        engine.reconciler = engine.new_reconciler()
        assert "lost" not in await engine.look()

    run(work)


def test_a_stream_that_grew_and_fell_between_two_looks_is_noticed(run):
    async def work(engine):
        await engine.look()
        await engine.send(*[complaint(n) for n in range(40)])
        await engine.work()
        await engine.restart(flip)
        last = (await engine.js.stream_info(STREAM)).state.last_seq
        assert (await engine.look())["rewound"].found == f"last sequence fell from 40 to {last}"
        await repair(engine.settings, engine.js, engine.call)
        engine.reconciler = engine.new_reconciler()
        assert await engine.look() == {}

    run(work)


def test_the_highest_sequence_is_remembered_over_a_restart_of_the_reconciler(run):
    async def work(engine):
        await engine.send(*[complaint(n) for n in range(5)])
        await engine.work()
        await engine.look()
        await engine.js.delete_stream(STREAM)
        await ensure_stream(engine.js, STREAM, ["complaints.>"], StreamSpec(64 << 20, 1 << 20, 60))
        await ensure_consumer(engine.js, STREAM, ConsumerSpec(CONSUMER, 30, 8192))
        engine.reconciler = engine.new_reconciler()
        found = await engine.look()
        assert found["rewound"].found == "last sequence fell from 5 to 0"

    run(work)


def test_a_floor_that_does_not_move_while_messages_wait_is_a_stall(run):
    async def work(engine):
        await engine.send(complaint(1))
        assert await engine.look() == {}
        assert await engine.look(timedelta(seconds=59)) == {}
        found = await engine.look(timedelta(seconds=2))
        assert found["stalled"].count == 1
        await engine.work()
        assert await engine.look(timedelta(seconds=120)) == {}
        assert await engine.look(timedelta(seconds=120)) == {}

    run(work)


def test_rows_that_a_table_lacks_are_named_and_made_again_from_raw(run):
    from engine.replay.run import Replay, Zones
    from engine.replay.select import Selection

    async def work(engine):
        await engine.send(*[complaint(n) for n in range(4)])
        await engine.work()
        gone = complaint(2).event_id
        engine.writer._curated._table.delete(f"event_id = '{gone}'")
        engine.writer._volumes._table.delete("segment = 'channel=sms'")
        assert await engine.look() == {}
        found = await engine.look()
        assert (found["tables"].count, found["volumes"].count) == (1, 4)
        report = await repair(engine.settings, engine.js, engine.call)
        assert report["make_again"] == [gone]
        assert report["volumes_corrected"] > 0

        def table(zone, name):
            return open_reader(f"{engine.settings.zones_uri}/{zone}", name)

        zones = Zones(table("raw", "envelopes"), table("raw", "dead_letters"), table("serving", "complaints"))
        one = Replay(
            zones, engine.context.data_key, lambda t: process(t, engine.context), engine.writer.replace, rewrite=True
        )
        one.run(Selection(ids=tuple(report["make_again"])))
        assert await engine.look() == {}
        assert engine.writer.missing() == {"raw": [], "curated": [], "serving": []}

    run(work)
