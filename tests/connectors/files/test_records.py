import gzip
import json
import os
import zipfile

import pytest

from connectors.errors import UnreadableFile
from connectors.files.discover import discover
from connectors.files.records import Limits, records


def read(tmp_path, name, content, limits=None):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(records(path, limits))


def rows(found):
    return [json.loads(r.payload) for r in found if r.defect_code is None]


def defects(found):
    return [(r.row, r.defect_code) for r in found if r.defect_code]


def test_csv_rows_are_numbered_as_a_spreadsheet_does(tmp_path):
    found = read(tmp_path, "a.csv", 'id,text\n1,"two\nlines, one cell"\n2,"a ""quoted"" word"\n')
    assert rows(found) == [{"id": "1", "text": "two\nlines, one cell"}, {"id": "2", "text": 'a "quoted" word'}]
    assert [r.row for r in found] == [2, 4]


def test_a_row_with_other_cells_is_a_defect_and_the_rest_goes_on(tmp_path):
    found = read(tmp_path, "a.csv", "id,text\n1,a\n2,b,c\n3\n4,d\n")
    assert rows(found) == [{"id": "1", "text": "a"}, {"id": "4", "text": "d"}]
    assert defects(found) == [(3, "wrong_column_count"), (4, "wrong_column_count")]
    assert found[1].payload == b"2,b,c\n"


def test_bytes_that_are_not_utf8_break_their_row_alone(tmp_path):
    lines = [b"id,text"] + [f"{n},fine é".encode() for n in range(40)]
    lines[20] = b"19,caf\xe9"
    found = read(tmp_path, "a.csv", b"\n".join(lines) + b"\n")
    assert defects(found) == [(21, "invalid_encoding")]
    assert len(rows(found)) == 39
    assert found[19].payload == b"19,caf\xe9\n"


def test_a_file_in_another_encoding_is_read_in_it(tmp_path):
    text = "id,text\n" + "".join(f"{n},Die Störung im Netz dauert schon länger\n" for n in range(30))
    assert rows(read(tmp_path, "a.csv", text.encode("cp1252")))[3]["text"] == "Die Störung im Netz dauert schon länger"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_byte_order_marks_and_wide_encodings(tmp_path, encoding):
    assert rows(read(tmp_path, "a.csv", "id,text\n1,café\n".encode(encoding))) == [{"id": "1", "text": "café"}]


def test_an_open_quote_does_not_swallow_the_file(tmp_path):
    body = 'id,text\n1,a\n2,"never closed\n' + "".join(f"{n},row\n" for n in range(3, 2000))
    found = read(tmp_path, "a.csv", body)
    assert defects(found) == [(3, "unbalanced_quote")]
    assert len(rows(found)) == 1998


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id;text\n1;a, b\n"),
        ("a.tsv", "id\ttext\n1\ta, b\n"),
        ("a.psv", "id|text\n1|a, b\n"),
        ("b.csv", "id\ttext\n1\ta, b\n"),
    ],
)
def test_delimiters(tmp_path, name, text):
    assert rows(read(tmp_path, name, text)) == [{"id": "1", "text": "a, b"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    assert len(rows(read(tmp_path, "a.csv", end.join(["id,text", "1,a", "2,b", ""])))) == 2


def test_repeated_and_empty_column_names_get_numbers(tmp_path):
    assert list(rows(read(tmp_path, "a.csv", "a,a,\n1,2,3\n"))[0]) == ["a", "a_2", "column_3"]


def test_json_lines_and_arrays(tmp_path):
    found = read(tmp_path, "a.jsonl", '{"text": "a", "n": 1, "x": null}\nnot json\n[1]\n\n{"text": "b"}\n')
    assert rows(found) == [{"text": "a", "n": "1"}, {"text": "b"}]
    assert defects(found) == [(2, "bad_json"), (3, "not_an_object")]
    assert len(rows(read(tmp_path, "a.json", '[{"text": "a"}, {"text": "b"}]'))) == 2


def test_text_files_are_a_complaint_a_line(tmp_path):
    found = read(tmp_path, "a.txt", "no network\n\nwrong bill\n")
    assert [(r.payload, r.row) for r in found] == [(b"no network", 1), (b"wrong bill", 3)]


def test_a_record_over_the_limit_is_a_defect(tmp_path):
    found = read(tmp_path, "a.csv", f"id,text\n1,{'x' * 5000}\n2,b\n", Limits(max_record_bytes=1000))
    assert defects(found) == [(2, "record_too_large")]


def test_gzip_is_unpacked_and_a_bomb_refused(tmp_path):
    assert len(read(tmp_path, "a.csv.gz", gzip.compress(b"id,text\n1,a\n"))) == 1
    bomb = gzip.compress(b"id,text\n" + b"1,aaaaaaaaaaaaaaaaaaaaaaaa\n" * 4_000_000)
    with pytest.raises(UnreadableFile, match="bomb"):
        read(tmp_path, "b.csv.gz", bomb)
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read(tmp_path, "c.csv.gz", b"\x1f\x8bbroken")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n\n", "no header"),
        ("a.pdf", b"x", "unknown kind"),
        ("a.json", b"{", "not valid JSON"),
        ("a.json", b"3", "array of objects"),
        ("a.xlsx", b"no workbook", "not a workbook"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, match):
    with pytest.raises(UnreadableFile, match=match) as error:
        read(tmp_path, name, content)
    assert name in str(error.value)


def test_missing_files_folders_and_rights(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        list(records(tmp_path / "none.csv"))
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(UnreadableFile, match="folder"):
        list(records(tmp_path / "d.csv"))
    if os.geteuid() != 0:
        (tmp_path / "x.csv").write_text("id\n1\n")
        (tmp_path / "x.csv").chmod(0)
        with pytest.raises(UnreadableFile, match="denied"):
            list(records(tmp_path / "x.csv"))


def test_a_workbook_by_hand(tmp_path):
    path = tmp_path / "a.xlsx"
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>text</t></is></c></row>'
        '<row r="2"><c r="A2"><v>7</v></c><c r="B2" t="inlineStr"><is><t>no light</t></is></c></row>'
        "</sheetData></worksheet>"
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("[Content_Types].xml", _TYPES)
        book.writestr("_rels/.rels", _RELS.format("officeDocument", "xl/workbook.xml"))
        book.writestr("xl/workbook.xml", _BOOK)
        book.writestr("xl/_rels/workbook.xml.rels", _RELS.format("worksheet", "worksheets/sheet1.xml"))
        book.writestr("xl/worksheets/sheet1.xml", sheet)
    found = list(records(path))
    assert rows(found) == [{"id": "7", "text": "no light"}]
    assert found[0].row == 2


_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}" Target="{}"/></Relationships>'
)
_BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'
)


def test_folders_and_globs(tmp_path):
    for name in ("b.csv", "a.jsonl", ".hidden.csv", "notes.pdf"):
        (tmp_path / name).write_text("x")
    assert [p.name for p in discover([str(tmp_path)])] == ["a.jsonl", "b.csv"]
    assert [p.name for p in discover([str(tmp_path / "*.csv")])] == ["b.csv"]
    with pytest.raises(UnreadableFile, match="nothing"):
        discover([str(tmp_path / "*.xls")])


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("comcast/complaints.csv", 1264),
        ("airline_tweets/tweets.csv.gz", 7395),
        ("kenya_telco_reviews/reviews.csv", 2656),
        ("twcs_labelled/twcs-SpotifyCares-200-inbound.xlsx", 200),
    ],
)
def test_real_files_come_out_whole(data, name, count):
    found = list(records(data / name))
    assert (len(found), defects(found)) == (count, [])


def test_ugly_tables_never_crash(data):
    for path in sorted((data / "messy_tables").rglob("*.*")):
        try:
            list(records(path))
        except UnreadableFile as error:
            assert path.name in str(error)
