import json
import struct
import zipfile
from datetime import date, datetime, time, timedelta

import pytest

from connectors.errors import UnreadableFile
from connectors.files.records import Limits, records
from connectors.files.sheets import cell


def test_two_sheets_with_rows_are_both_read_and_an_empty_one_is_not(tmp_path):
    path = workbook(
        tmp_path / "a.xlsx", [sheet(["id", "text"], [7, "no light"]), sheet(), sheet(["n", "t"], [1.5, True])]
    )
    found = list(records(path))
    assert [json.loads(r.payload) for r in found] == [{"id": "7", "text": "no light"}, {"n": "1.5", "t": "true"}]
    assert [r.row for r in found] == [2, 2]


def test_a_title_above_the_header_is_passed_over(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [sheet(["Report"], [], ["id", "text"], [1, "a"])])
    assert [(r.row, json.loads(r.payload)) for r in records(path)] == [(4, {"id": "1", "text": "a"})]


def test_a_workbook_with_too_many_columns_is_refused_and_not_cut(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [sheet(["a", "b", "c"], [1, 2, 3])])
    with pytest.raises(UnreadableFile, match="3 columns; at most 2"):
        list(records(path, Limits(max_columns=2)))


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [sheet(["id", "text"], [1, "x" * 20_000_000])])
    with pytest.raises(UnreadableFile, match="bomb"):
        list(records(path))


def test_a_workbook_damaged_in_the_middle_is_corrupt(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [sheet(["id", "text"], [1, "a"])], zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b">text<", b">tixt<"))
    with pytest.raises(UnreadableFile, match="checksum"):
        list(records(path))


@pytest.mark.parametrize("size", [3000, 5000])
def test_a_damaged_binary_workbook_is_unreadable_and_nothing_else(data, tmp_path, size):
    whole = (data / "messy_tables/tabulator/special__merged-cells.xls").read_bytes()
    (tmp_path / "a.xls").write_bytes(whole[:size])
    with pytest.raises(UnreadableFile, match="not a workbook"):
        list(records(tmp_path / "a.xls"))


@pytest.mark.parametrize("program", ["import os; os.abort()", "import sys; sys.stdin.buffer.read(); print('[\"a\"]')"])
def test_a_parser_that_dies_makes_the_file_unreadable(tmp_path, monkeypatch, program):
    (tmp_path / "dies").write_text(program)
    monkeypatch.setattr("connectors.files.workbook._PROGRAM", tmp_path / "dies")
    with pytest.raises(UnreadableFile, match="its parser failed"):
        list(records(workbook(tmp_path / "a.xlsx", [sheet(["id", "text"], [1, "a"])])))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (12.0, "12"),
        (1.5, "1.5"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 14, 5), "2026-03-02T14:05:00"),
        (time(14, 5), "14:05:00"),
        (timedelta(hours=26), "1 day, 2:00:00"),
        (" a ", "a"),
    ],
)
def test_cells_as_text(value, text):
    assert cell(value) == text


def test_a_workbook_with_a_password_says_so(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(encrypted())
    with pytest.raises(UnreadableFile, match=r"a\.xlsx: protected by a password"):
        list(records(tmp_path / "a.xlsx"))


def sheet(*lines):
    body = ""
    for number, cells in enumerate(lines, 1):
        inner = ""
        for column, value in zip("ABCDEFG", cells, strict=False):
            place = f'r="{column}{number}"'
            if isinstance(value, bool):
                inner += f'<c {place} t="b"><v>{int(value)}</v></c>'
            elif isinstance(value, str):
                inner += f'<c {place} t="inlineStr"><is><t>{value}</t></is></c>'
            else:
                inner += f"<c {place}><v>{value}</v></c>"
        body += f'<row r="{number}">{inner}</row>'
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'


def workbook(path, sheets, compression=zipfile.ZIP_DEFLATED):
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, len(sheets) + 1))
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOC}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    with zipfile.ZipFile(path, "w", compression) as book:
        book.writestr("[Content_Types].xml", _TYPES)
        book.writestr("_rels/.rels", _RELS.format("officeDocument", "xl/workbook.xml"))
        book.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOC}"><sheets>{listed}</sheets></workbook>'
        )
        book.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>')
        for number, text in enumerate(sheets, 1):
            book.writestr(f"xl/worksheets/sheet{number}.xml", text)
    return path


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def encrypted():
    """The least of an OLE container with the stream in which Office keeps an encrypted workbook."""
    free, end, fat = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    header = struct.pack("<8s16xHHHHH6x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<109I", 0, *[free] * 108)
    table = struct.pack("<128I", fat, end, *[n + 1 for n in range(2, 9)], end, *[free] * 118)

    def entry(name, kind, child, start, size):
        text = name.encode("utf-16-le")
        size_field = len(text) + 2 if name else 0
        return struct.pack("<64sHBBIII16xI8x8xIQ", text, size_field, kind, 1, free, free, child, 0, start, size)

    entries = entry("Root Entry", 5, 1, end, 0) + entry("EncryptedPackage", 2, free, 2, 4096)
    entries += entry("", 0, free, 0, 0) * 2
    return header + table + entries + bytes(4096)


_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}" Target="{}"/></Relationships>'
)
