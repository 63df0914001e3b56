"""Deliveries that come again: stopped processes beyond ack_wait, resends outside the window, ids twice in a batch."""

import asyncio
import json
import time

import pytest

from connectors.nats import connect
from engine.intake.envelope import Envelope
from engine.run import runtime
from tests.faults.flood import Flood, times
from tests.faults.verdict import judge, settle, strike

ACK_WAIT_S, WINDOW_S = 5, 1


@pytest.fixture(scope="module")
def engine(start):
    return start(BEEJAN_INTAKE__ACK_WAIT_S=str(ACK_WAIT_S), BEEJAN_NATS__DUPLICATE_WINDOW_S=str(WINDOW_S))


def stopped(engine, title, seconds):
    (process,) = (process for process, line in engine.processes() if title in line)
    process.suspend()
    try:
        time.sleep(seconds)
    finally:
        process.resume()


@pytest.mark.short
def test_the_writer_stopped_beyond_ack_wait(engine):
    flood = Flood(engine, "SIGSTOP writer beyond ack_wait")
    strike(flood, times(5), lambda: stopped(engine, "ray::WriterProcess", 3 * ACK_WAIT_S))


def test_the_driver_stopped_beyond_ack_wait(engine):
    flood = Flood(engine, "SIGSTOP driver beyond ack_wait")
    strike(flood, times(5), lambda: stopped(engine, "engine.curate.main", 3 * ACK_WAIT_S))


@pytest.mark.short
def test_everything_sent_again_outside_the_window(engine):
    first = Flood(engine, "resend outside the window")
    first.start()
    first.finish()
    time.sleep(2 * WINDOW_S)
    again = Flood(engine, first.fault)
    again.start()
    again.finish()
    assert sorted(again.acknowledged) == sorted(first.acknowledged)
    judge(again, 1).check()
    assert len(set(again.acknowledged)) == again.rows


@pytest.mark.short
def test_an_id_many_times_in_one_batch(engine):
    """Published past JetStream's de-duplication, so that one micro-batch holds them."""
    flood = Flood(engine, "ids twice in a batch")
    envelopes = [
        Envelope.from_bytes(_plain(flood.record(n % (flood.rows // 2)), flood.fault)) for n in range(flood.rows)
    ]
    asyncio.run(_published(engine, envelopes))
    flood.acknowledged = [envelope.event_id for envelope in envelopes]
    settle(engine, sorted(set(flood.acknowledged)))
    judge(flood, 2, note="rows counts publishes; half as many complaints").check()


def _plain(record, source):
    body = {"v": 1, "channel": "web_form", "source": source, "source_key": record["id"], "payload": json.dumps(record)}
    return json.dumps(body | {"content_type": "application/json", "received_at": "2026-03-02T12:00:00+00:00"}).encode()


async def _published(engine, envelopes):
    _, addresses = runtime.load(engine.folder)
    connection = await connect(addresses.nats, "faults")
    js = connection.jetstream()
    for start in range(0, len(envelopes), 200):
        part = envelopes[start : start + 200]
        # No Nats-Msg-Id: JetStream takes each.
        await asyncio.gather(*(js.publish(one.subject, one.to_bytes(), timeout=30) for one in part))
    await connection.close()
