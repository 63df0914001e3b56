import threading

import numpy as np
import pyarrow as pa
import pytest

from connectors.lance import Table, open_reader
from engine.search import retrieve
from engine.store import upkeep
from engine.store.upkeep import Upkeep


class Recorder:
    schema = pa.schema([])
    path = "serving.things"

    def __init__(self):
        self.folds, self.trained, self.cleaned = [], [], 0
        self.due, self.may_end = None, threading.Event()

    def compact(self, keep_s, fold_rows, lookups=(), filters=()):
        self.folds.append(fold_rows)
        return {}

    def clean(self, keep_s):
        self.cleaned += 1
        return {}

    def refresh_text_index(self, column):
        return False

    def fold(self):
        return []

    def vectors_due(self, column):
        return self.due

    def index_vectors(self, column, count):
        assert self.may_end.wait(10)
        self.trained.append(count)


def test_large_fragments_are_folded_seldom():
    recorder = Recorder()
    kept = Upkeep([recorder], recorder, 3600)
    for _ in range(100):
        kept.turn()
    assert recorder.folds[:10] == [1_000] * 9 + [10_000]
    assert recorder.folds.count(10_000) == 9
    assert recorder.folds[99] == 100_000


def test_old_versions_are_dropped_beside_the_commits_and_not_each_time():
    # Reading thousands of manifests at each compaction took more than half of a writer's time.
    recorder = Recorder()
    kept = Upkeep([recorder], recorder, 3600)
    for _ in range(5):
        kept.turn()
    kept.settle()
    assert recorder.cleaned == 1
    always = Upkeep([recorder], recorder, 0)
    for _ in range(3):
        always.turn()
        always.settle()
    assert recorder.cleaned == 4


def test_a_table_is_not_compacted_while_its_vector_index_is_trained():
    searched, other = Recorder(), Recorder()
    kept = Upkeep([searched, other], searched, 3600)
    searched.due = 64
    assert kept.index()["training"] is True
    kept.compact()
    assert (searched.folds, other.folds) == ([], [100_000])
    assert kept.index()["training"] is True  # not a second time
    searched.may_end.set()
    kept.settle()
    kept.compact()
    assert (searched.folds, searched.trained) == ([100_000], [64])


ROWS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        ("search_text", pa.string()),
        ("category", pa.string()),
        ("vector", pa.list_(pa.float32(), 32)),
    ]
)


def rows(start, count, category="billing"):
    vectors = np.random.default_rng(start).standard_normal((count, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pa.table(
        {
            "event_id": [f"{n:064x}" for n in range(start, start + count)],
            "search_text": [f"complaint {n}" for n in range(start, start + count)],
            "category": [category] * count,
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 32),
        },
        schema=ROWS,
    ), vectors


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("connectors.lance_index.FLAT_ROWS", 500)
    monkeypatch.setattr("connectors.lance_index.SCALAR_ROWS", 500)
    monkeypatch.setattr(upkeep, "FILTERS", ("category",))


def test_rows_that_come_while_and_after_an_index_is_trained_are_found(tmp_path, small):
    table = Table(f"{tmp_path}/serving", "things", "event_id", ROWS, text_index="search_text")
    table.upsert(rows(0, 600)[0])
    kept = Upkeep([table], table, 3600)
    assert kept.compact()["serving.things"]["fragments_after"] == 1
    assert kept.index()["training"] is True
    table.upsert(rows(1000, 50, "network")[0])
    kept.settle()
    late, vectors = rows(2000, 50, "network")
    table.upsert(late)
    table.make_durable()
    reader = open_reader(f"{tmp_path}/serving", "things")

    def found(vector, condition=None):
        ids, _ = retrieve.nearest(reader, vector, condition, 1)
        return retrieve.rows(reader, ids, ["event_id"])["event_id"].to_pylist()

    def all_found():
        assert [found(v) for v in vectors] == [[key] for key in late["event_id"].to_pylist()]
        assert found(vectors[3], "category = 'network'") == [late["event_id"][3].as_py()]
        assert reader.count_rows("category = 'network'") == 100

    all_found()
    kept.compact()
    kept.index()
    assert {index.num_unindexed_rows for index in reader.list_indices()} == {0}
    all_found()


def test_a_filter_sees_the_new_value_of_a_row_whose_indexed_value_was_changed(tmp_path, small):
    table = Table(f"{tmp_path}/serving", "things", "event_id", ROWS, text_index="search_text")
    table.upsert(rows(0, 600)[0])
    kept = Upkeep([table], table, 3600)
    kept.compact()
    changed = pa.table({"event_id": [f"{7:064x}"], "category": ["network"]})
    table.update(changed)
    reader = open_reader(f"{tmp_path}/serving", "things")
    for _ in range(2):
        assert (reader.count_rows("category = 'network'"), reader.count_rows("category = 'billing'")) == (1, 599)
        kept.compact()
