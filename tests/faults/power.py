"""A writer and its acknowledgements on their own, to be watched by strace: `python -m tests.faults.power FOLDER`.

It does what the stream's driver and the writer do, in one process: pull, process, commit, acknowledge. Before the
last micro-batch is fsynced the writer dies, and the next one finds its rows. With BEEJAN_NO_FSYNC=1 commits are not
fsynced, which a test of power loss has to notice.
"""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import yaml

from connectors import lance
from connectors.nats import ConsumerSpec, NatsTarget, StreamSpec, ack_all, connect, ensure_consumer, ensure_stream
from engine.curate.context import load_taxonomy
from engine.govern.crypto import DataKey
from engine.intake.envelope import Envelope, to_table
from engine.settings import CONFIGS, Settings
from engine.stages.context import Context
from engine.stages.pipeline import process
from engine.store.writer import Writer
from models.classify import ZeroShotClassifier
from models.priority import PriorityModel
from tests.conftest import HashEmbedder

#: Micro-batches, and complaints in each; a compaction comes after the second and the fourth.
BATCHES, ROWS = 6, 20


def context():
    settings, embedder = Settings(), HashEmbedder()
    taxonomy = load_taxonomy(settings)
    return Context(
        data_key=DataKey("k1-test", b"k" * 32),
        pseudonym_key=b"p" * 32,
        embedder=embedder,
        classifier=ZeroShotClassifier.build(taxonomy, embedder),
        priority=PriorityModel.from_dict(yaml.safe_load((CONFIGS / "priority.yaml").read_text())),
        taxonomy_version=f"{taxonomy.name}/{taxonomy.version}",
        now=datetime.now(UTC),
    )


def complaint(number):
    body = json.dumps({"text": f"no network in street {number}", "region": "Lagos"}).encode()
    return Envelope("sms", "power", str(number), body, "application/json", datetime.now(UTC))


class Died(BaseException):
    """Stands for kill -9."""


def dies_before_fsync(writer, settings, batch):
    """Another writer, after one that died when all rows were merged and none was fsynced."""

    def die(table, everything=False):
        raise Died

    kept = lance.Table.make_durable
    lance.Table.make_durable = die
    try:
        writer.commit(batch)
    except Died:
        writer.close()
    finally:
        lance.Table.make_durable = kept
    return Writer(settings)


async def run(folder, target):
    settings = Settings(data_dir=folder, storage={"compact_every_commits": 2})
    writer = Writer(settings)
    stages = context()
    connection = await connect(target, "power")
    js = connection.jetstream()
    await ensure_stream(js, "COMPLAINTS", ["complaints.>"], StreamSpec(64 << 20, 1 << 20, 120))
    await ensure_consumer(js, "COMPLAINTS", ConsumerSpec("curate", 60, 1000))
    subscription = await js.pull_subscribe_bind("curate", "COMPLAINTS")
    for number in range(BATCHES):
        for one in (complaint(number * ROWS + n) for n in range(ROWS)):
            await js.publish(one.subject, one.to_bytes(), headers={"Nats-Msg-Id": one.message_id})
        messages = await subscription.fetch(ROWS, timeout=20)
        envelopes = [Envelope.from_bytes(message.data) for message in messages]
        ids = [envelope.event_id for envelope in envelopes]
        rows = [(e.event_id, e, m.metadata.sequence.stream) for e, m in zip(envelopes, messages, strict=True)]
        batch = process(to_table(rows), stages)
        if number < BATCHES - 1:
            writer.commit(batch)
        else:
            writer = dies_before_fsync(writer, settings, batch)
            # So the stream acknowledges what comes again.
            assert writer.lookup(ids) == ["stored"] * ROWS
        await ack_all(messages)
        # A word to the trace: these ids were acknowledged.
        with (folder / "acknowledged").open("a") as file:
            file.write("".join(f"{key}\n" for key in ids))
        writer.maintain()
    await connection.close()
    writer.close()


def main():
    if os.environ.get("BEEJAN_NO_FSYNC"):
        lance._fsync = lance._sync_filesystem = lambda path: None
    folder = Path(sys.argv[1])
    asyncio.run(run(folder, NatsTarget(**json.loads(os.environ["BEEJAN_TEST_NATS"]))))


if __name__ == "__main__":
    main()
