"""A clustering over real tables and the real writer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from connectors.lance import open_reader
from engine.cluster.job import Tables, cluster
from engine.cluster.keep import clusters_of, load_clusters
from engine.settings import ClusterSettings, Settings
from engine.store import rows
from engine.store.writer import Writer
from engine.tables import serving

NOW = datetime(2026, 3, 29, tzinfo=UTC)
SMALL = ClusterSettings(sample_rows=400, neighbours=8, least_size=5, resolution=0.3)
THEMES = {0: "card never arrived", 1: "network down again", 2: "refund still missing"}


@pytest.fixture
def writer(tmp_path):
    writer = Writer(Settings(data_dir=tmp_path))
    yield writer
    writer.close()


def complaints(theme, count, seed, *, spread=0.35, days=20.0, text=None):
    """Complaints around a direction of the theme's own."""
    random = np.random.default_rng(seed)
    centre = np.zeros(384)
    centre[theme] = 1.0
    made = []
    for number in range(count):
        vector = centre + spread * random.standard_normal(384) / np.sqrt(384)
        key = f"{seed * 100_000 + number:064x}"
        made.append(
            {
                "event_id": f"{int(random.integers(2**60)):016x}" + key[16:],
                "text_hash": f"{int(random.integers(2**60)):016x}" + key[16:],
                "text": text or f"{THEMES.get(theme, 'a new thing')} {number}",
                "occurred_at": NOW - timedelta(days=days * number / count),
                "vector": (vector / np.linalg.norm(vector)).astype(np.float32).tolist(),
                "embedding_model": "m",
                "embedding_revision": "1",
            }
        )
    return made


def put(writer, made):
    table = pa.Table.from_pylist(made, schema=pa.schema([f for f in serving(384).schema if f.name in made[0]]))
    writer._serving.upsert(rows.conform(table, writer._serving.schema), update=True)


def tables(writer, tmp_path):
    def reader(name):
        return open_reader(str(tmp_path / "zones" / "serving"), name)

    return Tables(reader("complaints"), reader("clusters"), writer.put_clusters, writer.set_clusters)


def cluster_ids(writer, made):
    stored = writer._serving.scan(["event_id", "cluster_id"]).to_pylist()
    by_event = {row["event_id"]: row["cluster_id"] for row in stored}
    return [by_event[row["event_id"]] for row in made]


def flat(themes):
    return [row for made in themes for row in made]


def three_themes():
    return [complaints(theme, 60, seed=theme + 1) for theme in THEMES]


def test_every_complaint_gets_the_cluster_of_its_theme(writer, tmp_path):
    themes = three_themes()
    put(writer, flat(themes))

    report = cluster(tables(writer, tmp_path), SMALL, NOW)

    ids = [set(cluster_ids(writer, made)) - {-1} for made in themes]
    assert [len(one) for one in ids] == [1, 1, 1]
    assert len(set.union(*ids)) == 3
    assert report["complaints"] == 180
    assert (report["clusters"], report["kept_ids"], report["events"]["born"]) == (3, None, 3)


def test_a_second_run_on_the_same_complaints_writes_nothing_and_keeps_every_id(writer, tmp_path):
    put(writer, flat(three_themes()))
    cluster(tables(writer, tmp_path), SMALL, NOW)
    before = writer._serving.scan(["event_id", "cluster_id"]).sort_by("event_id")

    report = cluster(tables(writer, tmp_path), SMALL, NOW)

    assert (report["reassigned"], report["kept_ids"]) == (0, 1.0)
    assert report["events"] == {"born": 0, "split": 0, "merged": 0, "ended": 0}
    assert writer._serving.scan(["event_id", "cluster_id"]).sort_by("event_id") == before


def test_complaints_in_another_order_are_clustered_alike(writer, tmp_path):
    made = flat(three_themes())
    put(writer, made)
    cluster(tables(writer, tmp_path), SMALL, NOW)
    other = Writer(Settings(data_dir=tmp_path / "other"))
    put(other, made[::-1])

    cluster(tables(other, tmp_path / "other"), SMALL, NOW)

    assert cluster_ids(other, made) == cluster_ids(writer, made)
    other.close()


def test_a_new_theme_is_born_and_emerging_while_the_others_keep_their_ids(writer, tmp_path):
    themes = three_themes()
    put(writer, flat(themes))
    cluster(tables(writer, tmp_path), SMALL, NOW)
    before = [cluster_ids(writer, made) for made in themes]
    new = complaints(7, 30, seed=9, days=1.0)
    put(writer, new)

    report = cluster(tables(writer, tmp_path), SMALL, NOW)

    (born,) = set(cluster_ids(writer, new)) - {-1}
    assert born == 3
    assert report["emerging"] == [3]
    assert [cluster_ids(writer, made) for made in themes] == before
    row = next(r for r in writer._clusters.scan(writer._clusters.schema.names).to_pylist() if r["cluster_id"] == 3)
    assert [event["event"] for event in json.loads(row["events"])] == ["born", "emerging"]
    assert row["emerging"]


def test_a_cluster_whose_complaints_are_gone_ends_and_its_id_is_not_given_again(writer, tmp_path):
    themes = three_themes()
    put(writer, flat(themes))
    cluster(tables(writer, tmp_path), SMALL, NOW)
    gone = cluster_ids(writer, themes[0])[0]
    writer._serving._table.delete("event_id IN (" + ", ".join(f"'{row['event_id']}'" for row in themes[0]) + ")")
    put(writer, complaints(9, 60, seed=12))

    cluster(tables(writer, tmp_path), SMALL, NOW)

    stored = {r["cluster_id"]: r for r in writer._clusters.scan(writer._clusters.schema.names).to_pylist()}
    assert stored[gone]["state"] == "ended"
    assert sorted(stored) == [0, 1, 2, 3]
    assert gone not in load_clusters(Settings(data_dir=tmp_path)).ids


def test_names_come_from_the_terms_and_exemplars_are_of_the_cluster(writer, tmp_path):
    themes = three_themes()
    put(writer, flat(themes))
    cluster(tables(writer, tmp_path), SMALL, NOW)

    stored = {r["cluster_id"]: r for r in writer._clusters.scan(writer._clusters.schema.names).to_pylist()}
    row = stored[cluster_ids(writer, themes[1])[0]]
    assert "network" in row["name"]
    assert len(row["exemplars"]) == 5
    assert set(row["exemplars"]) <= {one["event_id"] for one in themes[1]}


def test_vectors_of_another_embedder_are_left_out(writer, tmp_path):
    themes = three_themes()
    strange = [row | {"embedding_revision": "2"} for row in complaints(0, 20, seed=5)]
    put(writer, flat(themes) + strange)

    report = cluster(tables(writer, tmp_path), SMALL, NOW)

    assert report["complaints"] == 180
    assert set(cluster_ids(writer, strange)) == {None}


def test_without_complaints_there_are_no_clusters(writer, tmp_path):
    report = cluster(tables(writer, tmp_path), SMALL, NOW)

    assert (report["complaints"], report["clusters"]) == (0, 0)
    assert load_clusters(Settings(data_dir=tmp_path)) is None
    assert clusters_of([]) is None
