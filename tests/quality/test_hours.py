import json
from collections import Counter
from datetime import timedelta

import pyarrow as pa

from engine.quality.hours import COLUMNS, HOUR_S, Hour, Past, count, count_rejected
from engine.quality.memory import Memory
from engine.tables import STRINGS, TIME
from tests.conftest import NOW

HOUR = int(NOW.timestamp()) // HOUR_S
TYPES = {"received_at": TIME, "occurred_at": TIME, "quality_flags": STRINGS}
ROW = {
    "channel": "sms", "received_at": NOW + timedelta(minutes=5), "occurred_at": NOW, "customer_id": "c", "account_id": None,
    "region": None, "product": None, "language": "eng", "category": "network", "quality_flags": [],
}  # fmt: skip


def table(*changes):
    made = [ROW | change for change in changes]
    return pa.table({n: pa.array([row[n] for row in made], TYPES.get(n, pa.string())) for n in COLUMNS})


def test_an_hour_by_hand():
    found = {
        one.key: one
        for one in count(
            table(
                {},
                {
                    "customer_id": None,
                    "region": "Lagos",
                    "quality_flags": ["no_customer", "very_short"],
                    "language": "pcm",
                },
                {"occurred_at": NOW - timedelta(days=3), "quality_flags": ["very_short"]},
                {"occurred_at": NOW + timedelta(minutes=5)},
                {"received_at": NOW + timedelta(hours=1), "channel": "social", "quality_flags": None, "category": None},
            ),
            late_s=172_800,
        )
    }
    assert set(found) == {("sms", HOUR), ("social", HOUR + 1)}
    sms = found["sms", HOUR]
    assert (sms.rows, sms.live, sms.rejected) == (4, 3, 0)
    # The fourth has the time of its receipt: it told none.
    assert +sms.given == Counter(customer_id=3, region=1, time_given=3)
    assert sms.flags == Counter(very_short=2, no_customer=1)
    assert (sms.language, sms.category) == (Counter(eng=2, pcm=1), Counter(network=3))
    assert (sms.newest, sms.last) == (NOW.timestamp() + 300, NOW.timestamp() + 300)
    assert found["social", HOUR + 1].category == Counter()


def test_nothing_has_no_hours():
    assert list(count(table(), 60)) == []
    assert list(count_rejected([])) == []


def test_only_the_first_attempt_at_a_record_counts_as_rejected():
    letters = [{"channel": "sms", "received_at": NOW, "attempt": a} for a in (1, None, 2, 3)]
    (one,) = count_rejected(letters)
    assert (one.key, one.rejected, one.rows) == (("sms", HOUR), 2, 0)


def test_an_hour_goes_into_its_table_and_back():
    one = Hour(
        "sms", HOUR, True, 4, 3, 2, NOW.timestamp(), 0.0, Counter(region=1), Counter(a=2), Counter(eng=3), Counter()
    )
    row = one.to_row()
    assert (row["hour_id"], row["hour"], row["last"]) == (f"sms@{HOUR * HOUR_S}", NOW, None)
    assert json.loads(row["counts"])["flags"] == {"a": 2}
    assert Hour.from_row(row) == one


def test_memory_goes_to_the_disk_and_back_and_a_broken_one_begins_anew(tmp_path):
    one = Hour("sms", HOUR, True, 4, 3, language=Counter(eng=3))
    memory = Memory(7, HOUR - 1, 1.0, 2.0, 3.0, 4.0, [one])
    memory.save(tmp_path)
    assert Memory.load(tmp_path) == memory
    assert isinstance(Memory.load(tmp_path).open[0].language, Counter)
    (tmp_path / "quality.json").write_text('{"through": 1, "never": 2}')
    assert Memory.load(tmp_path) == Memory()


def test_windows_and_days_follow_what_is_counted_in_later():
    past = Past([Hour("sms", 24 * 100 + h, rows=1) for h in range(24)])
    assert [day.rows for day in past.days("sms", 24 * 102, 5)] == [24]
    past.add(Hour("sms", 24 * 100 + 3, rows=6))
    past.add(Hour("sms", 24 * 101, rows=2))
    assert [day.rows for day in past.days("sms", 24 * 102, 5)] == [2, 30]
    assert past.window("sms", 24 * 100, 24 * 100 + 4).rows == 10
    assert past.window("fax", 0, 10).rows == 0


def test_what_is_forgotten_is_gone_and_with_its_last_complaint_the_channel():
    past = Past([Hour("sms", 10, rows=1), Hour("sms", 20, rows=0), Hour("social", 20, rows=1)])
    past.forget(15)
    assert past.channels() == ["social"]


def test_like_hours_are_of_the_week_once_there_are_four_else_of_the_day():
    past = Past([Hour("sms", 168 * 10 + h, watched=True, live=h // 24) for h in range(24 * 28)])
    assert past.alike("sms", 168 * 14) == [21, 14, 7, 0]
    assert past.alike("sms", 168 * 13 + 5) == [20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert past.alike("sms", 168 * 10 + 24 * 5) == []
