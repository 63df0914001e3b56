import gzip
import json
import os
import time

import pytest

from connectors.folders.folder import Folder
from connectors.folders.settings import FolderSettings
from connectors.source import BadSource, SourceAway
from tests.connectors.conformance import Case, Conformance, read_all


def open_folder(root, **changes):
    return Folder("exports", FolderSettings.model_validate({"path": root, "settle_s": 0, **changes}))


def write(path, text, at):
    """A file whose order among others is that of `at`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def keys(records):
    return [record.key for record in records]


class TestFolder(Conformance):
    @pytest.fixture
    def case(self, tmp_path):
        root = tmp_path / "in"
        write(root / "a.csv", "id,text,phone\n1,no network,08031234567\n2,no airtime,\n", 1_700_000_000)
        write(root / "sub" / "b.txt", "the bill is wrong\n\nthe bill is wrong\n", 1_700_000_001)
        write(root / "c.jsonl", '{"text": "slow"}\n{broken\n', 1_700_000_002)
        expected = ["no network", "no airtime", "the bill", "the bill", "slow", "{broken"]

        def add(text):
            write(root / "d.txt", f"{text}\n", 1_700_000_003)

        return Case(lambda: open_folder(root), expected, add, secrets=("08031234567",))


def test_the_same_content_under_another_name_is_not_read_again(tmp_path):
    connector, cursors = open_folder(tmp_path), {}
    write(tmp_path / "a.txt", "one\ntwo\n", 1)
    assert len(read_all(connector, cursors)) == 2
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    write(tmp_path / "copy.txt", "one\ntwo\n", 2)
    assert read_all(open_folder(tmp_path), cursors) == []


def test_a_file_that_comes_again_with_more_rows_keeps_the_keys_of_the_old_ones(tmp_path):
    connector, cursors = open_folder(tmp_path), {}
    write(tmp_path / "a.txt", "one\none\n", 1)
    first = read_all(connector, cursors)
    write(tmp_path / "a.txt", "zero\none\none\n", 2)
    again = read_all(connector, cursors)
    assert keys(again)[1:] == keys(first)
    assert len(set(keys(again))) == 3


def test_equal_rows_of_different_files_stay_apart(tmp_path):
    write(tmp_path / "monday.txt", "no network\nx\n", 1)
    write(tmp_path / "tuesday.txt", "no network\ny\n", 2)
    assert len(set(keys(read_all(open_folder(tmp_path))))) == 4


def test_a_record_has_the_key_that_its_mapping_names(tmp_path):
    mapping = tmp_path / "m.yaml"
    mapping.write_text('fields: {source_key: [shop, "no"], text: words}\n')
    write(tmp_path / "in" / "a.csv", "shop,no,words\nIkeja,7,late\n", 1)
    (record,) = read_all(open_folder(tmp_path / "in", mapping=str(mapping)))
    assert record.key == "Ikeja:7"
    with pytest.raises(BadSource, match=r"none\.yaml"):
        open_folder(tmp_path, mapping="none")


def test_a_file_is_read_once_it_has_settled(tmp_path):
    connector = open_folder(tmp_path, settle_s=0.2)
    path = write(tmp_path / "a.txt", "one\n", 1)
    assert read_all(connector) == []
    path.write_text("one\ntwo\n")
    assert read_all(connector) == []
    connector.wait(5)
    while not (records := read_all(connector)):
        connector.wait(5)
    assert [record.payload for record in records] == [b"one", b"two"]


def test_an_unreadable_file_is_one_defect_and_stops_no_other(tmp_path):
    cursors = {}
    (tmp_path / "a.xlsx").write_bytes(b"no workbook")
    (tmp_path / "b.exe").write_bytes(b"MZ")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"id,text\n1,first\n2,second\n" * 5000)[:-20])
    write(tmp_path / "d.txt", "fine\n", 2_000_000_000)
    records = read_all(open_folder(tmp_path), cursors)
    unreadable = [record for record in records if record.defect_code == "unreadable_file"]
    assert {record.metadata["file"] for record in unreadable} == {"a.xlsx", "b.exe", "c.csv.gz"}
    assert b"no workbook" in [record.payload for record in unreadable]
    assert records[-1].payload == b"fine"
    assert read_all(open_folder(tmp_path), cursors) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_once_and_read_when_it_may(tmp_path):
    cursors = {}
    path = write(tmp_path / "a.txt", "one\n", 1)
    path.chmod(0)
    (record,) = read_all(open_folder(tmp_path), cursors)
    assert record.defect_code == "unreadable_file"
    assert "give yourself the right" in record.defect_message
    assert read_all(open_folder(tmp_path), cursors) == []
    path.chmod(0o600)
    assert [record.payload for record in read_all(open_folder(tmp_path), cursors)] == [b"one"]


def test_files_move_to_done_only_after_their_last_cursor_was_kept(tmp_path):
    root, done = tmp_path / "in", tmp_path / "in" / "done"
    write(root / "sub" / "a.txt", "one\ntwo\n", 1)
    write(root / "bad.exe", "x", 2)
    connector, cursors = open_folder(root, done=done), {}
    for unit in connector.discover():
        for record in connector.read(unit, None):
            cursors.setdefault(unit, record.cursor)  # of the first record only
    assert read_all(connector, cursors)[0].payload == b"two"
    assert (root / "sub" / "a.txt").exists()
    assert read_all(connector, cursors) == []
    assert (done / "sub" / "a.txt").read_text() == "one\ntwo\n"
    assert (root / "bad.exe").exists()
    write(root / "sub" / "a.txt", "three\n", 3)
    assert len(read_all(connector, cursors)) == 1
    assert read_all(connector, cursors) == []
    assert len(list((done / "sub").iterdir())) == 2


def test_hidden_unfinished_and_linked_files_are_left_alone(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("password\n")
    root = tmp_path / "in"
    for name in (".hidden.txt", "~$a.xlsx", "a.csv.part", ".git/x.txt"):
        write(root / name, "x\n", 1)
    (root / "link.txt").symlink_to(secret)
    assert read_all(open_folder(root)) == []


def test_only_what_matches_the_pattern_is_read(tmp_path):
    write(tmp_path / "a.csv", "text\nx\n", 1)
    write(tmp_path / "b.txt", "y\n", 1)
    assert len(read_all(open_folder(tmp_path, pattern="*.csv"))) == 1
    with pytest.raises(ValueError, match="expected a glob below"):
        FolderSettings(path=tmp_path, pattern="../*")


def test_a_file_without_a_record_is_read_once(tmp_path, monkeypatch):
    import connectors.folders.folder as module

    write(tmp_path / "a.csv", "id,text\n", 1)
    connector = open_folder(tmp_path)
    assert read_all(connector) == []
    monkeypatch.setattr(module, "records", lambda *_: pytest.fail("read again"))
    assert read_all(connector) == []


def test_a_folder_that_is_not_there_is_away(tmp_path):
    with pytest.raises(SourceAway, match="is it mounted"):
        list(open_folder(tmp_path / "none").discover())


def test_a_change_ends_the_wait(tmp_path):
    connector = open_folder(tmp_path)
    list(connector.discover())
    time.sleep(0.3)  # the watch has begun
    started = time.monotonic()
    (tmp_path / "a.txt").write_text("one\n")
    connector.wait(60)
    assert time.monotonic() - started < 30
    connector.close()


def test_behind_many_different_records_keys_are_numbered(tmp_path, monkeypatch):
    import connectors.folders.folder as module

    monkeypatch.setattr(module, "_MOST_KNOWN", 2)
    write(tmp_path / "a.txt", "one\ntwo\nthree\none\nthree\n", 1)
    found = keys(read_all(open_folder(tmp_path)))
    assert [key.rsplit(".", 1)[1] for key in found] == ["1", "1", "n3", "2", "n5"]


def test_cursors_are_json_of_what_was_read(tmp_path):
    write(tmp_path / "a.txt", "one\ntwo\n", 1)
    first, last = (json.loads(record.cursor) for record in read_all(open_folder(tmp_path)))
    assert (first["records"], first["whole"]) == (1, False)
    assert (last["records"], last["whole"]) == (2, True)
