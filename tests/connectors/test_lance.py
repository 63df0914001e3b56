import lance
import pyarrow as pa
import pytest

from connectors import lance as store
from connectors.lance import SchemaMismatch, Table

ONE = pa.schema([pa.field("id", pa.string(), nullable=False), ("words", pa.string())])
ADDED = pa.schema([("flags", pa.list_(pa.string()))])
TWO = pa.schema([*ONE, *ADDED])


def opened(folder, schema=TWO, version=2, migrations=None):
    migrations = {2: ADDED} if migrations is None else migrations
    return Table(str(folder), "things", "id", schema, version, text_index="words", migrations=migrations)


@pytest.fixture
def old(tmp_path):
    """A table as the release before wrote it, with two rows and a text index."""
    table = Table(str(tmp_path), "things", "id", ONE, text_index="words")
    table.upsert(pa.table({"id": ["a", "b"], "words": ["no network", "wrong bill"]}, schema=ONE))
    table.make_durable()
    return tmp_path


def stamp(folder):
    return lance.dataset(f"{folder}/things.lance").schema.metadata[b"beejan.schema_version"]


def test_an_older_table_gets_the_new_column_and_keeps_its_rows(old):
    table = opened(old)
    rows = {row["id"]: row for row in table.scan(["id", "words", "flags"]).to_pylist()}
    assert rows == {
        "a": {"id": "a", "words": "no network", "flags": None},
        "b": {"id": "b", "words": "wrong bill", "flags": None},
    }
    assert stamp(old) == b"2"


def test_a_migrated_table_takes_rows_updates_them_and_still_finds_words(old):
    table = opened(old)
    rows = pa.table({"id": ["b", "c"], "words": ["wrong bill", "no light"], "flags": [["x"], []]}, schema=TWO)
    assert table.upsert(rows, update=True) == 1
    assert opened(old).scan(["id", "flags"]).sort_by("id")["flags"].to_pylist() == [None, ["x"], []]
    found = table._table.search("network", query_type="fts").limit(5).to_arrow()
    assert found["id"].to_pylist() == ["a"]


def test_a_migration_is_made_durable_and_done_once(old, monkeypatch):
    synced = []
    monkeypatch.setattr(store, "_fsync", lambda path: synced.append(path.name))
    opened(old)
    newest = min((old / "things.lance" / "_versions").iterdir(), key=lambda path: path.name).name
    assert {newest, "_versions", "things.lance"} <= set(synced)
    before = lance.dataset(f"{old}/things.lance").version
    opened(old)
    assert lance.dataset(f"{old}/things.lance").version == before


def test_a_migration_that_was_cut_short_goes_on(old):
    # The columns are there, the stamp is not yet.
    Table(str(old), "things", "id", ONE)._table.add_columns(list(ADDED))
    assert opened(old).scan(["flags"])["flags"].to_pylist() == [None, None]
    assert stamp(old) == b"2"


def test_a_newer_table_is_refused_and_left_alone(tmp_path):
    opened(tmp_path)
    with pytest.raises(SchemaMismatch, match=r"schema version 2, this program knows versions up to 1; a newer release"):
        opened(tmp_path, ONE, 1, {})
    assert stamp(tmp_path) == b"2"


def test_an_older_table_without_a_way_to_this_version_is_refused_and_left_alone(old):
    with pytest.raises(SchemaMismatch, match="schema version 1 with columns"):
        opened(old, migrations={})
    assert stamp(old) == b"1"


def test_a_table_of_another_vector_length_is_refused(tmp_path):
    def schema(size):
        return pa.schema([*ONE, ("vector", pa.list_(pa.float32(), size))])

    Table(str(tmp_path), "things", "id", schema(3))
    with pytest.raises(SchemaMismatch, match="another embedding model"):
        Table(str(tmp_path), "things", "id", schema(4))


def test_a_large_table_gets_an_index_of_what_rows_are_looked_up_by(tmp_path, monkeypatch):
    monkeypatch.setattr(store.lance_index, "SCALAR_ROWS", 3)
    table = opened(tmp_path)

    def indexed():
        return {
            name for one in lance.dataset(f"{tmp_path}/things.lance").describe_indices() for name in one.field_names
        }

    def put(*ids, flags=None, update=False):
        rows = pa.table({"id": ids, "words": ["no network"] * len(ids), "flags": [flags] * len(ids)}, schema=TWO)
        return table.upsert(rows, update=update)

    put("a", "b")
    table.compact(3600, lookups=["id"])
    assert indexed() == {"words"}
    put("c")
    table.compact(3600, lookups=["id"])
    assert indexed() == {"words", "id"}
    # Known keys, an indexed and a new one, are still told from new ones.
    assert [put("d"), put("a", "c", "d", "e"), put("a", "d", flags=["x"], update=True)] == [1, 1, 0]
    table.compact(3600, lookups=["id"])
    assert [put("a", "b", "c", "d", "e"), table.count()] == [0, 5]
    for reader in (table, opened(tmp_path)):
        assert reader.scan(["id"], "id = 'd'")["id"].to_pylist() == ["d"]
        assert sorted(reader.scan(["id"], "id IN ('a', 'e', 'z')")["id"].to_pylist()) == ["a", "e"]
        assert sorted(reader.scan(["id"], "flags IS NOT NULL")["id"].to_pylist()) == ["a", "d"]
