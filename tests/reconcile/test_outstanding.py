import hashlib

import numpy as np

from engine.intake.ledger import Ledger
from engine.reconcile.outstanding import Outstanding

IDS = [hashlib.sha256(bytes([n])).hexdigest() for n in range(6)]


def settled(*known):
    keys = {int(i[:16], 16) for i in known}
    return lambda of: np.array([int(key) in keys for key in of], dtype=bool)


def left(outstanding):
    return sorted(int(e["seq"]) for _, entries in outstanding.by_source() for e in entries)


def test_what_the_tables_have_is_settled_and_the_rest_stays(tmp_path):
    ledger = Ledger(tmp_path, "api")
    ledger.note([(1, IDS[0], "a"), (2, IDS[1], "a"), (3, IDS[2], "b")])
    one = Outstanding(tmp_path)
    one.read()
    one.settle(settled(IDS[0]))
    ledger.note([(4, IDS[3], "a")])
    one.read()
    one.settle(settled(IDS[0], IDS[2]))
    assert left(one) == [2, 4]
    assert {source for source, _ in one.by_source()} == {"a"}


def test_a_restart_finds_what_is_outstanding_again(tmp_path):
    Ledger(tmp_path, "api").note([(1, IDS[0], "a"), (2, IDS[1], "a")])
    for _ in range(2):
        one = Outstanding(tmp_path)
        one.read()
        one.settle(settled(IDS[0]))
        assert left(one) == [2]


def test_a_file_goes_when_its_publisher_has_ended_and_all_is_settled(tmp_path):
    ledger = Ledger(tmp_path, "api")
    ledger.note([(1, IDS[0], "a")])
    one = Outstanding(tmp_path)
    one.read()
    one.settle(settled(IDS[0]))
    assert len(list(tmp_path.iterdir())) == 1
    ledger.close()
    one.settle(settled(IDS[0]))
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_note_that_was_not_read_yet_stays(tmp_path):
    ledger = Ledger(tmp_path, "api")
    ledger.note([(1, IDS[0], "a")])
    one = Outstanding(tmp_path)
    one.read()
    ledger.note([(2, IDS[1], "a")])
    ledger.close()
    one.settle(settled(IDS[0]))
    one.read()
    assert left(one) == [2]
