"""Against a real nats-server."""

import asyncio
import contextlib
import signal
import subprocess

import pytest

from connectors import nats_server
from connectors.errors import MessageTooLarge, NatsAway, PortTaken, StreamFull
from connectors.nats import (
    ConsumerSpec,
    Denied,
    NatsTarget,
    Refused,
    StreamDrift,
    StreamSpec,
    ack_all,
    advisories,
    connect,
    ensure_consumer,
    ensure_stream,
    follow,
    publish,
    pull,
    trim,
)


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.start()

    def start(self):
        self.config, self.credentials = nats_server.prepare(self.folder, 0, 1 << 20, 1 << 30)
        command = [str(nats_server.find_binary()), "-c", str(self.config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        nats_server.wait_ready(self.process, self.credentials, self.folder / "nats-server.log")
        self.target = NatsTarget(self.credentials.url, self.credentials.user, self.credentials.password)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path / "nats")
    yield running
    nats_server.stop(running.process)


SPEC = StreamSpec(8 << 20, 1 << 20, 60)


def with_connection(server, work):
    async def run():
        connection = await connect(server.target, "test", patient=False)
        try:
            return await work(connection.jetstream())
        finally:
            await connection.close()

    return asyncio.run(run())


def test_an_acknowledged_message_survives_kill_nine(server):
    async def send(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        return [(await publish(js, "s.a", b"x%d" % n, f"id{n}")).seq for n in range(50)]

    async def count(js):
        return (await js.stream_info("S")).state.messages

    assert with_connection(server, send) == list(range(1, 51))
    server.kill()
    server.start()
    assert with_connection(server, count) == 50


def test_the_same_message_id_is_stored_once(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        return await publish(js, "s.a", b"x", "one"), await publish(js, "s.a", b"x", "one")

    first, second = with_connection(server, work)
    assert (first.duplicate, second.duplicate, first.seq == second.seq) == (False, True, True)


def test_a_full_stream_pushes_back(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], StreamSpec(1 << 20, 1 << 20, 60))
        with pytest.raises(StreamFull, match="full"):
            for n in range(300):
                await publish(js, "s.a", b"x" * 8000, str(n))

    with_connection(server, work)


def test_a_message_over_the_limit_is_refused_with_its_size(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        with pytest.raises(MessageTooLarge, match="2097152 bytes"):
            await publish(js, "s.a", b"x" * (2 << 20), "big")

    with_connection(server, work)


def test_a_changed_configuration_is_applied_to_a_stream(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        same = await ensure_stream(js, "S", ["s.>"], SPEC)
        changed = await ensure_stream(js, "S", ["s.>"], StreamSpec(9 << 20, 1 << 20, 30))
        config = (await js.stream_info("S")).config
        again = await ensure_stream(js, "S", ["s.>"], StreamSpec(9 << 20, 1 << 20, 30))
        return same, changed, (config.max_bytes, config.duplicate_window), again

    same, changed, now, again = with_connection(server, work)
    assert (same, again) == ({}, {})
    assert changed == {"max_bytes": 9 << 20, "duplicate_window": 30}
    assert now == (9 << 20, 30)


def test_a_changed_configuration_is_applied_to_a_consumer_and_a_hand_made_change_is_not(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100))
        changed = await ensure_consumer(js, "S", ConsumerSpec("c", 20.0, 50))
        await js.add_consumer("S", (await js.consumer_info("S", "c")).config.evolve(max_ack_pending=7))
        for spec in (ConsumerSpec("c", 20.0, 50), ConsumerSpec("c", 20.0, 60)):
            with pytest.raises(StreamDrift, match=r"max_ack_pending is 7, must be [56]0\. .*doctor --repair"):
                await ensure_consumer(js, "S", spec)
        taken_back = await ensure_consumer(js, "S", ConsumerSpec("c", 20.0, 50), repair=True)
        config = (await js.consumer_info("S", "c")).config
        return changed, taken_back, (config.ack_wait, config.max_ack_pending)

    assert with_connection(server, work) == (
        {"ack_wait": 20.0, "max_ack_pending": 50},
        {"max_ack_pending": 50},
        (20.0, 50),
    )


def test_a_stream_made_by_others_is_taken_as_it_is_and_drift_in_it_is_refused(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        config = (await js.stream_info("S")).config
        await js.update_stream(config.evolve(metadata={"team": "care"}))
        with pytest.raises(StreamDrift, match=r"max_bytes is 8388608, must be 9437184"):
            await ensure_stream(js, "S", ["s.>"], StreamSpec(9 << 20, 1 << 20, 60))
        await ensure_stream(js, "S", ["s.>"], SPEC)
        await ensure_stream(js, "S", ["s.>"], StreamSpec(9 << 20, 1 << 20, 60))
        found = (await js.stream_info("S")).config
        return found.max_bytes, found.metadata["team"]

    assert with_connection(server, work) == (9 << 20, "care")


def test_what_is_not_acknowledged_comes_again(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        await ensure_consumer(js, "S", ConsumerSpec("c", 1.0, 100))
        for n in range(5):
            await publish(js, "s.a", b"%d" % n, str(n))
        subscription = await js.pull_subscribe_bind("c", "S")
        first = await pull(subscription, 10, 0.2)
        await ack_all(first[:3])
        await asyncio.sleep(1.2)
        again = await pull(subscription, 10, 0.2)
        return [m.data for m in first], [m.data for m in again]

    first, again = with_connection(server, work)
    assert first == [b"0", b"1", b"2", b"3", b"4"]
    assert again == [b"3", b"4"]


def test_trimming_removes_what_is_acknowledged_and_nothing_else(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100))
        for n in range(6):
            await publish(js, "s.a", b"%d" % n, str(n))
        subscription = await js.pull_subscribe_bind("c", "S")
        messages = await pull(subscription, 10, 0.2)
        await ack_all([messages[0], messages[1], messages[3]])
        kept = await trim(js, "S", "c", 1 << 20)
        gone = await trim(js, "S", "c", 10)
        state = (await js.stream_info("S")).state
        return kept, gone, state.first_seq, state.last_seq

    assert with_connection(server, work) == (0, 2, 3, 6)


def test_a_stream_that_drops_old_takes_what_is_new(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], StreamSpec(1 << 20, 1 << 20, 60, drop_old=True))
        for n in range(200):
            await publish(js, "s.a", b"x" * 8000, str(n))
        return (await js.stream_info("S")).state.last_seq

    assert with_connection(server, work) == 200


def test_following_goes_on_after_a_sequence(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        for n in range(4):
            await publish(js, "s.a", b"%d" % n, str(n))
        seen = []
        async with asyncio.timeout(5):
            with contextlib.suppress(asyncio.CancelledError):
                async for sequence, payload in follow(js, "s.>", 2):
                    seen.append((sequence, payload))
                    if len(seen) == 2:
                        break
        return seen

    assert with_connection(server, work) == [(3, b"2"), (4, b"3")]


def test_a_wrong_password_and_an_absent_server_are_told(server):
    wrong = NatsTarget(server.credentials.url, server.credentials.user, "nonsense")
    with pytest.raises(NatsAway, match=r"nats\.password"):
        asyncio.run(connect(wrong, "test", patient=False))
    with pytest.raises(NatsAway, match="no connection"):
        asyncio.run(connect(NatsTarget(f"nats://127.0.0.1:{nats_server.free_port()}"), "test", patient=False))


def test_the_configuration_syncs_always_and_is_private(server):
    text = server.config.read_text()
    assert "sync_interval: always" in text
    assert 'listen: "127.0.0.1:' in text
    assert oct(server.config.stat().st_mode & 0o777) == "0o600"


def test_a_taken_port_is_named(server):
    port = int(server.credentials.url.rsplit(":", 1)[1])
    with pytest.raises(PortTaken, match=str(port)):
        nats_server.check_port(port, "nats.port")


def as_role(server, role, work):
    async def run():
        target = NatsTarget(
            server.credentials.url, server.credentials.user, server.credentials.password, roles=server.credentials.roles
        )
        operator = await connect(target, "operator", patient=False)
        connection = await connect(target.role(role), role, patient=False)
        try:
            await ensure_stream(operator.jetstream(), "COMPLAINTS", ["complaints.>"], SPEC)
            await ensure_stream(operator.jetstream(), "ALERTS", ["alerts.>"], SPEC)
            await ensure_consumer(operator.jetstream(), "COMPLAINTS", ConsumerSpec("curate", 30.0, 100))
            await publish(operator.jetstream(), "complaints.a.b", b"x", "first")
            await publish(operator.jetstream(), "alerts.region", b"y", "second")
            return await work(connection.jetstream())
        finally:
            await connection.close()
            await operator.close()

    return asyncio.run(run())


def test_a_publisher_may_publish_and_may_not_read_or_delete(server):
    async def work(js):
        done = await publish(js, "complaints.sms.gateway", b"z", "third")
        for forbidden in (js.stream_info("COMPLAINTS"), js.purge_stream("COMPLAINTS"), js.delete_msg("COMPLAINTS", 1)):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(forbidden, 0.4)
        with pytest.raises(Denied, match=r"alerts\.region.*(?i:permissions violation)"):
            await publish(js, "alerts.region", b"z", "fourth", timeout_s=0.4)
        return done.seq

    assert as_role(server, "publisher", work) == 2


def test_an_ingester_pulls_and_acknowledges_and_may_not_publish(server):
    async def work(js):
        messages = await pull(await js.pull_subscribe_bind("curate", "COMPLAINTS"), 10, 0.2)
        await ack_all(messages)
        with pytest.raises(Denied, match=r"complaints\.a"):
            await publish(js, "complaints.a", b"z", "third", timeout_s=0.4)
        info = await js.consumer_info("COMPLAINTS", "curate")
        return len(messages), info.num_ack_pending

    assert as_role(server, "ingester", work) == (1, 0)


def test_a_reader_follows_alerts_and_sees_no_complaint(server):
    async def work(js):
        async with asyncio.timeout(5):
            async for _, payload in follow(js, "alerts.>", 0):
                seen = payload
                break
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(js.get_msg("COMPLAINTS", 1), 0.4)
        with pytest.raises(Denied):
            await publish(js, "complaints.a", b"z", "third", timeout_s=0.4)
        return seen, (await js.stream_info("COMPLAINTS")).state.messages

    assert as_role(server, "reader", work) == (b"y", 1)


def test_an_alerter_may_only_tell_alerts(server):
    async def work(js):
        told = await publish(js, "alerts.region", b"z", "third")
        with pytest.raises(Denied):
            await publish(js, "complaints.a", b"z", "fourth", timeout_s=0.4)
        return told.seq

    assert as_role(server, "alerter", work) == 2


def test_packs_are_pulled_by_their_records(server):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100))
        for n in range(20):
            await publish(js, "s.a", b"%d" % n, str(n), headers={"Count": "10"})
        subscription = await js.pull_subscribe_bind("c", "S")
        return [len(await pull(subscription, rows, 0.2, count_header="Count")) for rows in (35, 10, 500)]

    assert with_connection(server, work) == [4, 1, 15]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"max_age": 60.0}, "max_age is 60.0, must be 0"),
        ({"max_msgs": 5}, "max_msgs is 5, must be -1"),
        ({"max_msg_size": 1024}, "max_msg_size is 1024"),
        ({"max_msgs_per_subject": 9}, "max_msgs_per_subject is 9"),
        ({"duplicate_window": 5.0}, "duplicate_window is 5.0, must be 60"),
        ({"discard": "old"}, "discard is"),
        ({"subjects": ["s.>", "t.>"]}, "subjects is"),
        ({"deny_purge": True}, "deny_purge is True"),
        ({"allow_rollup_hdrs": True}, "allow_rollup_hdrs is True"),
        ({"no_ack": True}, "no_ack is True"),
    ],
)
def test_each_drift_of_a_stream_is_refused(server, change, shown):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        config = (await js.stream_info("S")).config.evolve(**change)
        await js.update_stream(config)
        with pytest.raises(StreamDrift, match=shown):
            await ensure_stream(js, "S", ["s.>"], SPEC)
        if "deny_purge" in change:  # no server takes that back
            with pytest.raises(Refused, match="can not cancel deny purge"):
                await ensure_stream(js, "S", ["s.>"], SPEC, repair=True)
            return
        assert list(await ensure_stream(js, "S", ["s.>"], SPEC, repair=True)) == list(change)
        assert await ensure_stream(js, "S", ["s.>"], SPEC) == {}

    with_connection(server, work)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"max_deliver": 3}, "max_deliver is 3, must be -1"),
        ({"filter_subject": "s.a"}, "filter_subject is 's.a'"),
        ({"headers_only": True}, "headers_only is True"),
        ({"ack_wait": 90.0}, "ack_wait is 90.0, must be 30.0"),
        ({"max_ack_pending": 5}, "max_ack_pending is 5, must be 100"),
    ],
)
def test_each_drift_of_a_consumer_is_refused(server, change, shown):
    async def work(js):
        await ensure_stream(js, "S", ["s.>"], SPEC)
        await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100))
        await js.add_consumer("S", (await js.consumer_info("S", "c")).config.evolve(**change))
        with pytest.raises(StreamDrift, match=shown):
            await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100))
        assert list(await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100), repair=True)) == list(change)
        assert await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100)) == {}

    with_connection(server, work)


def test_grave_advisories_are_kept_and_counted(server):
    async def work(js):
        drop = StreamSpec(1 << 20, 1 << 20, 60, drop_old=True)
        await ensure_stream(js, "ADVISORIES", ["$JS.EVENT.ADVISORY.STREAM.>", "$JS.EVENT.ADVISORY.CONSUMER.>"], drop)
        for name in ("S", "T"):
            await ensure_stream(js, name, [f"{name}.>"], SPEC)
        await ensure_consumer(js, "S", ConsumerSpec("c", 30.0, 100))
        await js.delete_consumer("S", "c")
        await js.delete_stream("T")
        async with asyncio.timeout(5):
            while "stream.deleted" not in await advisories(js, "ADVISORIES", "T"):
                await asyncio.sleep(0.05)
        return await advisories(js, "ADVISORIES", "S"), await advisories(js, "ADVISORIES", "T")

    assert with_connection(server, work) == ({"consumer.deleted": 1}, {"stream.deleted": 1})
