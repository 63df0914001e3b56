"""The compact sets of ids that a run of any length keeps."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from engine.intake.ingest import Ids, Seen


def key(n):
    return hashlib.sha256(str(n).encode()).hexdigest()


@given(st.lists(st.sets(st.integers(0, 200), min_size=1), max_size=12))
def test_seen_tells_what_came_in_an_earlier_chunk(chunks):
    seen, before = Seen(), set()
    for chunk in map(sorted, chunks):
        assert seen.add([key(n) for n in chunk]).tolist() == [n in before for n in chunk]
        before |= set(chunk)


def test_ids_come_back_in_order_in_parts():
    ids = Ids()
    ids.add(key(n) for n in range(3))
    assert list(ids.parts(2)) == [[key(0), key(1)], [key(2)]]
    ids.add([key(3)])
    assert (len(ids), list(ids.parts(10))) == (4, [[key(n) for n in range(4)]])


def test_seen_takes_eight_bytes_an_id():
    seen = Seen()
    for start in range(0, 50_000, 1000):
        seen.add([key(n) for n in range(start, start + 1000)])
    assert sum(run.nbytes for run in seen._runs) == 8 * 50_000
    assert len(seen._runs) < 20
