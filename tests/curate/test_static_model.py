from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.curate import static_model
from engine.curate.static_model import Quick, make, path_of
from engine.settings import Settings
from models.static_embedder import StaticEmbedder, load
from tests.models.test_static_embedder import TOKENIZER

ROWS = np.ones((7, 384), np.float16)


@pytest.fixture
def settings(tmp_path):
    return Settings(overload={"static_folder": tmp_path})


@pytest.fixture
def quick(settings, context):
    return Quick(settings, context, lambda made: made)


def test_the_file_is_named_by_the_full_model_and_lies_in_the_users_cache(monkeypatch, settings, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert path_of(Settings(), "org/Mini LM", "a" * 40) == Path(
        f"/cache/beejan/static/org-Mini-LM-{'a' * 40}-2.safetensors"
    )
    assert path_of(settings, "hash", "0").parent == tmp_path


def test_a_user_without_a_home_has_it_in_the_data_folder(monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert path_of(Settings(data_dir=tmp_path), "hash", "0").parent == tmp_path / "static"


def test_the_context_gets_the_static_model_when_it_is_there(quick):
    assert (quick.ready, quick.reference()) == (False, None)
    StaticEmbedder(TOKENIZER, ROWS, ("hash", "0")).save(quick.path)
    assert quick.ready
    made = quick.reference()
    assert made.embeds[0].name == "static/hash"
    assert made.embeds[1] == ["embedding_static"]
    assert quick.reference() is made


@pytest.mark.parametrize("base", [("other", "0"), ("hash", "1")])
def test_a_model_of_another_one_is_of_no_use(quick, base):
    StaticEmbedder(TOKENIZER, ROWS, base).save(quick.path)
    assert quick.reference() is None
    assert not quick.ready


def test_a_damaged_file_is_of_no_use(quick):
    quick.path.write_bytes(b"not a model")
    assert quick.reference() is None
    assert not quick.ready


def test_it_is_distilled_once_and_by_one_process_at_a_time(tmp_path, context, monkeypatch):
    import fcntl

    asked = []

    def distilled(full, texts):
        asked.append(texts)
        return StaticEmbedder(TOKENIZER, ROWS, (full.name, full.revision))

    monkeypatch.setattr(static_model, "distil", distilled)
    monkeypatch.setattr(static_model, "texts", lambda: ["no network"])
    path = tmp_path / "static" / "m.safetensors"
    path.parent.mkdir()
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert make(path, context.embedder) is False
    assert make(path, context.embedder) is True
    assert make(path, context.embedder) is True
    assert asked == [["no network"]]
    assert load(path).base == ("hash", "0")


def test_what_distilling_raises_comes_out(tmp_path, context):
    with pytest.raises(AttributeError, match="token_vectors"):
        make(tmp_path / "m.safetensors", context.embedder)
    assert not (tmp_path / "m.safetensors").exists()


def test_its_texts_are_complaints_without_personal_data():
    found = static_model.texts()
    assert len(found) == 4000
    assert found == static_model.texts()
    from models.pii import mask

    assert not [one for one in found[:500] if {s.type for s in mask(one, b"k").spans} & {"PHONE", "EMAIL"}]


def test_workers_can_be_sent_the_context(quick, context):
    import pickle

    StaticEmbedder(TOKENIZER, ROWS, ("hash", "0")).save(quick.path)
    again = pickle.loads(pickle.dumps(replace(quick.reference(), data_key=context.data_key)))
    assert np.array_equal(again.embeds[0].encode(["no network"]), quick.reference().embeds[0].encode(["no network"]))
