import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from connectors.lance import VersionGone, open_reader
from engine.cluster.keep import load_clusters
from engine.curate.context import load_taxonomy
from engine.reembed import embedders, state
from engine.reembed.job import Reembed, progress, waits_for
from engine.search import Searcher
from engine.search.query import Search
from engine.settings import ROOT, Settings
from engine.stages.pipeline import process
from engine.store.vectors import DUE, NotReady, OtherVectors, label_of
from engine.store.writer import Writer
from engine.tables import clusters as cluster_spec
from models.classify import ZeroShotClassifier
from tests.conftest import NOW, HashEmbedder
from tests.store.test_writer import envelope, processed


class Other(HashEmbedder):
    """The same idea with other directions and fewer of them."""

    name, revision, dimensions = "other", "7", 256

    def encode(self, texts):
        return np.stack([self._short(text) for text in texts]) if len(texts) else np.zeros((0, 256), np.float32)

    def _short(self, text):
        vector = super()._one(text)[::-1][:256].copy()
        return vector / np.linalg.norm(vector)


OLD, NEW = HashEmbedder(), Other()


def model(embedder):
    return state.Model(
        embedder.name,
        embedder.revision,
        {"model": None, "revision": None, "backend": "torch", "dimensions": embedder.dimensions},
    )


@pytest.fixture
def settings(tmp_path):
    settings = Settings(data_dir=tmp_path)
    state.write(tmp_path, state.State(model(OLD)))
    return settings


@pytest.fixture
def writer(settings):
    writer = Writer(settings)
    yield writer
    writer.close()


def follow(settings):
    state.write(settings.data_dir, state.State(model(OLD), model(NEW), state.now()))


def after(context):
    """The stream's context once it has taken the new model."""
    taxonomy = load_taxonomy(Settings())
    return replace(context, embedder=NEW, classifier=ZeroShotClassifier.build(taxonomy, NEW))


def table(settings, zone="serving"):
    return open_reader(f"{settings.zones_uri}/{zone}", "complaints")


def job(settings, writer, embed=NEW.encode):
    return Reembed(settings, (table(settings), table(settings, "curated")), NEW, embed, writer.reembed)


def texts(*given):
    return [envelope(text, str(n)) for n, text in enumerate(given)]


def rows(settings, zone="serving"):
    return sorted(table(settings, zone).search().limit(99).to_list(), key=lambda row: row["source_key"])


GIVEN = ("no network in Ikeja since morning", "they charged my card twice", "the agent was rude to me")


def searcher(settings):
    """Embeds by the model of the vectors that it searches, as engine.reembed.embedders.Serving does with actors."""

    class Both(embedders.Serving):
        def __init__(self):
            self.asked = []

        def now(self):
            return OLD

        def at(self, found):
            by_label = {"hash|0": OLD, "other|7": NEW}
            self.asked.append(label_of(found.schema))
            return by_label[self.asked[-1]]

    both = Both()
    return Searcher(table(settings), both, b"p" * 32), both


def test_before_a_change_rows_and_columns_are_of_the_model_that_serves(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))

    assert label_of(table(settings).schema) == label_of(table(settings, "curated").schema) == "hash|0"
    assert progress(settings, table(settings))["state"] == "none"


def test_all_complaints_get_the_new_vector_and_then_it_serves_in_both_tables(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))
    follow(settings)
    told = []
    work = job(settings, writer, lambda given: told.append(len(given)) or NEW.encode(given))

    assert work.fill()
    assert told == [3]
    assert {row["embedding_model"] for row in rows(settings)} == {"hash"}
    assert {len(row["vector"]) for row in rows(settings)} == {384}
    work.switch()

    for zone in ("serving", "curated"):
        assert label_of(table(settings, zone).schema) == "other|7"
        for row, text in zip(rows(settings, zone), GIVEN, strict=True):
            assert (row["embedding_model"], row["embedding_revision"]) == ("other", "7")
            assert np.array_equal(row["vector"], NEW.encode([row["text"]])[0]), text
            assert np.array_equal(row["vector_former"], OLD.encode([row["text"]])[0])
    kept = state.read(settings.data_dir)
    assert (kept.serving.label, kept.following) == ("other|7", None)


def test_new_complaints_get_both_vectors_meanwhile_and_leave_nothing_due(writer, settings, context):
    follow(settings)
    writer.reembed("begin")
    writer.commit(processed(replace(context, following=NEW), *texts(*GIVEN)))

    assert table(settings).count_rows(DUE) == table(settings, "curated").count_rows(DUE) == 0
    row = rows(settings)[0]
    assert (row["embedding_model"], row["embedding_model_next"]) == ("hash", "other")
    assert np.array_equal(row["vector_next"], NEW.encode([row["text"]])[0])


def test_complaints_that_come_while_the_new_model_is_away_are_done_later(writer, settings, context):
    from engine.run.actors import EmbedderAway

    class Away(Other):
        def encode(self, texts):
            raise EmbedderAway("gone")

    follow(settings)
    writer.reembed("begin")
    writer.commit(processed(replace(context, following=Away()), *texts(*GIVEN)))

    assert table(settings).count_rows(DUE) == 3
    with pytest.raises(NotReady):
        writer.reembed("switch")
    assert job(settings, writer).fill()


def test_a_batch_with_both_vectors_that_arrives_after_the_switch_is_stored_by_the_new_one(writer, settings, context):
    follow(settings)
    writer.reembed("begin")
    late = processed(replace(context, following=NEW), *texts(*GIVEN))
    writer.reembed("switch")
    writer.commit(late)

    assert {(row["embedding_model"], len(row["vector"])) for row in rows(settings)} == {("other", 256)}


def test_a_batch_with_the_former_vectors_alone_is_refused_and_to_be_made_again(writer, settings, context):
    follow(settings)
    writer.reembed("begin")
    writer.reembed("switch")

    with pytest.raises(OtherVectors, match=r"other\|7.*hash\|0"):
        writer.commit(processed(context, *texts(*GIVEN)))
    assert table(settings).count_rows() == 0
    writer.commit(processed(after(context), *texts(*GIVEN)))
    assert table(settings).count_rows() == 3


def test_a_text_that_changed_while_it_was_embedded_does_not_get_the_vector_of_the_old_one(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))
    follow(settings)
    writer.reembed("begin")
    found = table(settings).search().limit(9).to_arrow()
    stale = pa.table(
        {
            "event_id": found["event_id"],
            "text_hash": pa.array(["other"] * 3),
            "vector": pa.array(list(NEW.encode(list(GIVEN))), pa.list_(pa.float32(), 256)),
            "embedding_model": ["other"] * 3,
            "embedding_revision": ["7"] * 3,
        }
    )
    assert writer.reembed("put", stale) == 0
    assert table(settings).count_rows(DUE) == 3


def test_a_search_embeds_its_query_by_the_model_of_the_version_it_searches(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))
    search, both = searcher(settings)
    wanted = Search(GIVEN[1], mode="vector", limit=3)
    before = search.run(wanted)
    follow(settings)
    work = job(settings, writer)
    work.fill()
    during = search.run(wanted)
    work.switch()
    afterwards = search.run(wanted)
    then = search.candidates(wanted, during["version"])

    for found in (before, during, afterwards):
        assert found["hits"][0]["text"] == GIVEN[1]
        assert found["hits"][0]["cosine"] == pytest.approx(1, abs=1e-4)
    assert set(both.asked) == {"hash|0", "other|7"}
    assert both.asked[-1] == "hash|0"
    assert then.cosines.max() == pytest.approx(1, abs=1e-4)


def test_a_page_of_before_the_switch_is_refused_once_its_model_is_gone(writer, settings, context, monkeypatch):
    writer.commit(processed(context, *texts(*GIVEN)))
    old = table(settings)
    old.checkout(old.version)
    monkeypatch.setattr(embedders.RemoteEmbedder, "wait", classmethod(lambda cls, settings: NEW))
    monkeypatch.setattr(embedders.RemoteEmbedder, "following", classmethod(lambda cls, settings: None))
    state.write(settings.data_dir, state.State(model(NEW)))

    with pytest.raises(VersionGone):
        embedders.Serving(settings).at(old)


def test_other_settings_give_a_change_up_and_its_columns_go(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))
    follow(settings)
    assert job(settings, writer).fill()
    writer.close()
    state.write(settings.data_dir, state.State(model(OLD)))
    again = Writer(settings)

    assert not [name for name in table(settings).schema.names if name.endswith("_next")]
    assert {len(row["vector"]) for row in rows(settings)} == {384}
    again.close()


def test_a_switch_that_was_cut_off_between_two_tables_is_finished_by_the_next_writer(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))
    follow(settings)
    assert job(settings, writer).fill()
    kept = state.read(settings.data_dir)
    curated = writer._curated
    curated.rename_columns(
        {name: name + "_former" for name in ("vector", "embedding_model", "embedding_revision")}
        | {name + "_next": name for name in ("vector", "embedding_model", "embedding_revision")}
    )
    writer.close()
    again = Writer(settings)
    assert label_of(table(settings, "curated").schema) == "hash|0"
    assert again._vectors.due() == 0
    again.reembed("switch")
    assert label_of(table(settings, "curated").schema) == label_of(table(settings).schema) == "other|7"
    again.close()
    # And where the state alone was not written.
    state.write(settings.data_dir, kept)
    Writer(settings).close()
    assert state.read(settings.data_dir).serving.label == "other|7"


def test_former_vectors_go_when_old_versions_do(settings, context):
    writer = Writer(settings)
    writer.commit(processed(context, *texts(*GIVEN)))
    follow(settings)
    work = job(settings, writer)
    work.fill()
    work.switch()

    assert not writer._vectors.tidy(3600)
    assert writer._vectors.tidy(-1)
    assert not [name for name in table(settings).schema.names if name.endswith("_former")]
    assert writer.commit(processed(after(context), envelope("a new one", "9"))).stored == 1
    writer.close()


def test_clusters_keep_their_complaints_and_get_centroids_of_the_new_vectors(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))
    event_ids = [row["event_id"] for row in rows(settings)]
    writer.set_clusters(pa.table({"event_id": event_ids, "cluster_id": pa.array([4, 4, -1], pa.int64())}))
    row = {
        "cluster_id": 4, "name": "n", "kind": "topic", "state": "active", "centroid": OLD.encode([GIVEN[0]])[0],
        "gate": 0.5, "embedding_model": "hash", "embedding_revision": "0", "events": "[]", "size": 2,
        "updated_at": NOW, "born_at": NOW,
    }  # fmt: skip
    writer.put_clusters(pa.Table.from_pylist([row], schema=cluster_spec(384).schema))
    follow(settings)
    work = job(settings, writer)
    work.fill()
    work.switch()

    found = load_clusters(settings)
    mean = NEW.encode(list(GIVEN[:2])).sum(axis=0)
    assert (found.ids.tolist(), found.model) == ([4], ("other", "7"))
    assert np.allclose(found.centroids[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_the_switch_waits_for_a_word_while_the_champion_reads_the_former_vectors(settings, monkeypatch):
    from engine.reembed import job as module

    monkeypatch.setattr(module, "champion_reads", lambda settings, name, revision: (name, revision) == ("hash", "0"))
    follow(settings)
    assert "reembed switch" in waits_for(settings, NEW)
    assert waits_for(settings, OLD) == ""
    state.force(settings.data_dir)
    assert waits_for(settings, NEW) == ""


_KILLED = """
    import os, signal, sys
    from pathlib import Path
    from engine.reembed import job
    from engine.settings import Settings
    from engine.store.writer import Writer
    from tests.reembed import test_reembed as t

    job._ROWS = 2
    settings = Settings(data_dir=Path(sys.argv[1]))
    writer = Writer(settings)
    parts = 0

    def write(step, *given):
        global parts
        parts += step == "put"
        if parts == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return writer.reembed(step, *given)

    t.Reembed(settings, (t.table(settings), t.table(settings, "curated")), t.NEW, t.NEW.encode, write).fill()
"""


def test_a_killed_run_goes_on_where_it_was(settings, context):
    writer = Writer(settings)
    writer.commit(processed(context, *texts(*(f"complaint number {n}" for n in range(7)))))
    writer.close()
    follow(settings)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), str(settings.data_dir)],
        cwd=ROOT,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == -signal.SIGKILL
    assert table(settings).count_rows(DUE) == 3

    writer = Writer(settings)
    embedded = []
    work = job(settings, writer, lambda given: embedded.extend(given) or NEW.encode(given))
    assert work.fill()
    assert len(embedded) == 3
    work.switch()
    for row in rows(settings):
        assert np.array_equal(row["vector"], NEW.encode([row["text"]])[0])
    writer.close()


def test_rows_that_a_replay_replaces_meanwhile_are_due_again(writer, settings, context):
    writer.commit(processed(context, *texts(*GIVEN)))
    follow(settings)
    assert job(settings, writer).fill()
    writer.replace(process(_envelopes(GIVEN[:1]), context))

    assert table(settings).count_rows(DUE) == 1
    assert job(settings, writer).fill()


def _envelopes(given):
    from engine.intake.envelope import to_table

    return to_table([(one.event_id, one, n) for n, one in enumerate(texts(*given), 1)])


def test_what_is_stored_says_which_models_made_it(writer, settings, context):
    from engine.reembed.stored import embedded

    writer.commit(processed(context, *texts(*GIVEN)))
    assert embedded(settings) == {("hash", "0"): 3}
    assert embedded(Settings(data_dir=settings.data_dir / "empty")) == {}
