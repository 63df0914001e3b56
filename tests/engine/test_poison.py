"""Records that raise, kill their worker or hang: the rest of their batch passes, and they are dead-lettered.

The stages are the real ones but for an embedder that misbehaves on a marker, which only this test's context holds.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors import nats_server
from connectors.lance import open_reader
from connectors.nats import ConsumerSpec, NatsTarget, StreamSpec, connect, ensure_consumer, ensure_stream
from engine.intake.envelope import Envelope
from engine.intake.publish import publish_all
from engine.run import runtime
from engine.settings import load_settings
from tests.conftest import HashEmbedder


class Poisonous(HashEmbedder):
    def encode(self, texts):
        for text in texts:
            if "marker_raise" in text:
                raise ValueError("poison")
            if "marker_die" in text:
                os._exit(3)
            while "marker_hang" in text:
                time.sleep(1)
        return super().encode(texts)


@pytest.fixture
def nats(tmp_path):
    folder = tmp_path / "nats"
    config, credentials = nats_server.prepare(folder, 0, 8 << 20, 1 << 30)
    process = subprocess.Popen([str(nats_server.find_binary()), "-c", str(config)])
    nats_server.wait_ready(process, credentials, folder / "nats-server.log")
    yield NatsTarget(credentials.url, credentials.user, credentials.password)
    nats_server.stop(process)


@pytest.fixture
def ray_(tmp_path, nats):
    import ray

    os.environ.update(runtime.RAY_ENVIRONMENT)
    ray.init(num_cpus=2, include_dashboard=False, namespace=runtime.NAMESPACE, log_to_driver=False)
    address = ray.get_runtime_context().gcs_address
    settings = load_settings(data_dir=tmp_path, intake={"batch_timeout_s": 5, "ack_wait_s": 30})
    runtime.save(settings, runtime.Runtime(nats, address, None, 0, False))
    yield settings
    ray.shutdown()


def record(key, text):
    body = json.dumps({"text": text}).encode()
    return Envelope("sms", "poison", key, body, "application/json", datetime.now(UTC))


@pytest.mark.soak
def test_poison_is_dead_lettered_and_the_others_pass(nats, ray_, context):
    import ray

    from engine.curate.dataset import configure
    from engine.curate.stream import Stream
    from engine.run.actors import WRITER, WriterProcess

    # Workers cannot import the tests' modules.
    for name in {kind.__module__ for kind in (*Poisonous.__mro__[:-1], type(context.embedder))}:
        ray.cloudpickle.register_pickle_by_value(sys.modules[name])
    configure()
    writer = ray.remote(WriterProcess).options(name=WRITER, num_cpus=0, namespace=runtime.NAMESPACE).remote(ray_)
    ray.get(writer.call.remote("status"))
    records = [record(str(n), f"no network in street number {n}") for n in range(300)]
    records[40:40] = [record("raises", "marker_raise here"), record("dies", "marker_die here")]
    records[200:200] = [record("hangs", "marker_hang here"), record("large", "x " * (400 << 10))]

    async def work():
        connection = await connect(nats, "test")
        js = connection.jetstream()
        await ensure_stream(js, "COMPLAINTS", ["complaints.>"], StreamSpec(64 << 20, 8 << 20, 120))
        await ensure_consumer(js, "COMPLAINTS", ConsumerSpec("curate", 30, 1000))
        await publish_all(js, records)
        subscription = await js.pull_subscribe_bind("curate", "COMPLAINTS")
        stream = Stream(ray_, subscription, ray.put(replace(context, embedder=Poisonous())))
        runner = asyncio.create_task(stream.run())
        async with asyncio.timeout(280):
            while True:
                info = await js.consumer_info("COMPLAINTS", "curate")
                if info.num_pending == 0 and info.num_ack_pending == 0:
                    break
                assert not runner.done(), runner
                await asyncio.sleep(0.5)
        stream.stop()
        await runner
        await connection.close()

    asyncio.run(work())
    root = f"{ray_.data_dir}/zones"
    stored = open_reader(f"{root}/serving", "complaints").search().limit(10_000).to_list()
    dead = open_reader(f"{root}/raw", "dead_letters").search().limit(10_000).to_list()
    assert sorted(row["source_key"] for row in stored) == sorted(str(n) for n in range(300))
    assert {row["source_key"]: row["reason"] for row in dead} == {
        "raises": "stage_error",
        "dies": "worker_died",
        "hangs": "hung",
        "large": "text_too_long",
    }
