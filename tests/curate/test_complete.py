"""Degraded rows are completed to what an unloaded run stores."""

from dataclasses import replace

import numpy as np
import pytest

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.curate.complete import _READS, DEGRADED, Completer, modelled
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from tests.conftest import NOW, HashEmbedder

TEXTS = [
    "no network in Ikeja since morning", "you deducted 500 naira from my line", "i was overcharged on my bill again",
    "call 08031234567, the agent was rude", "", "data is very slow tonight", "no network in Ikeja since morning",
]  # fmt: skip


class QuickEmbedder(HashEmbedder):
    """Another model of the same length: the words backwards."""

    name, revision = "static/hash", "1"

    def _one(self, text):
        return super()._one(text[::-1])


def rows():
    envelopes = [Envelope("sms", "test", str(n), text.encode(), "text/plain", NOW) for n, text in enumerate(TEXTS)]
    return to_table([(e.event_id, e, n) for n, e in enumerate(envelopes, 1)])


@pytest.fixture
def loaded(context):
    return replace(context, shed=frozenset({"embedding_static"}), quick=QuickEmbedder())


def written(folder, context):
    writer = Writer(Settings(data_dir=folder))
    done = writer.commit(process(rows(), context))
    assert (done.stored, done.dead_lettered) == (6, 1)
    return writer


def table(folder, zone, name):
    return open_reader(f"{folder}/zones/{zone}", name)


def stored(folder, zone, name):
    found = table(folder, zone, name).search().limit(10**6).to_list()
    key = "volume_id" if name == "volumes" else "event_id"
    return sorted(({k: v for k, v in row.items() if k != "scored_at"} for row in found), key=lambda row: row[key])


def completer(folder, writer, context, idle=lambda: True):
    serving = table(folder, "serving", "complaints")
    return Completer(serving, lambda part: modelled(part, context), writer.complete, idle)


def test_rows_made_under_load_say_so(tmp_path, loaded):
    written(tmp_path, loaded).close()
    for zone in ("curated", "serving"):
        for row in stored(tmp_path, zone, "complaints"):
            assert row["degraded"] == ["embedding_static"]
            assert (row["embedding_model"], row["embedding_revision"]) == ("static/hash", "1")


def test_rows_made_without_load_are_not_degraded(tmp_path, context):
    written(tmp_path, context).close()
    assert [row["degraded"] for row in stored(tmp_path, "serving", "complaints")] == [[]] * 6


def test_what_is_shed_without_a_static_model_is_done_all_the_same(context):
    done = process(rows(), replace(context, shed=frozenset({"embedding_static"})))
    assert set(done["embedding_model"].to_pylist()) == {"hash", None}


def test_a_static_model_alone_sheds_nothing(context):
    done = process(rows(), replace(context, quick=QuickEmbedder()))
    assert set(done["embedding_model"].to_pylist()) == {"hash", None}


def test_completed_rows_are_bit_for_bit_those_of_an_unloaded_run(tmp_path, context, loaded):
    written(tmp_path / "calm", context).close()
    writer = written(tmp_path / "loaded", loaded)
    assert stored(tmp_path / "calm", "serving", "complaints") != stored(tmp_path / "loaded", "serving", "complaints")

    assert completer(tmp_path / "loaded", writer, context).run() == 6

    for zone, name in (("curated", "complaints"), ("serving", "complaints")):
        assert stored(tmp_path / "loaded", zone, name) == stored(tmp_path / "calm", zone, name)
    counts = {
        folder: {
            row["volume_id"]: row["count"] for row in stored(tmp_path / folder, "serving", "volumes") if row["count"]
        }
        for folder in ("calm", "loaded")
    }
    assert counts["loaded"] == counts["calm"]
    assert writer.repair_volumes() == 0
    assert table(tmp_path / "loaded", "serving", "complaints").count_rows(DEGRADED) == 0
    writer.close()


def test_completed_rows_of_the_real_models_have_the_vectors_of_an_unloaded_run(tmp_path, context):
    from engine.curate.context import load_taxonomy
    from models.classify import ZeroShotClassifier
    from models.embedder import load_embedder
    from models.static_embedder import StaticEmbedder

    full = load_embedder(threads=1)
    tokenizer = full._model.tokenizer.backend_tokenizer.to_str()
    tokens = np.random.default_rng(7).standard_normal((40_000, full.dimensions)).astype(np.float16)
    quick = StaticEmbedder(tokenizer, tokens, (full.name, full.revision))
    classifier = ZeroShotClassifier.build(load_taxonomy(Settings()), full)
    real = replace(context, embedder=full, classifier=classifier)
    written(tmp_path / "calm", real).close()
    writer = written(tmp_path / "loaded", replace(real, shed=frozenset({"embedding_static"}), quick=quick))
    assert completer(tmp_path / "loaded", writer, real).run() == 6
    writer.close()
    pairs = zip(
        stored(tmp_path / "loaded", "serving", "complaints"), stored(tmp_path / "calm", "serving", "complaints"),
        strict=True,
    )  # fmt: skip
    for row, wanted in pairs:
        assert np.abs(np.subtract(row["vector"], wanted["vector"])).max() < 1e-5
        for name in ("category", "subcategory", "priority", "degraded", "embedding_model", "embedding_revision"):
            assert row[name] == wanted[name]
        assert row["confidence"] == pytest.approx(wanted["confidence"], abs=1e-5)


def test_it_stops_when_there_is_something_else_to_do(tmp_path, context, loaded):
    writer = written(tmp_path, loaded)
    answers = iter([True, False])
    assert completer(tmp_path, writer, context, lambda: next(answers)).run() == 0
    assert table(tmp_path, "serving", "complaints").count_rows(DEGRADED) == 6
    writer.close()


def test_a_row_that_was_replaced_meanwhile_stays_as_it_is(tmp_path, context, loaded):
    writer = written(tmp_path, loaded)
    serving = table(tmp_path, "serving", "complaints")
    part = serving.search().select(_READS).limit(9).to_arrow()
    made = modelled(part, context)
    replayed = writer.replace(process(rows().slice(0, 1), context))
    assert (replayed.replaced, replayed.added) == (1, 0)
    assert writer.complete(made) == 5
    writer.close()


def test_a_row_whose_text_has_changed_meanwhile_stays_as_it_is(tmp_path, context, loaded):
    writer = written(tmp_path, loaded)
    serving = table(tmp_path, "serving", "complaints")
    part = serving.search().select(_READS).limit(9).to_arrow()
    hashes = part["text_hash"].to_pylist()
    stale = part.set_column(1, "text_hash", [["0" * 64, *hashes[1:]]])
    assert writer.complete(modelled(stale, context)) == 5
    left = serving.search().where(DEGRADED).limit(9).to_list()
    assert [row["event_id"] for row in left] == part["event_id"].to_pylist()[:1]
    writer.close()


def test_a_writer_that_fails_between_the_tables_is_made_good_by_doing_it_again(tmp_path, context, loaded, monkeypatch):
    writer = written(tmp_path, loaded)

    def refuse(*rows, **how):
        raise Transient("no room")

    monkeypatch.setattr(writer._serving, "upsert", refuse)
    work = completer(tmp_path, writer, context)
    with pytest.raises(Transient):
        work.run()
    monkeypatch.undo()
    assert work.run() == 6
    writer.repair_volumes()
    written(tmp_path / "calm", context).close()
    assert stored(tmp_path, "serving", "complaints") == stored(tmp_path / "calm", "serving", "complaints")
    writer.close()


def test_a_row_that_the_stages_fail_on_stays_degraded_and_holds_up_nobody(tmp_path, context, loaded):
    class Fragile(HashEmbedder):
        def _one(self, text):
            if "overcharged" in text:
                raise ValueError(text)
            return super()._one(text)

    writer = written(tmp_path, loaded)
    work = completer(tmp_path, writer, replace(context, embedder=Fragile()))
    assert work.run() == 5
    assert work.run() == 0
    assert table(tmp_path, "serving", "complaints").count_rows(DEGRADED) == 1
    writer.close()
