"""The ladder as the stream's driver runs it, with a clock of its own."""

import asyncio

import pytest

from engine.curate.load import Overload
from engine.intake import slow
from engine.settings import Settings


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Quicker:
    def __init__(self, *, ready=True, reference="quick"):
        self.ready, self._reference = ready, reference

    def reference(self):
        return self._reference


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "run").mkdir()
    return Settings(data_dir=tmp_path, overload={"ladder": {"embedding_static": 10, "intake_slowed": 100}, "calm_s": 5})


def batch(overload, clock, rows, seconds):
    """Run a micro-batch; returns the context that it had."""

    async def work():
        async with overload.batch(rows):
            clock.now += seconds
            return overload.context

    return asyncio.run(work())


def test_a_flood_sheds_then_slows_then_all_is_as_before(settings, clock, tmp_path, caplog):
    overload = Overload(settings, "full", Quicker(), clock)
    assert batch(overload, clock, 1000, 10) == "full"  # 100 records a second
    overload.look(pending=999, last_seq=2000, held=0)
    assert overload.shed == ()
    overload.look(pending=1000, last_seq=2000, held=0)
    assert overload.shed == ("embedding_static",)
    assert [r.getMessage() for r in caplog.records] == ["load: embedding_static (1000 records wait, 10.0 s behind)"]
    assert batch(overload, clock, 1000, 2) == "quick"  # 500
    overload.look(pending=49_000, last_seq=50_000, held=1000)
    assert overload.shed == ("embedding_static", "intake_slowed")
    told = slow.read(tmp_path)
    # 100 s behind: 50 s until it is half of it, and 5 s calm.
    assert (told.shed, told.waiting, told.behind_s, told.per_second, told.retry_after_s) == (
        ("embedding_static", "intake_slowed"), 50_000, 100, 500, 55,
    )  # fmt: skip
    for _ in range(4):
        clock.now += 5
        overload.look(pending=0, last_seq=50_000, held=0)
    assert overload.shed == ()
    assert overload.calm
    assert slow.read(tmp_path).shed == ()
    assert batch(overload, clock, 10, 1) == "full"


def test_a_small_batch_says_nothing_of_the_rate(settings, clock):
    overload = Overload(settings, "full", Quicker(), clock)
    batch(overload, clock, 255, 1000)
    overload.look(pending=100_000, last_seq=100_000, held=0)
    assert overload.shed == ()


def test_a_batch_under_way_shows_that_it_has_become_slow(settings, clock):
    overload = Overload(settings, "full", Quicker(), clock)

    async def work():
        async with overload.batch(1000):
            clock.now += 9.9
            overload.look(pending=0, last_seq=1000, held=1000)
            assert overload.shed == ()
            clock.now += 0.1
            overload.look(pending=0, last_seq=1000, held=1000)

    asyncio.run(work())
    assert overload.shed == ("embedding_static",)


def test_a_batch_that_fails_is_not_measured(settings, clock):
    overload = Overload(settings, "full", Quicker(), clock)

    async def work():
        async with overload.batch(1000):
            clock.now += 1000
            raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(work())
    overload.look(pending=100_000, last_seq=100_000, held=0)
    assert overload.shed == ()


def test_records_of_packed_messages_are_counted(settings, clock):
    overload = Overload(settings, "full", Quicker(), clock)
    for _ in range(20):
        overload.opened(messages=10, records=1000)
    batch(overload, clock, 1000, 10)
    overload.look(pending=11, last_seq=100, held=0)
    assert overload.shed == ("embedding_static",)


def test_without_a_static_model_its_step_is_left_out(settings, clock):
    overload = Overload(settings, "full", Quicker(ready=False), clock)
    batch(overload, clock, 1000, 10)
    overload.look(pending=9999, last_seq=9999, held=0)
    assert overload.shed == ()
    overload.look(pending=10_000, last_seq=10_000, held=0)
    assert overload.shed == ("intake_slowed",)
    assert batch(overload, clock, 1000, 10) == "full"


def test_a_static_model_that_is_of_no_use_sheds_nothing(settings, clock):
    quicker = Quicker(reference=None)
    overload = Overload(settings, "full", quicker, clock)
    batch(overload, clock, 1000, 10)
    overload.look(pending=5000, last_seq=5000, held=0)
    quicker.ready = False  # as soon as it was tried
    assert batch(overload, clock, 1000, 10) == "full"
    overload.look(pending=10_000, last_seq=10_000, held=0)
    assert "intake_slowed" in overload.shed


def test_the_next_driver_goes_on_where_the_last_one_was(settings, clock):
    first = Overload(settings, "full", Quicker(), clock)
    batch(first, clock, 1000, 10)
    first.look(pending=5000, last_seq=5000, held=0)
    assert Overload(settings, "full", Quicker(), clock).shed == ("embedding_static",)


def test_an_empty_ladder_sheds_nothing(tmp_path, clock):
    overload = Overload(Settings(data_dir=tmp_path, overload={"ladder": {}}), "full", Quicker(), clock)
    assert batch(overload, clock, 1000, 1e6) == "full"
    assert overload.shed == ()
