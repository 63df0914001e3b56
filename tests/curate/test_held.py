"""Which messages are done, whatever the split into packs and micro-batches."""

from datetime import UTC, datetime
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from engine.curate.held import MicroBatch, batches, open_messages, settle
from engine.intake.envelope import Envelope
from engine.intake.pack import pack

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def envelope(key):
    return Envelope("sms", "gateway", key, b'{"text": "no network"}', "application/json", NOW)


def message(seq, data, deliveries=1):
    metadata = SimpleNamespace(sequence=SimpleNamespace(stream=seq), num_delivered=deliveries)
    return SimpleNamespace(data=data, subject="complaints.sms.gateway", metadata=metadata)


def packed(*sizes):
    found, key = [], 0
    for seq, size in enumerate(sizes, 1):
        (one,) = pack([envelope(str(key + n)) for n in range(size)])
        found.append(message(seq, one.data))
        key += size
    return found


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
    st.sets(st.integers(0, 80)),
)
def test_a_message_is_done_once_and_only_after_all_its_records(sizes, most_rows, random, failing):
    held, rows = open_messages(packed(*sizes))
    assert len(rows) == sum(sizes)
    parts = list(batches(rows, most_rows))
    assert [row for part in parts for row in part.rows] == rows
    assert max(len(part) for part in parts) <= most_rows
    random.shuffle(parts)
    done = []
    settled = set()
    for part in parts:
        again = [row for n, row in enumerate(part.rows) if n in failing]
        complete = settle([row for row in part.rows if row not in again])
        complete += settle(again, again=True)
        # A part that is reported twice counts once.
        assert settle(part.rows) == []
        settled |= set(part.rows)
        for one in complete:
            assert {row for row in rows if row.held is one} <= settled
        done += complete
    assert sorted(one.seq for one in done) == [one.seq for one in held]
    for one in done:
        mine = [part.rows.index(row) for part in parts for row in part.rows if row.held is one]
        assert one.again == bool(failing & set(mine))


def test_a_message_is_not_done_while_one_record_is_open():
    held, rows = open_messages(packed(3))
    assert settle(rows[:2]) == []
    assert settle(rows[2:], again=True) == held
    assert held[0].again


def test_records_know_their_message_and_its_deliveries():
    _, rows = open_messages([message(7, envelope("a").to_bytes(), deliveries=4)])
    assert (rows[0].held.seq, rows[0].held.deliveries, rows[0].event_id) == (7, 4, envelope("a").event_id)


def test_a_pack_without_records_is_done_at_once():
    held, rows = open_messages([message(1, b'{"v":"pack/1","envelopes":[]}')])
    assert (held[0].left, rows) == (0, [])


def test_one_record_of_thousands_stands_alone_after_two_steps():
    _, rows = open_messages(packed(*[200] * 5))
    batch = MicroBatch(rows)
    sizes = []
    while len(batch) > 1:
        pieces = batch.pieces()
        assert [row for piece in pieces for row in piece.rows] == batch.rows
        batch = next(piece for piece in pieces if rows[700] in piece.rows)
        sizes.append(len(batch))
    assert sizes == [64, 1]
    assert [len(piece) for piece in MicroBatch(rows[:65]).pieces()] == [64, 1]
    assert [len(piece) for piece in MicroBatch(rows[:2]).pieces()] == [1, 1]
