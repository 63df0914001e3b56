"""Mails, archives, packed files, HTML tables, lying names, any bytes."""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import tarfile
import tracemalloc
import zipfile

import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import UnreadableFile
from connectors.files.discover import discover
from connectors.files.kinds import SUFFIXES, WORKBOOKS
from connectors.files.records import Limits, records

TABLE = b"id,text\n1,no light\n"
MAIL = b"From: a@example.com\nMessage-ID: <%d@x>\nSubject: s\n\nno light\n"


def read(path, content, limits=None):
    path.write_bytes(content)
    return list(records(path, limits))


def zipped(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("pack", "suffix"), [(gzip.compress, "gz"), (bz2.compress, "bz2"), (lzma.compress, "xz"), (zstd.compress, "zst")]
)
def test_packed_files_are_read_and_damaged_ones_and_bombs_are_refused(tmp_path, pack, suffix):
    assert [json.loads(r.payload)["text"] for r in read(tmp_path / f"a.csv.{suffix}", pack(TABLE))] == ["no light"]
    assert len(read(tmp_path / "lies.csv", pack(TABLE) + pack(b"2,b\n"))) == 2
    noise = pack(b"id,text\n" + random.Random(1).randbytes(90_000).hex().encode())
    with pytest.raises(UnreadableFile, match="no whole"):
        read(tmp_path / f"b.csv.{suffix}", noise[: len(noise) // 2])
    with pytest.raises(UnreadableFile, match="bomb"):
        read(tmp_path / f"c.txt.{suffix}", pack(b"x" * 18_000_000))


@pytest.mark.parametrize("pack", [zipped, tarred, lambda members: gzip.compress(tarred(members))])
def test_members_are_read_in_turn_and_say_which(tmp_path, pack):
    members = [
        ("b/a.csv", TABLE),
        ("../../x.eml", MAIL % 1),
        ("c.csv.gz", gzip.compress(TABLE)),
        ("p.pdf", b"%PDF-1"),
        ("__MACOSX/a", b"x"),
        ("n.zip", zipped([("a.csv", TABLE)])),
    ]
    found = read(tmp_path / "a.dat", pack(members))
    assert [(r.metadata["member"], r.defect_code) for r in found] == [
        ("b/a.csv", None),
        ("../../x.eml", None),
        ("c.csv.gz", None),
        ("p.pdf", "unreadable_member"),
        ("n.zip", "unreadable_member"),
    ]
    assert "PDF" in found[3].defect_message
    assert "archive within an archive" in found[4].defect_message
    assert [p.name for p in tmp_path.iterdir()] == ["a.dat"]


def test_archives_that_cannot_be_read_say_why(tmp_path):
    locked = bytearray(zipped([("a.csv", TABLE)]))
    locked[6] |= 1
    locked[locked.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(UnreadableFile, match="password"):
        read(tmp_path / "a.zip", bytes(locked))
    with pytest.raises(UnreadableFile, match="bomb"):
        read(tmp_path / "b.zip", zipped([(f"{n}.txt", b"x" * 5_000_000) for n in range(4)]))
    with pytest.raises(UnreadableFile, match="no whole zip"):
        read(tmp_path / "c.zip", b"PK\3\4 broken")
    with pytest.raises(UnreadableFile, match="holds no file"):
        read(tmp_path / "d.zip", zipped([]))
    with pytest.raises(UnreadableFile, match="more than 100 bytes"):
        read(tmp_path / "e.tar", tarred([("a.txt", b"x\n" * 100)]), Limits(max_expanded_bytes=100))


def test_an_mbox_gives_the_mails_that_eml_files_would(tmp_path):
    line = b"From a@example.com Mon May  4 10:00:00 2026\n"
    body = MAIL % 1 + b"\nFrom here on it is dark\n"
    found = read(
        tmp_path / "a.mbox", line + body.replace(b"\nFrom here", b"\n>From here") + b"\n" + line + MAIL % 2 + b"\n"
    )
    assert [(r.row, r.key) for r in found] == [(1, "1@x"), (2, "2@x")]
    assert found[0].payload == read(tmp_path / "a.eml", body)[0].payload


def test_a_maildir_is_a_folder_of_mails(tmp_path):
    for name in ("cur", "new", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "cur" / "17.M1.host:2,S").write_bytes(MAIL % 1)
    (tmp_path / "new" / "18.M2.host").write_bytes(MAIL % 2)
    assert [next(records(p)).key for p in discover([str(tmp_path)])] == ["1@x", "2@x"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xls", TABLE),
        ("a.xls", b"<html><table><tr><td>id<td>text<tr><td>1<td>no light</table>"),
        ("a.csv", b"<table><tr><th>id<th>text</tr><tr><td>1<td>no light</td></tr></table>"),
        ("a.html", b"<!doctype html><table><tr><th>id<th>text<tr><td>1<td>no light</table>"),
        ("a", TABLE),
        ("a.dat", b'{"id":"1","text":"no light"}'),
    ],
)
def test_the_content_tells_the_kind_where_the_name_lies(tmp_path, name, content):
    assert [json.loads(r.payload) for r in read(tmp_path / name, content)] == [{"id": "1", "text": "no light"}]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.4", "PDF"),
        (b"\x89PNG\r\n", "picture"),
        (b"PAR1", "Parquet"),
        (b"Rar!", "RAR"),
        (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', "Excel 2003"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, what):
    with pytest.raises(UnreadableFile, match=what):
        read(tmp_path / "a.xls", content)


def test_titles_above_the_header_are_passed_over_and_a_missing_header_costs_no_row(tmp_path):
    found = read(tmp_path / "a.csv", b"Complaints of May\n# exported today\n\nid,text\n1,a\n2,b\n")
    assert [(r.row, json.loads(r.payload)) for r in found] == [
        (5, {"id": "1", "text": "a"}),
        (6, {"id": "2", "text": "b"}),
    ]
    found = read(tmp_path / "b.csv", b"1,a\n2,b\n")
    assert [json.loads(r.payload) for r in found] == [
        {"column_1": "1", "column_2": "a"},
        {"column_1": "2", "column_2": "b"},
    ]


def test_headers_of_several_merged_rows_are_joined(data):
    (found,) = records(data / "messy_tables/tabulator/special__multiline-headers.xlsx")
    assert list(json.loads(found.payload)) == [
        "Region",
        "Caloric contribution (%)",
        "Cumulative impact of changes on cost of food basket from previous quarter",
        "Cumulative impact of changes on cost of food basket from baseline (%)",
    ]
    assert found.metadata == {"sheet": "Лист1"}


def test_a_long_csv_is_read_in_bounded_memory(tmp_path):
    path = tmp_path / "a.csv.xz"
    with lzma.open(path, "wt", preset=0) as out:
        out.write("id,text\n")
        for n in range(40_000):
            out.write(
                f"{n},{n * 7919 % 1_000_003} no light in the whole street since the storm of last night{' on and on' * 50}\n"
            )
    tracemalloc.start()
    try:
        count = sum(1 for _ in records(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 40_000
    assert peak < 12_000_000


STARTS = [b"", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\3\4", zipped([("a.csv", TABLE)])[:60], tarred([("a.csv", TABLE)])[:700], b"From a 10:00\n", b"<html><table>", b'{"a":', b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe", b"a,b\n1,"]  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([s for s in SUFFIXES if s not in WORKBOOKS] + [""]),
    st.sampled_from(STARTS[:-3] + STARTS[-2:]),
    st.binary(max_size=200),
)
def test_any_bytes_end_in_records_defects_or_a_refusal(tmp_path, suffix, start, noise):
    try:
        for record in read(tmp_path / f"a.{suffix}", start + noise):
            assert record.defect_code or record.payload
    except UnreadableFile as error:
        assert "a." in str(error)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*WORKBOOKS, "msg"]), st.sampled_from(STARTS), st.binary(max_size=200))
def test_any_bytes_as_a_workbook_too(tmp_path, suffix, start, noise):
    try:
        read(tmp_path / f"a.{suffix}", start + noise)
    except UnreadableFile as error:
        assert "a." in str(error)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_what_python_s_csv_writes_comes_back(tmp_path, rows):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *rows])
    found = read(tmp_path / "a.csv", out.getvalue().encode())
    assert [tuple(json.loads(r.payload).values()) for r in found if not r.defect_code] == rows
