import gzip
import json
import os
import shutil

import pytest

from connectors.logs.follow import Logs
from connectors.logs.settings import LogSettings
from connectors.settings import MAPPINGS
from engine.settings import load_settings
from tests.connectors.conformance import Case, Conformance, read_all

START = r"\d{4}-\d\d-\d\d \d\d:\d\d"
FIELDS = (
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d) agent=(?P<agent>\S+)",
    r"^msisdn: *(?P<msisdn>\S+)",
    r"^notes: *(?P<text>(?:.|\n)*)",
)


def follow(path, **changes):
    return Logs("calls", LogSettings.model_validate({"paths": [str(path)], "linger_s": 0, **changes}))


def texts(records):
    return [record.payload.decode() for record in records]


def append(path, text):
    with path.open("ab") as file:
        file.write(text.encode())


class TestLines(Conformance):
    @pytest.fixture
    def case(self, tmp_path):
        append(tmp_path / "a.log.1", "one\n\ntwo\n")
        os.utime(tmp_path / "a.log.1", (1, 1))
        append(tmp_path / "a.log", "two\ntwo\n")
        append(tmp_path / "b.log", "two\nlast\n")
        expected = ["one", "two", "two", "two", "two", "last"]
        return Case(lambda: follow(tmp_path / "*.log"), expected, lambda text: append(tmp_path / "b.log", text + "\n"))


class TestEntries(Conformance):
    @pytest.fixture
    def case(self, tmp_path):
        path = tmp_path / "calls.log"
        append(path, "tail of an older entry\n")
        append(path, "2026-03-01 10:00 agent=a1\nmsisdn: 08031234567\nnotes: no network\nsince Monday\n")
        append(path, "2026-03-01 10:05 agent=a2\nnotes: bill\n")

        def add(text):
            append(path, f"2026-03-01 11:00 agent=a3\nnotes: {text}\n")

        expected = ["tail of", "no network", "bill"]
        return Case(lambda: follow(path, start=START, fields=FIELDS), expected, add, secrets=("08031234567",))


def test_the_fields_of_an_entry_are_its_named_groups(tmp_path):
    append(tmp_path / "c.log", "2026-03-01 10:00 agent=a1\nmsisdn: 0803\nnotes: no network\nsince Monday\n")
    (record,) = read_all(follow(tmp_path / "c.log", start=START, fields=FIELDS))
    values = json.loads(record.payload)
    assert values.pop("entry").startswith("2026-03-01 10:00 agent=a1\nmsisdn")
    assert values == {"time": "2026-03-01 10:00", "agent": "a1", "msisdn": "0803", "text": "no network\nsince Monday"}


def test_an_entry_without_a_text_is_all_text_and_lines_before_the_first_are_a_defect(tmp_path):
    append(tmp_path / "c.log", "orphan\nmore\n2026-03-01 10:00 agent=a1\nsomething odd\n")
    orphan, odd = read_all(follow(tmp_path / "c.log", start=START, fields=FIELDS))
    assert (orphan.defect_code, orphan.payload) == ("no_entry_start", b"orphan\nmore\n")
    assert json.loads(odd.payload)["text"] == "2026-03-01 10:00 agent=a1\nsomething odd"


def test_a_line_that_is_being_written_waits_for_its_end(tmp_path):
    path, cursors = tmp_path / "a.log", {}
    append(path, "one\ntw")
    connector = follow(path)
    assert texts(read_all(connector, cursors)) == ["one"]
    append(path, "o\n")
    assert texts(read_all(connector, cursors)) == ["two"]


def test_the_last_entry_waits_until_it_lingered(tmp_path):
    path, cursors = tmp_path / "a.log", {}
    append(path, "2026-03-01 10:00 agent=a1\n")
    connector = follow(path, start=START, linger_s=0.2)
    assert read_all(connector, cursors) == []
    append(path, "notes: late\n")
    assert read_all(connector, cursors) == []
    connector.wait(5)
    assert texts(read_all(connector, cursors)) == ["2026-03-01 10:00 agent=a1\nnotes: late"]


def by_rename(path):
    path.rename(path.with_name(path.name + ".1"))
    path.touch()


def by_copy(path):
    shutil.copy(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)


def by_date(path):
    path.rename(path.with_name(f"{path.stem}-20260301{path.suffix}"))


def packed(path):
    path.with_name(path.name + ".1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    path.touch()


@pytest.mark.parametrize("rotate", [by_rename, by_copy, by_date, packed])
@pytest.mark.parametrize("restart", [False, True])
def test_a_rotation_between_two_looks_loses_and_repeats_nothing(tmp_path, rotate, restart):
    path, cursors = tmp_path / "a.log", {}
    append(path, "one\ntwo\n")
    connector = follow(path)
    assert texts(read_all(connector, cursors)) == ["one", "two"]
    append(path, "three\nfour without its end")
    rotate(path)
    append(path, "five\n")
    if restart:
        connector = follow(path)
    assert texts(read_all(connector, cursors)) == ["three", "four without its end", "five"]
    assert read_all(connector, cursors) == []


def test_several_rotations_while_nobody_looked(tmp_path):
    path, cursors = tmp_path / "a.log", {}
    append(path, "0\n")
    assert len(read_all(follow(path), cursors)) == 1
    for number in range(1, 4):
        append(path, f"{number}\n")
        for old in (2, 1):
            if (older := tmp_path / f"a.log.{old}").exists():
                older.rename(tmp_path / f"a.log.{old + 1}")
        by_rename(path)
        state = (tmp_path / "a.log.1").stat()
        os.utime(tmp_path / "a.log.1", ns=(state.st_atime_ns, state.st_mtime_ns + number))
    append(path, "4\n")
    assert texts(read_all(follow(path), cursors)) == ["1", "2", "3", "4"]


def test_a_rotated_file_is_left_only_when_its_successor_is_written_to(tmp_path):
    path, cursors = tmp_path / "a.log", {}
    append(path, "one\n")
    connector = follow(path)
    read_all(connector, cursors)
    by_rename(path)
    append(tmp_path / "a.log.1", "late\n")
    assert texts(read_all(connector, cursors)) == ["late"]
    append(tmp_path / "a.log.1", "later\n")
    append(path, "new\n")
    assert texts(read_all(connector, cursors)) == ["later", "new"]


def test_a_truncated_or_replaced_log_is_read_from_its_beginning(tmp_path):
    path, cursors = tmp_path / "a.log", {}
    append(path, "one\ntwo\n")
    connector = follow(path)
    first = read_all(connector, cursors)
    path.write_text("three\n")
    assert texts(read_all(connector, cursors)) == ["three"]
    path.unlink()
    append(path, "one\ntwo\n")
    again = read_all(follow(path), cursors)
    assert texts(again) == ["one", "two"]
    assert not {r.key for r in again} & {r.key for r in first}


def test_the_hole_that_is_left_by_a_truncation_under_a_writer_is_passed_over(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"\0" * 300_000 + b"one\ntwo\n")
    assert texts(read_all(follow(path, max_entry_bytes=256))) == ["one", "two"]


def test_an_endless_line_is_one_defect_and_the_next_is_read(tmp_path):
    path, cursors = tmp_path / "a.log", {}
    append(path, "x" * 1000)
    connector = follow(path, max_entry_bytes=256)
    (record,) = read_all(connector, cursors)
    assert (record.defect_code, len(record.payload)) == ("record_too_large", 256)
    append(path, "x" * 100_000)
    assert read_all(connector, cursors) == []
    append(path, "\nnext\n")
    assert texts(read_all(follow(path, max_entry_bytes=256), cursors)) == ["next"]
    (whole, after) = read_all(follow(path, max_entry_bytes=256))
    assert (whole.key, whole.payload, after.payload) == (record.key, record.payload, b"next")


def test_an_entry_of_too_many_lines_is_one_defect(tmp_path):
    path = tmp_path / "a.log"
    append(path, "2026-03-01 10:00 a\n" + "more of it\n" * 100 + "2026-03-01 10:01 b\n")
    first, second = read_all(follow(path, start=START, max_entry_bytes=256))
    assert (first.defect_code, second.payload) == ("record_too_large", b"2026-03-01 10:01 b")


def test_a_line_in_another_encoding_spoils_no_other(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes("fine\ncafé\nfine too\n".encode("cp1252"))
    first, bad, last = read_all(follow(path))
    assert (bad.defect_code, bad.payload) == ("invalid_encoding", "café\n".encode("cp1252"))
    assert texts([first, last]) == ["fine", "fine too"]
    assert texts(read_all(follow(path, encoding="cp1252"))) == ["fine", "café", "fine too"]


def test_rotated_files_that_match_the_glob_are_no_logs_of_their_own(tmp_path):
    append(tmp_path / "a.log.1", "one\n")
    append(tmp_path / "a.log", "two\n")
    assert list(follow(tmp_path / "a.log*").discover()) == [str(tmp_path / "a.log")]


def test_wrong_patterns_and_encodings_are_refused():
    for wrong in ({"start": "("}, {"fields": ["(?P<a"]}, {"encoding": "utf-16"}, {"encoding": "klingon"}):
        with pytest.raises(ValueError, match=r"expected|regular"):
            LogSettings.model_validate({"paths": ["a"], **wrong})


def test_the_shipped_example_reads_what_its_comment_shows(tmp_path):
    path = MAPPINGS.parent / "sources" / "call_center_log.yaml"
    source = load_settings(path).sources["call-centre"]
    shown = [line[4:] for line in path.read_text().splitlines() if line.startswith("#   ")]
    append(tmp_path / "calls.log", "\n".join(shown) + "\n")
    settings = source.model_copy(update={"paths": (str(tmp_path / "calls.log"),), "linger_s": 0})
    (record,) = read_all(Logs("call-centre", settings))
    values = json.loads(record.payload)
    assert values.pop("entry").count("\n") == 2
    assert values == {
        "time": "2026-03-01 10:00:12", "agent": "a117", "ticket": "T-20931", "msisdn": "08031234567",
        "text": "Customer says there has been no network in Ikeja\nsince Monday, and wants a refund.",
    }  # fmt: skip
    assert set(settings.load_mapping().columns()) == {*values, "entry"}


def test_a_rotated_file_that_still_grows_is_not_left(tmp_path):
    path, cursors = tmp_path / "a.log", {}
    append(path, "one\n")
    connector = follow(path, linger_s=60)
    read_all(connector, cursors)
    by_rename(path)
    append(path, "new\n")
    append(tmp_path / "a.log.1", "late\n")
    assert texts(read_all(connector, cursors)) == ["late"]
    append(tmp_path / "a.log.1", "later\n")
    assert texts(read_all(connector, cursors)) == ["later"]
    assert texts(read_all(follow(path), cursors)) == ["new"]
