"""New complaints are assigned to known clusters in the stream's own stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.curate.live import sources
from engine.settings import Settings
from engine.store.writer import Writer
from models.clusters.assign import Clusters
from tests.store.test_writer import envelope, processed

TEXTS = ["no network in Ikeja", "refund my money", "completely else"]


@pytest.fixture
def known(context):
    """Two clusters, around the first two texts."""
    vectors = np.stack([np.array(v) for v in processed(context, *_envelopes())["vector"].to_pylist()])
    gates = np.array([0.9, 0.9], np.float32)
    return Clusters(np.array([4, 6]), vectors[:2].astype(np.float32), gates, ("hash", "0"))


def _envelopes():
    return [envelope(text, key=str(number)) for number, text in enumerate(TEXTS)]


def test_without_clusters_a_complaint_is_in_none_that_is_known(context):
    assert processed(context, *_envelopes())["cluster_id"].to_pylist() == [None, None, None]


def test_a_complaint_is_assigned_as_it_comes_and_a_stranger_is_noise(context, known):
    rows = processed(replace(context, clusters=known), *_envelopes())

    assert rows["cluster_id"].to_pylist() == [4, 6, -1]


def test_clusters_of_another_embedder_say_nothing(context, known):
    other = replace(known, model=("hash", "1"))

    rows = processed(replace(context, clusters=other), *_envelopes())

    assert rows["cluster_id"].to_pylist() == [None, None, None]


def test_ids_are_set_in_bulk_and_setting_them_again_changes_nothing(context, tmp_path, known):
    import pyarrow as pa

    writer = Writer(Settings(data_dir=tmp_path))
    batch = processed(context, *_envelopes())
    writer.commit(batch)
    keys = [*batch["event_id"].to_pylist()[:2], "0" * 64]
    wanted = pa.table(
        [pa.array(keys), pa.array([4, 6, 9], pa.int64())],
        schema=pa.schema([pa.field("event_id", pa.string(), nullable=False), ("cluster_id", pa.int64())]),
    )
    before = writer._serving.scan(["event_id", "text", "priority"]).sort_by("event_id")

    for _ in range(2):
        assert writer.set_clusters(wanted) == 2
        stored = writer._serving.scan(["event_id", "cluster_id"]).to_pylist()
        assert {row["event_id"]: row["cluster_id"] for row in stored} == dict(
            zip(batch["event_id"].to_pylist(), [4, 6, None], strict=True)
        )
    assert writer._serving.scan(["event_id", "text", "priority"]).sort_by("event_id") == before
    writer.close()


def test_the_stream_notices_that_a_clustering_has_landed(tmp_path):
    settings = Settings(data_dir=tmp_path)
    writer = Writer(settings)
    before = sources(settings)

    writer.put_clusters(writer._clusters.schema.empty_table())

    assert sources(settings) != before
    writer.close()
