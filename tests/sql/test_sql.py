import json

import lancedb
import pyarrow as pa
import pytest

from engine import sql
from engine.settings import Settings
from engine.sql import work
from engine.tables import TIME

N = 60


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    found = Settings(data_dir=tmp_path_factory.mktemp("sql"), sql={"timeout_s": 20, "max_rows": 50})
    database = lancedb.connect(f"{found.zones_uri}/serving")
    rows = pa.table(
        {
            "event_id": [f"{n:064x}" for n in range(N)],
            "category": ["billing" if n % 3 else None for n in range(N)],
            "priority_reasons": [["<PERSON_ab12> waits"]] * N,
            "text": ["call <PHONE_0a1b>, it's <PERSON_ab12>"] * N,
            "occurred_at": pa.array([n * 3_600_000_000 for n in range(N)], TIME),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 4 * N, pa.float32()), 4),
        }
    )
    database.create_table("complaints", rows)
    return found


@pytest.fixture(scope="module")
def workers(settings):
    found = sql.Workers(settings)
    yield found
    found.close()


def none(call):
    raise AssertionError(call)


def in_here(settings, text, similar=none, hidden=(), max_rows=50):
    """What the process of a query answers, without the process."""
    job = sql.workers.job_of(settings, sql.read(text), similar, hidden) | {"max_rows": max_rows}
    return work.answer(json.loads(json.dumps(job)))


def test_rows_are_objects_and_columns_are_told(settings):
    answer = in_here(settings, "select category, count(*) n from complaints group by all order by n desc")
    assert answer["columns"] == ["category", "n"]
    assert answer["rows"] == [{"category": "billing", "n": 40}, {"category": None, "n": 20}]
    assert (answer["truncated"], answer["versions"]) == (False, {"complaints": 1})


def test_values_are_ready_for_json(settings):
    text = "select 1 a, 2 a, timestamptz '2026-03-01 01:00+01' t, 'nan'::double f, 'x'::blob b, date '2026-03-01' d"
    (row,) = in_here(settings, text)["rows"]
    assert row == {"a": 1, "a_1": 2, "t": "2026-03-01T00:00:00Z", "f": None, "b": "eA==", "d": "2026-03-01"}


def test_rows_over_the_limit_are_left_out_and_that_is_told(settings):
    answer = in_here(settings, "select * from complaints")
    assert (len(answer["rows"]), answer["truncated"]) == (50, True)


def test_vectors_are_there_only_when_asked_for(settings):
    assert "vector" not in in_here(settings, "select * from complaints")["columns"]
    (row,) = in_here(settings, "select vector from complaints limit 1")["rows"]
    assert row == {"vector": [0.5] * 4}


def test_similar_is_a_table_also_twice_with_other_texts(settings):
    asked = []

    def similar(call):
        asked.append((call.text, call.k))
        return {"event_id": [f"{call.k:064x}"], "score": [0.5], "rank": [1]}

    text = """select a.rank, b.score, c.occurred_at from similar('it''s lost', 7) a, similar('bill', k := 9) b
              join complaints c on c.event_id = a.event_id"""
    (row,) = in_here(settings, text, similar)["rows"]
    assert row == {"rank": 1, "score": 0.5, "occurred_at": "1970-01-01T07:00:00Z"}
    assert sorted(asked) == [("bill", 9), ("it's lost", 7)]


@pytest.mark.parametrize(
    "call", ["similar()", "similar('a', 0)", "similar('a', 501)", "similar(c.text, 3)", "similar('a', 3, 4)",
             "similar('')", "similar('a', -1)", "similar('a', n := 3)", "similar(text := 'a', k := 1.5)"]
)  # fmt: skip
def test_similar_takes_a_text_and_a_number(call):
    with pytest.raises(sql.BadSql, match="similar"):
        sql.read(f"select * from complaints c, {call}")


ESCAPES = [
    "select * from read_csv('/etc/passwd')", "select * from '/etc/passwd'", "select * from read_text('/etc/passwd')",
    "select 1 where exists (from glob('/*'))", "select (select count(*) from read_blob('/etc/passwd'))",
    "with x as (from parquet_scan('/a')) select * from x", "copy complaints to '/tmp/x'", "attach '/tmp/x'",
    "install httpfs", "load httpfs", "create table x (a int)", "drop view complaints", "delete from complaints",
    "insert into complaints values (1)", "update complaints set text = ''", "set enable_external_access = true",
    "pragma database_list", "export database '/tmp/x'", "select 1; select 2", "select 1; drop view complaints",
    "from duckdb_settings()", "from duckdb_views", "from information_schema.tables", "from pg_catalog.pg_tables",
    "from main.complaints", "from memory.main.complaints", "from _complaints", "from envelopes", "from api_keys",
    "select * from query('select 1')", "from query_table('complaints')", "select current_setting('memory_limit')",
    "select getenv('HOME')", "select * from sqlite_scan('/a', 'b')", "show tables", "explain analyze select 1",
    "call pragma_version()", "checkpoint", "use memory", "select * from python_map_function()",
    "select * from arrow_scan(1, 2, 3)", "select * from seq_scan('complaints')", "from pandas_scan(1)",
    "prepare x as select 1", "execute x", "begin", "vacuum", "select '\0'", "", ";", "select", "x" * 20_001,
]  # fmt: skip


@pytest.mark.parametrize("text", ESCAPES, ids=lambda text: text[:40])
def test_what_reaches_beyond_the_tables_is_refused(text):
    with pytest.raises(sql.BadSql):
        sql.read(text)


@pytest.mark.parametrize(
    "text",
    ["select * from read_csv('/etc/passwd')", "copy (select 1) to '/tmp/beejan-x'", "attach '/tmp/beejan-x'",
     "load httpfs", "set enable_external_access = true", "set threads = 64", "select * from settings"],
)  # fmt: skip
def test_the_connection_is_locked_also_for_what_was_not_checked(settings, text):
    settings_of_python = {"a": 1}  # noqa: F841 -- a variable must not be a table
    connection, _ = work.connect({}, {})
    with pytest.raises(Exception, match=r"disabled|locked|does not exist"):
        connection.execute(text).fetchall()


def test_what_a_role_may_not_tell_apart_is_gone_before_the_query_sees_it(settings):
    text = "select substr(text, -13) a, list_first(priority_reasons) b, text like '%<PHONE_0a1b>%' c from complaints limit 1"
    (row,) = in_here(settings, text, hidden=["PERSON"])["rows"]
    assert row == {"a": "<PERSON_0000>", "b": "<PERSON_0000> waits", "c": True}
    assert in_here(settings, "select count(*) n from complaints where text like '%ab12%'", hidden=["PERSON"])[
        "rows"
    ] == [{"n": 0}]


def test_each_query_has_its_process_and_its_limits(workers):
    answer = workers.run(sql.read("select count(*) n from complaints where category is null"), none, (), 10)
    assert answer["rows"] == [{"n": 20}]
    with pytest.raises(sql.BadSql, match="nope"):
        workers.run(sql.read("select nope from complaints"), none, (), 10)
    with pytest.raises(sql.BadSql, match="MB"):
        workers.run(sql.read("select length(repeat('x', 1000000000) || range) from range(9)"), none, (), 10)


def test_a_query_that_takes_too_long_is_ended(settings):
    quick = sql.Workers(settings.model_copy(update={"sql": settings.sql.model_copy(update={"timeout_s": 0.3})}))
    try:
        with pytest.raises(sql.BadSql, match=r"longer than 0\.3 s"):
            quick.run(sql.read("select count(*) from range(1000000000) a, range(100) b where a.range % 7 = b.range"),
                      none, (), 10)  # fmt: skip
    finally:
        quick.close()
