import asyncio
import shutil
from dataclasses import replace

import pytest

from connectors.errors import Transient
from engine.curate import live
from engine.curate.context import build_context
from engine.curate.live import Live, noted, sources
from engine.registry.aliases import decide, folder_of
from engine.settings import Settings
from tests.conftest import HashEmbedder
from tests.registry.test_promote import train


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "_LOOK_S", 0.02)
    made = Settings(data_dir=tmp_path)
    train(made, "1", ["billing.refund", "network.outage"])
    return made


def champion(settings, version):
    decide(settings.data_dir, "complaints", "promote", lambda a: replace(a, champion=version))


async def watched(settings, act, taken):
    """What the takers got after `act`, until there are `taken` contexts."""
    started = build_context(settings, HashEmbedder())
    found, enough = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def take(context):
        found.append(context)
        if len(found) == taken:
            loop.call_soon_threadsafe(enough.set)

    watch = Live(settings)
    task = asyncio.create_task(watch.watch(started, [take]))
    await asyncio.sleep(0)
    act()
    await asyncio.wait_for(enough.wait(), 60)
    while watch.version != found[-1].classifier_version:
        await asyncio.sleep(0.01)
    task.cancel()
    return started, found


def test_a_new_champion_is_taken_without_a_restart_and_told(settings):
    started, found = asyncio.run(watched(settings, lambda: champion(settings, "1"), 1))
    assert (started.classifier_version, found[0].classifier_version) == ("zero-shot/1", "complaints/1")
    assert noted(settings.data_dir)["classifier_version"] == "complaints/1"


def test_a_part_that_is_away_is_waited_for(settings, monkeypatch):
    calls = []

    def away(*arguments):
        calls.append(1)
        if len(calls) < 3:
            raise Transient("the embedder is away")
        return build_context(*arguments)

    monkeypatch.setattr(live, "build_context", away)
    _, found = asyncio.run(watched(settings, lambda: champion(settings, "1"), 1))
    assert (len(calls), found[0].classifier_version) == (3, "complaints/1")


def test_a_damaged_registry_leaves_the_stream_at_work(settings):
    def act():
        champion(settings, "1")
        shutil.rmtree(folder_of(settings.data_dir, "complaints") / "1")

    _, found = asyncio.run(watched(settings, act, 1))
    assert found[0].classifier_version == "zero-shot/1"


def test_only_what_the_context_is_built_from_counts(settings):
    before = sources(settings)
    (folder_of(settings.data_dir, "complaints") / "1" / "note.txt").write_text("x")
    assert sources(settings) == before
    champion(settings, "1")
    after = sources(settings)
    assert after != before
    champion(settings, "1")
    assert sources(settings) != after
