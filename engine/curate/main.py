"""The stream's driver as a process: `python -m engine.curate.main DATA_DIR [--once]`.

The supervisor starts it, recycles it by memory and ends it with SIGTERM, on which it drains.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from connectors.errors import BeejanError
from connectors.nats import ConsumerSpec, StreamSpec, connect, ensure_consumer, ensure_stream, trim
from engine.curate.context import build_context
from engine.curate.dataset import configure
from engine.curate.live import Live, Taker
from engine.curate.load import Overload
from engine.curate.spare import Spare
from engine.curate.static_model import Quick
from engine.curate.stream import Stream
from engine.reembed.job import Tender as Reembedding
from engine.registry.tend import Tender
from engine.run import actors, runtime
from engine.settings import Settings
from engine.stages.context import Context
from models.embedder import Embedder

CONSUMER = "curate"
ALERTS = "ALERTS"
#: What JetStream tells of streams and consumers: deleted, changed, deliveries exhausted, messages terminated.
ADVISORIES = "ADVISORIES"

#: Where this file is in the data folder, the next start takes back what others changed at streams.
REPAIR_ORDER = "repair-streams"

log = logging.getLogger("beejan.stream")

_TRIM_EVERY_S = 30.0


async def prepare_streams(settings: Settings, js: Any, *, repair: bool = False) -> dict[str, Any]:
    """The intake stream, its consumer, the alert stream and JetStream's own advisories, created or checked.

    With `repair` what others changed is taken back, too.

    Returns:
        What was changed of each.
    """
    nats = settings.nats
    events = [f"$JS.EVENT.ADVISORY.{kind}.>" for kind in ("STREAM", "CONSUMER")]
    kept = StreamSpec(16 << 20, 1 << 20, 120, nats.replicas, drop_old=True)
    intake = StreamSpec(nats.max_bytes, nats.max_payload_bytes, nats.duplicate_window_s, nats.replicas)
    alerts = StreamSpec(64 << 20, 1 << 20, 120, nats.replicas, drop_old=True)
    consumer = ConsumerSpec(CONSUMER, settings.intake.ack_wait_s, settings.intake.max_ack_pending)
    changed = {
        ADVISORIES: await ensure_stream(js, ADVISORIES, events, kept, repair=repair),
        nats.stream: await ensure_stream(js, nats.stream, ["complaints.>"], intake, repair=repair),
        f"{nats.stream}/{CONSUMER}": await ensure_consumer(js, nats.stream, consumer, repair=repair),
        ALERTS: await ensure_stream(js, ALERTS, ["alerts.>"], alerts, repair=repair),
    }
    changed = {name: settings_ for name, settings_ in changed.items() if settings_}
    for name, settings_ in changed.items():
        log.warning("%s: settings changed: %s", name, settings_)
    return changed


async def run(data_dir: Path, *, once: bool = False) -> None:
    """Connect everything and run the stream until SIGTERM."""
    runtime.steady_heap()
    settings, addresses = runtime.load(data_dir)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    connection = await connect(addresses.nats, "beejan-stream")
    js = connection.jetstream()
    order = data_dir / REPAIR_ORDER
    await prepare_streams(settings, js, repair=order.exists())
    order.unlink(missing_ok=True)
    await asyncio.to_thread(runtime.connect_ray, addresses)
    for sign in (signal.SIGTERM, signal.SIGINT):
        # Set after ray.init, which installs its own; without one Ray aborts the process.
        loop.add_signal_handler(sign, stopping.set)
    live = Live(settings, lambda: _embedders(settings))
    context = await asyncio.to_thread(_context, settings)
    quick = Quick(settings, context, _put)
    reference = _put(context)
    overload = Overload(settings, reference, quick)
    puller = await connect(addresses.nats.role("ingester"), "beejan-ingester")
    subscription = await puller.jetstream().pull_subscribe_bind(CONSUMER, settings.nats.stream)
    stream = Stream(settings, subscription, reference, overload)
    (runtime.run_folder(data_dir) / f"stream-{os.getpid()}.ready").touch()
    tender = Tender(settings, lambda: live.version)
    takers: list[Taker] = [quick.swap, lambda made: overload.swap(_put(made))]
    works = [_stop_on(stopping, stream), _keep_room(js, settings), live.watch(context, takers), tender.work()]
    works.append(Reembedding(settings, lambda: overload.calm and not stopping.is_set()).work())
    if settings.overload.ladder:
        spare = Spare(settings, context, quick, lambda: overload.calm and stream.held == 0 and not stopping.is_set())
        takers.append(spare.swap)
        works += [overload.watch(partial(_queue, js, settings), lambda: stream.held), spare.work()]
    helpers = [asyncio.create_task(work) for work in works]
    await stream.run(once=once)
    stopping.set()  # also what is done in spare time ends
    for helper in helpers:
        helper.cancel()
    await puller.close()
    await connection.close()


async def _stop_on(stopping: asyncio.Event, stream: Stream) -> None:
    await stopping.wait()
    stream.stop()


async def _queue(js: Any, settings: Settings) -> tuple[int, int]:
    """Messages not yet delivered, and the sequence of the stream's last one."""
    found = await js.consumer_info(settings.nats.stream, CONSUMER)
    return found.num_pending, found.delivered.stream_seq + found.num_pending


async def _keep_room(js: Any, settings: Settings) -> None:
    """Acknowledged messages leave the stream when it is half full."""
    while True:
        await asyncio.sleep(_TRIM_EVERY_S)
        try:
            gone = await trim(js, settings.nats.stream, CONSUMER, settings.nats.max_bytes // 2)
        except Exception as error:  # NATS is away; the next round does it
            log.warning("the stream was not trimmed (%s)", type(error).__name__)
        else:
            if gone:
                log.info("%d acknowledged messages left the stream", gone)


def _context(settings: Settings) -> Context:
    configure()
    actors.ensure(settings)
    return build_context(settings, *_embedders(settings))


def _embedders(settings: Settings) -> tuple[Embedder, Embedder | None]:
    return actors.RemoteEmbedder.wait(settings), actors.RemoteEmbedder.following(settings)


def _put(context: Context) -> Any:
    """A context for the workers."""
    import ray

    return ray.put(context)


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--once", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(run(arguments.data_dir, once=arguments.once))
    except BeejanError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
