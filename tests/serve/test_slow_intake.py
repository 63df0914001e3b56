"""Complaints are put off while the engine is too far behind."""

import asyncio
import time
from dataclasses import dataclass

import pytest

from engine.cli.operate import _load
from engine.intake import slow, sources
from engine.intake.direct import Direct
from engine.intake.slow import IntakeSlowed, Load
from engine.settings import Settings
from serve import problems
from serve.intake import publish

SLOWED = ("embedding_static", "intake_slowed")


@dataclass
class Served:
    settings: Settings


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "run").mkdir()
    slow.tell(tmp_path, Load(SLOWED, 400.0, 9000, 22.5, 280, None, time.time()))
    return Settings(data_dir=tmp_path)


def test_the_api_answers_429_with_the_time_to_come_again(settings):
    with pytest.raises(IntakeSlowed) as caught:
        asyncio.run(publish(Served(settings), []))
    problem = problems.of(caught.value)
    assert (problem.status, problem.headers) == (429, {"Retry-After": "280"})
    assert "400 s behind" in problem.detail


def test_sources_that_are_read_hold_on(settings):
    class Connector:
        channel, source = "file", "x"

    send = sources.publisher(settings, None, None, None)
    with pytest.raises(IntakeSlowed) as caught:
        send(Connector(), None, [])
    assert caught.value.retry_after_s == 280


def test_files_that_are_published_straight_to_nats_wait_too(settings):
    direct = Direct.__new__(Direct)
    direct._data_dir, direct._connection = settings.data_dir, object()
    with pytest.raises(IntakeSlowed):
        asyncio.run(direct._publish([]))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"shed": [], "behind_s": 0.0, "degraded": 0}, "normal"),
        ({"shed": [], "behind_s": None, "degraded": 1200}, "normal, 1,200 complaints to complete"),
        (
            {"shed": list(SLOWED), "behind_s": 400.4, "degraded": 7},
            "embedding_static, intake_slowed, 400 s behind, 7 complaints to complete",
        ),
    ],
)
def test_status_says_it_in_words(state, words):
    assert _load(state) == words
