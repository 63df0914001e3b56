import hashlib
import os

import pytest

from engine.intake.ledger import Ledger, LedgerTrouble, read

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()


def entries(folder):
    return [
        (noted.source, int(e["seq"]), f"{int(e['id']):016x}")
        for path in sorted(folder.iterdir())
        for noted, _ in read(path)
        for e in noted.entries
    ]


def test_what_is_noted_is_read_again_with_its_source(tmp_path):
    ledger = Ledger(tmp_path / "ledger", "api")
    ledger.note([(7, A, "shop"), (8, B, "sms-gw")])
    ledger.note([(9, B, "shop")])
    assert entries(tmp_path / "ledger") == [("shop", 7, A[:16]), ("sms-gw", 8, B[:16]), ("shop", 9, B[:16])]


def test_reading_goes_on_where_it_ended(tmp_path):
    ledger = Ledger(tmp_path, "api")
    ledger.note([(1, A, "s")])
    (path,) = tmp_path.iterdir()
    _, after = list(read(path))[-1]
    assert list(read(path, after)) == []
    ledger.note([(2, B, "s")])
    assert [int(e["seq"]) for noted, _ in read(path, after) for e in noted.entries] == [2]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_frame_cut_off_by_a_crash_is_left_out(tmp_path, cut):
    Ledger(tmp_path, "api").note([(1, A, "s")])
    ledger = Ledger(tmp_path, "b")
    ledger.note([(2, B, "s")])
    path = next(tmp_path.glob("b-*"))
    os.truncate(path, path.stat().st_size - cut)
    assert entries(tmp_path) == [("s", 1, A[:16])]


def test_a_changed_byte_is_not_taken_for_an_entry(tmp_path):
    Ledger(tmp_path, "api").note([(1, A, "s")])
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[15] ^= 1
    path.write_bytes(data)
    assert entries(tmp_path) == []


def test_each_publisher_has_files_of_its_own(tmp_path):
    for _ in range(2):
        Ledger(tmp_path, "api").note([(1, A, "s")])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_disk_that_refuses_is_told_to_the_sender(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path, "api")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.intake.ledger.os.fdatasync", full)
    with pytest.raises(LedgerTrouble, match=r"1 accepted records .* send them again"):
        ledger.note([(1, A, "s")])
    monkeypatch.undo()
    ledger.note([(2, B, "s")])
    assert len(list(tmp_path.iterdir())) == 2
