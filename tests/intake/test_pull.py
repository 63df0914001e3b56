"""Whatever is interrupted, and wherever: no record is skipped, and repeats have equal ids."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import StreamFull
from connectors.logs.follow import Logs
from connectors.logs.settings import LogSettings
from connectors.source import Record
from engine.intake.cursors import Cursors
from engine.intake.pull import envelope_of, pages, pull

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Crash(BaseException):
    pass


class Feed:
    """Units of numbered records that grow; a read breaks off where it is told to."""

    channel, source = "file", "feed"

    def __init__(self, units, break_after):
        self.units, self.left = units, break_after

    def discover(self):
        yield from self.units

    def read(self, unit, cursor):
        for number in range(int(cursor or 0), self.units[unit]):
            if self.left == 0:
                raise Crash
            self.left -= 1
            yield Record(f"{unit} {number}".encode(), "text/plain", f"{unit}-{number}", str(number + 1))


class Memory:
    def __init__(self):
        self.cursors = {}

    def get(self, source, unit):
        return self.cursors.get((source, unit))

    def keep(self, source, unit, cursor):
        self.cursors[source, unit] = cursor


steps = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 5)),  # what the units grow by
        st.integers(0, 12),  # records until the read breaks off
        st.sampled_from(["none", "before publishing", "after publishing", "full", "before keeping"]),
        st.integers(0, 3),  # at which page that happens
    ),
    max_size=8,
)


@given(steps)
def test_any_interleaving_of_reads_publishes_and_crashes_skips_nothing(steps):
    units, keeper, stored = dict.fromkeys("abc", 0), Memory(), []
    for grown, left, fault, page in [*steps, ({}, 10**6, "none", 0)]:
        for unit, count in grown.items():
            units[unit] += count
        crash = _faulty(stored, keeper, fault, page)
        try:
            pull(Feed(units, left), "feed", crash, crash.publish)
        except (Crash, StreamFull):
            continue
    ids = {
        envelope_of(r, channel="file", source="feed", mapping=None, now=NOW, most_bytes=100).event_id for r in stored
    }
    expected = {f"{unit}-{number}" for unit in units for number in range(units[unit])}
    assert {record.key for record in stored} == expected
    assert len(ids) == len(expected)


def _faulty(stored, keeper, fault, at):
    class Faulty:
        pages = 0

        def publish(self, page):
            self.pages += 1
            here = self.pages - 1 == at
            if here and fault == "full":
                stored.extend(page[: len(page) // 2])
                raise StreamFull("full")
            if here and fault == "before publishing":
                raise Crash
            stored.extend(page)
            if here and fault == "after publishing":
                raise Crash

        get = staticmethod(keeper.get)

        def keep(self, source, unit, cursor):
            if self.pages - 1 == at and fault == "before keeping":
                raise Crash
            keeper.keep(source, unit, cursor)

    return Faulty()


@given(st.lists(st.tuples(st.sampled_from(["write", "rename", "truncate-copy", "read", "crash"]), st.integers(1, 4))))
def test_a_log_under_rotations_reads_and_crashes_gives_every_line_once(tmp_path_factory, actions):
    folder = tmp_path_factory.mktemp("log")
    path, keeper, written, stored, serial = folder / "a.log", Memory(), [], {}, 0
    settings = LogSettings(paths=(str(path),), linger_s=0)
    connector = Logs("log", settings)
    for action, count in [*actions, ("read", 1)]:
        if action == "write":
            with path.open("a") as file:
                for _ in range(count):
                    written.append(f"line {len(written)}")
                    file.write(written[-1] + "\n")
        elif action == "rename" and path.exists() and path.stat().st_size:
            serial += 1
            path.rename(folder / f"a-{20260000 + serial}.log")
        elif action == "truncate-copy" and path.exists() and path.stat().st_size:
            serial += 1
            (folder / f"a-{20260000 + serial}.log").write_bytes(path.read_bytes())
            path.write_bytes(b"")
        elif action in ("read", "crash"):
            path.touch()
            for unit in connector.discover():
                for record in connector.read(unit, keeper.get("log", unit)):
                    assert stored.setdefault(record.key, record.payload) == record.payload
                    if action == "crash":
                        connector = Logs("log", settings)
                        break
                    keeper.keep("log", unit, record.cursor)
    assert sorted(stored.values()) == sorted(line.encode() for line in written)


def test_a_page_ends_at_its_most_records_and_bytes():
    small = (Record(b"x", "text/plain", str(n), str(n)) for n in range(2500))
    assert [len(page) for page in pages(small)] == [1000, 1000, 500]
    large = (Record(b"x" * (3 << 20), "text/plain", str(n), str(n)) for n in range(5))
    assert [len(page) for page in pages(large)] == [2, 2, 1]


def test_a_record_that_cannot_be_carried_becomes_a_defect_with_its_beginning():
    record = Record(b"x" * 200_000, "text/plain", "k", "1", {"file": "a\ud800"})
    made = envelope_of(record, channel="file", source="s", mapping=None, now=NOW, most_bytes=100_000)
    assert (made.defect_code, len(made.payload)) == ("record_too_large", 65_536)
    assert made.metadata == {"file": "a?"}


def test_cursors_states_and_pauses_outlive_the_process(tmp_path):
    first = Cursors(tmp_path)
    first.keep("a", "unit", "1")
    first.keep("a", "unit", "2")
    first.note("a", {"state": "reading", "records": 2})
    first.pause("a")
    first.close()
    second = Cursors(tmp_path)
    assert (second.get("a", "unit"), second.get("b", "unit")) == ("2", None)
    assert second.states()["a"] | {"error": 1} == {
        "state": "reading", "records": 2, "read_at": None, "caught_up_at": None, "error": 1, "error_at": None,
        "paused": True,
    }  # fmt: skip
    second.pause("a", False)
    assert second.paused() == set()


def test_kept_cursors_are_synced(tmp_path):
    cursors = Cursors(tmp_path)
    assert cursors._run("PRAGMA synchronous") == [(2,)]
    with pytest.raises(Exception, match="cursors"):
        cursors.close()
        cursors.get("a", "b")
