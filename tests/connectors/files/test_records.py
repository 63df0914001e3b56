import gzip
import json
import os
import pickle
import random
import tracemalloc
from pathlib import Path

import pytest

from connectors.errors import UnreadableFile
from connectors.files.discover import discover
from connectors.files.jsonsplit import elements
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


def test_a_quote_within_a_cell_is_a_character(tmp_path):
    found = read(tmp_path, "a.csv", 'id,text\n1,5" pipe\n2,b\n')
    assert rows(found) == [{"id": "1", "text": '5" pipe'}, {"id": "2", "text": "b"}]


def test_a_later_quoted_cell_does_not_close_an_open_quote(tmp_path):
    found = read(tmp_path, "a.csv", 'id,text\n1,"never closed\n2,row\n3,"fine"\n4,d\n')
    assert defects(found) == [(2, "unbalanced_quote")]
    assert [row["text"] for row in rows(found)] == ["row", "fine", "d"]


def test_a_quote_closed_some_rows_later_by_chance_does_not_swallow_them(tmp_path):
    found = read(tmp_path, "a.csv", 'id,text,n\n1,"open,5\n2,row,6\n3,b,said "\n')
    assert (found[0].row, found[0].defect_code, found[0].payload) == (2, "unbalanced_quote", b'1,"open,5\n')
    assert [row["id"] for row in rows(found)] == ["2", "3"]


def test_a_row_of_several_lines_with_other_cells_is_one_defect(tmp_path):
    found = read(tmp_path, "a.csv", 'id,text,n\n1,"two\nlines"\n2,b,c\n')
    assert defects(found) == [(2, "wrong_column_count")]
    assert found[0].payload == b'1,"two\nlines"\n'
    assert found[0].defect_message == "row 2: 2 cells; the header has 3 columns"
    assert found[1].row == 4


@pytest.mark.parametrize(("lines", "expected"), [(1000, []), (1001, [2, 1002])])
def test_a_quoted_cell_may_run_over_a_thousand_lines(tmp_path, lines, expected):
    found = read(tmp_path, "a.csv", 'id,text\n1,"' + "\n" * (lines - 1) + '"\n2,b\n')
    # Where the cell is given up, its last line is a quote that opens another.
    assert [row for row, code in defects(found) if code == "unbalanced_quote"] == expected
    assert rows(found)[-1] == {"id": "2", "text": "b"}


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_characters_that_only_look_like_line_ends_stay_in_their_cell(tmp_path, mark):
    assert rows(read(tmp_path, "a.csv", f'id,a,b\n1,"x\ny",foo{mark}bar\n'))[0]["b"] == f"foo{mark}bar"


def test_a_stray_nul_does_not_make_a_file_utf16(tmp_path):
    assert [row["text"] for row in rows(read(tmp_path, "a.csv", "id,text\n1,a\0b\n2,ok\n"))] == ["a\0b", "ok"]


def test_broken_utf16_breaks_its_row_alone(tmp_path):
    whole = "id,text\n1,a\n2,".encode("utf-16") + b"\x00\xd8" + "\n3,c\n".encode("utf-16-le")
    found = read(tmp_path, "a.csv", whole)
    assert defects(found) == [(3, "invalid_encoding")]
    assert [row["id"] for row in rows(found)] == ["1", "3"]


def test_the_last_line_counts_for_the_encoding_without_a_line_end(tmp_path):
    assert rows(read(tmp_path, "a.csv", b"id,text\n1,caf\xe9 au lait"))[0]["text"] == "café au lait"


def test_a_short_utf8_file_with_a_broken_line_stays_utf8(tmp_path):
    found = read(tmp_path, "a.csv", "id,text\n1,ẹ̀rọ\n2,ọjà\n".encode() + b"3,caf\xe9\n")
    assert [row["text"] for row in rows(found)] == ["ẹ̀rọ", "ọjà"]
    assert defects(found) == [(4, "invalid_encoding")]


def test_a_sample_that_ends_within_a_character_is_still_utf8(tmp_path):
    text = "x" * ((1 << 20) - len('[{"a":"') - 1) + "é"
    found = read(tmp_path, "a.json", f'[{{"a":"{text}"}}]', Limits(max_record_bytes=1 << 21))
    assert rows(found) == [{"a": text}]


def test_line_ends_across_reads_end_one_line(tmp_path):
    # The first read ends between \r and \n.
    first = b"x" * ((1 << 20) - 1)
    found = read(tmp_path, "a.txt", first + b"\r\nsecond\r\n", Limits(max_record_bytes=1 << 21))
    assert [(len(r.payload), r.row) for r in found] == [((1 << 20) - 1, 1), (6, 2)]


def test_json_lines_and_arrays(tmp_path):
    found = read(tmp_path, "a.jsonl", '{"text": "a", "n": 1, "x": null}\nnot json\n[1]\n\n{"text": "b"}\n')
    assert rows(found) == [{"text": "a", "n": "1"}, {"text": "b"}]
    assert defects(found) == [(2, "bad_json"), (3, "not_an_object")]
    assert len(rows(read(tmp_path, "a.json", '[{"text": "a"}, {"text": "b"}]'))) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"text": "a"}\n{"text": "b"}\n', [1, 2]),
        ('{"text": "a"}\n\n{"text": "b"}\n', [1, 3]),
        ('{\n "text": "a"\n}\n{\n "text": "b"\n}', [1, 2]),
        ('[{"text": "a"},\n {"text": "b"}]', [1, 2]),
        ('[{"text": "a"}, {"text": "b"},]', [1, 2]),
    ],
)
def test_json_files_of_several_objects(tmp_path, text, expected):
    found = read(tmp_path, "a.json", text)
    assert rows(found) == [{"text": "a"}, {"text": "b"}]
    assert [r.row for r in found] == expected


def test_brackets_and_quotes_in_json_strings_are_text(tmp_path):
    value = 'a "quoted" ]},{[ \\ end\\'
    assert rows(read(tmp_path, "a.json", json.dumps([{"t": value}, {"t": "b"}]))) == [{"t": value}, {"t": "b"}]


def test_a_broken_json_element_breaks_alone(tmp_path):
    found = read(
        tmp_path, "a.json", b'[{"t":1,},{"t":"\xff"},5,{"t":[1,{"u":null}]},{"t":"\xc3\xa9"},{"t":"\xc3\xa0"}] '
    )
    assert defects(found) == [(1, "bad_json"), (2, "invalid_encoding"), (3, "not_an_object")]
    assert rows(found) == [{"t": '[1, {"u": null}]'}, {"t": "é"}, {"t": "à"}]


def test_json_that_breaks_off_gives_what_came_before(tmp_path):
    (tmp_path / "a.json").write_text('[{"t": "a"}, {"t": "secret')
    reading = records(tmp_path / "a.json")
    assert next(reading).payload == b'{"t":"a"}'
    with pytest.raises(UnreadableFile, match="after record 1: it breaks off") as error:
        next(reading)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("at", range(1, 40))
def test_json_is_cut_the_same_wherever_its_pieces_end(at):
    whole = b'[{"a": "x\\\\"}, {"b": "\\"]}, {"}, 3, {"c": []}]'
    assert list(elements([whole[:at], whole[at:]], 99)) == [
        b'{"a": "x\\\\"}',
        b'{"b": "\\"]}, {"}',
        b"3",
        b'{"c": []}',
    ]


def test_text_files_are_a_complaint_a_line(tmp_path):
    found = read(tmp_path, "a.txt", "no network\n\nwrong bill\n")
    assert [(r.payload, r.row) for r in found] == [(b"no network", 1), (b"wrong bill", 3)]


def test_a_record_over_the_limit_is_a_defect(tmp_path):
    found = read(tmp_path, "a.csv", f"id,text\n1,{'x' * 5000}\n2,b\n", Limits(max_record_bytes=1000))
    assert defects(found) == [(2, "record_too_large")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,t\n1,{}\n2,b\n"),
        ("a.jsonl", '{{"t":"{}"}}\n{{"t":"b"}}\n'),
        ("a.json", '[{{"t":"{}"}},{{"t":"b"}}]'),
        ("a.txt", "{}\nb\n"),
    ],
)
def test_a_record_over_the_limit_keeps_its_first_64_kib(tmp_path, name, text):
    found = read(tmp_path, name, text.format("x" * 300_000), Limits(max_record_bytes=1000))
    assert [r.defect_code for r in found] == ["record_too_large", None]
    assert len(found[0].payload) == 65536
    assert "xx" not in found[0].defect_message


def test_a_line_without_end_is_not_held_whole(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"x" * 15_000_000))
    tracemalloc.start()
    try:
        (found,) = records(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.defect_code == "record_too_large"
    assert peak < 8_000_000


def test_a_gzip_damaged_in_the_middle_or_cut_is_unreadable(tmp_path):
    noise = random.Random(7).randbytes(60_000).hex()
    packed = gzip.compress(("id,text\n" + "\n".join(f"1,{noise[n : n + 50]}" for n in range(0, 120_000, 50))).encode())
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read(tmp_path, "a.csv.gz", packed[:3000] + b"\xff" * 40 + packed[3040:])
    with pytest.raises(UnreadableFile, match="no whole gzip file"):
        read(tmp_path, "b.csv.gz", packed[: len(packed) // 2])


def test_errors_survive_pickling(tmp_path):
    with pytest.raises(UnreadableFile) as error:
        read(tmp_path, "a.csv", b"")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_gzip_is_unpacked_and_a_bomb_refused(tmp_path):
    assert len(read(tmp_path, "a.csv.gz", gzip.compress(b"id,text\n1,a\n"))) == 1
    bomb = gzip.compress(b"id,text\n" + b"1,a" * 6_000_000)
    with pytest.raises(UnreadableFile, match="bomb"):
        read(tmp_path, "b.csv.gz", bomb)
    with pytest.raises(UnreadableFile, match="more than 10 bytes"):
        read(tmp_path, "b.csv.gz", gzip.compress(b"id,text\n1,a\n"), Limits(max_expanded_bytes=10))
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read(tmp_path, "c.csv.gz", b"\x1f\x8bbroken")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", b"", "is empty"),
        ("a.txt.gz", gzip.compress(b""), "is empty"),
        ("a.json", b"  ", "holds nothing"),
        ("a.json", b"[1]]", "closed than opened"),
        ("a.csv", b"a,b\xff" * 999_999, "first line is over"),
        ("a.csv", b"a," * 2001, "at most 2000"),
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


def test_folders_and_globs(tmp_path):
    for name in ("b.csv", "a.jsonl", ".hidden.csv", "notes.pdf"):
        (tmp_path / name).write_text("x")
    assert [p.name for p in discover([str(tmp_path)])] == ["a.jsonl", "b.csv"]
    assert [p.name for p in discover([str(tmp_path / "*.csv")])] == ["b.csv"]
    with pytest.raises(UnreadableFile, match="nothing"):
        discover([str(tmp_path / "*.xls")])


def test_a_folder_that_cannot_be_opened_is_not_passed_over(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.csv").write_text("id,text\n1,no network\n")
    scandir = os.scandir

    def refuse(path):  # root may open every folder
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover([str(tmp_path)])
    assert found == [tmp_path / "a.csv", tmp_path / "closed"]
    with pytest.raises(UnreadableFile, match="closed: cannot be read"):
        list(records(found[1]))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("comcast/complaints.csv", 1264),
        ("airline_tweets/tweets.csv.gz", 7395),
        ("kenya_telco_reviews/reviews.csv", 2656),
        ("twcs_labelled/twcs-SpotifyCares-200-inbound.xlsx", 200),
        ("twcs_labelled/twcs-SpotifyCares-100-outbound.xlsx", 100),
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
