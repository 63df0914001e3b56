import csv
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import lance
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine import sql
from engine.exports import formats, jobs, work
from engine.settings import ROOT
from engine.tables import TIME

PART, PARTS = 40, 5


def rows(first):
    numbers = list(range(first, first + PART))
    return pa.table(
        {
            "event_id": [f"{n:064x}" for n in numbers],
            "text": [f'=1+{n}, "<PERSON_ab12>"\nand more' if n % 2 else None for n in numbers],
            "category_reasons": [["a", "<PERSON_ab12>"] if n % 2 else None for n in numbers],
            "amount": [n / 4 for n in numbers],
            "occurred_at": pa.array([n * 1_500_000 for n in numbers], TIME),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 4 * PART, pa.float32()), 4),
        }
    )


@pytest.fixture
def zone(tmp_path):
    path = str(tmp_path / "serving" / "complaints.lance")
    for part in range(PARTS):
        lance.write_dataset(rows(part * PART), path, mode="append" if part else "create")
    return str(tmp_path / "serving")


def put(zone, tmp_path, form="csv", **more):
    version = int(lance.dataset(f"{zone}/complaints.lance").version)
    values = {"versions": {"complaints": version}} | more
    return jobs.put(tmp_path, jobs.Job(jobs.new_id(), "k1", form, zone, **values))


def test_csv_has_all_rows_and_no_formulas(zone, tmp_path):
    path = put(zone, tmp_path, hidden=("PERSON",))
    state = work.run(path)
    assert (state.state, state.rows, state.parts) == ("done", 200, [0, 40, 40, 40, 40, 40])
    with (path / "data.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["event_id"] for row in found] == [f"{n:064x}" for n in range(200)]
    assert found[3] == {
        "event_id": f"{3:064x}", "text": "'=1+3, \"<PERSON_0000>\"\nand more", "category_reasons": "a; <PERSON_0000>",
        "amount": "0.75", "occurred_at": "1970-01-01T00:00:04.500000Z",
    }  # fmt: skip
    assert (found[2]["text"], found[2]["category_reasons"]) == ("", "")
    assert not list(path.glob("part-*"))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_like_a_formula_gets_an_apostrophe_unless_it_may_be_one(start):
    batch = pa.RecordBatch.from_pydict({"a": [f"{start}x", f"x{start}"]})
    assert formats.as_text(batch, safe=True)["a"].to_pylist() == [f"'{start}x", f"x{start}"]
    assert formats.as_text(batch, safe=False)["a"].to_pylist() == [f"{start}x", f"x{start}"]


def test_names_of_columns_are_no_formulas_either(zone, tmp_path):
    path = put(zone, tmp_path, query=asked('SELECT 1 AS "=cmd()"'), versions={})
    work.run(path)
    assert (path / "data.csv").read_text() == '"\'=cmd()"\n1\n'


def test_parquet_and_json_lines_keep_the_types(zone, tmp_path):
    both = [put(zone, tmp_path, form, condition="amount < 1", columns=("amount", "category_reasons", "occurred_at"))
            for form in ("parquet", "jsonl")]  # fmt: skip
    for path in both:
        work.run(path)
    table = pq.read_table(both[0] / "data.parquet")
    assert table["amount"].to_pylist() == [0.0, 0.25, 0.5, 0.75]
    assert table.schema.field("occurred_at").type == TIME
    lines = [json.loads(line) for line in (both[1] / "data.jsonl").read_text().splitlines()]
    assert lines[1] == {
        "amount": 0.25, "category_reasons": ["a", "<PERSON_ab12>"], "occurred_at": "1970-01-01T00:00:01.500000Z",
    }  # fmt: skip


def test_what_is_written_after_it_was_asked_for_is_not_in_it(zone, tmp_path):
    path = put(zone, tmp_path)
    lance.write_dataset(rows(1000), f"{zone}/complaints.lance", mode="append")
    assert work.run(path).rows == 200


def test_a_search_is_exported_in_its_order_with_scores(zone, tmp_path):
    ranked = ((f"{7:064x}", 0.9), (f"{100:064x}", 0.5), ("f" * 64, 0.4), (f"{2:064x}", 0.25))
    path = put(zone, tmp_path, ranked=ranked, columns=("amount",))
    work.run(path)
    assert (path / "data.csv").read_text().splitlines() == [
        '"rank","score","amount"', "1,0.9,1.75", "2,0.5,25", "4,0.25,0.5",
    ]  # fmt: skip


def asked(text):
    return {"sql": sql.read(text).sql, "similar": {}, "hidden": [], "vectors": False, "memory_bytes": 128 << 20}


def test_a_query_is_exported_without_a_limit_of_rows(zone, tmp_path):
    text = "SELECT c.amount, r.range AS n FROM complaints c, range(100) r ORDER BY ALL"
    path = put(zone, tmp_path, "jsonl", query=asked(text))
    assert work.run(path).rows == 20_000
    assert (path / "data.jsonl").read_text().splitlines()[101] == '{"amount": 0.25, "n": 1}'


def test_a_wrong_query_or_a_version_that_is_gone_fails_and_says_why(zone, tmp_path):
    state = work.run(put(zone, tmp_path, query=asked("SELECT nope FROM complaints")))
    assert state.state == "failed" and "nope" in state.error
    state = work.run(put(zone, tmp_path, versions={"complaints": 99}))
    assert state.state == "failed" and "no longer kept" in state.error


def test_a_killed_export_goes_on_with_the_next_part_and_gives_the_same_file(zone, tmp_path):
    whole = put(zone, tmp_path)
    work.run(whole)
    path = put(zone, tmp_path)
    slowly = (
        "import sys, time; from engine.exports import formats, work; write = formats.write_part\n"
        "def slow(path, *more):\n"
        "    (path.parent / f'begun-{path.name}').touch(); time.sleep(0.2 if path.name < 'part-000003' else 60)\n"
        "    return write(path, *more)\n"
        "formats.write_part = slow; work.main()"
    )
    command = [sys.executable, "-c", slowly, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT)
    while not (path / "begun-part-000003").exists():
        assert process.poll() is None
        time.sleep(0.02)
    again = subprocess.run([sys.executable, "-m", "engine.exports.work", str(path)], stdin=subprocess.DEVNULL, cwd=ROOT)
    assert again.returncode == work.TAKEN  # never two at once
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (path / "part-000003.new").write_text("half a line")
    assert jobs.state_of(path).parts == [0, 40, 40]
    times = [one.stat().st_mtime_ns for one in sorted(path.glob("part-00000[0-2]"))]
    assert jobs.unfinished(tmp_path) == [path]
    written = []
    write = formats.write_part
    formats.write_part = lambda *given: written.append(given[0].name) or write(*given)
    try:
        state = work.run(path)
    finally:
        formats.write_part = write
    assert len(times) == 3 and written == ["part-000003", "part-000004", "part-000005"]
    assert (state.state, state.attempts) == ("done", 2)
    assert (path / "data.csv").read_bytes() == (whole / "data.csv").read_bytes()
    assert jobs.unfinished(tmp_path) == []


def test_an_export_that_never_ends_is_given_up(zone, tmp_path):
    path = put(zone, tmp_path)
    jobs.write(path, jobs.State("running", attempts=jobs.MOST_ATTEMPTS))
    assert work.run(path).state == "failed"


def test_old_exports_are_removed_and_odd_ids_are_none(zone, tmp_path):
    path = put(zone, tmp_path)
    work.run(path)
    now = datetime.now(UTC)
    assert jobs.remove_old(tmp_path, timedelta(hours=1), now) == 0
    assert jobs.remove_old(tmp_path, timedelta(hours=1), now + timedelta(hours=2)) == 1
    with pytest.raises(jobs.NoExport):
        jobs.job_of(path)
    for odd in ("..", "../../x", "", "g" * 16):
        with pytest.raises(jobs.NoExport):
            jobs.find(tmp_path, odd)
