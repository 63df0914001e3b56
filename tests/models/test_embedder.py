"""The reference embedder keeps order, length and silence, and refuses what is not pinned."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from models.embedder import Embedder, EmbedderError, _batches, load_embedder
from tests.models.checks import check_embedder

COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"


@pytest.fixture(scope="module")
def embedder():
    return load_embedder(device="cpu", threads=1)


def test_rows_are_unit_float32_and_the_model_is_named(embedder):
    vectors = embedder.encode(["no network since morning", "", "a" * 3, "wetin dey happen", "\ud800 bad half"])
    assert isinstance(embedder, Embedder)
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert embedder.name == "all-MiniLM-L6-v2" and embedder.dimensions == 384
    assert len(embedder.revision) == 12 and int(embedder.revision, 16) >= 0


def test_order_is_kept_with_duplicates_and_mixed_lengths(embedder):
    texts = ["my refund is late", "no signal " * 40, "my refund is late", "rude agent", "no signal " * 40]
    together = embedder.encode(texts)
    alone = np.vstack([embedder.encode([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.array_equal(together[0], together[2]) and np.array_equal(together[1], together[4])
    assert together[0] @ together[3] < 0.9


def test_a_duplicate_is_embedded_once(embedder, monkeypatch):
    seen = []
    forward = embedder._forward
    monkeypatch.setattr(embedder, "_forward", lambda texts: seen.extend(texts) or forward(texts))
    embedder.encode(["again", "again", "once", "again"])
    assert sorted(seen) == ["again", "once"]


def test_like_texts_are_nearer_than_unlike_ones(embedder):
    a, b, c = embedder.encode(
        [
            "the internet is very slow tonight",
            "my connection speed is terrible",
            "the agent shouted at my mother",
        ]
    )
    assert a @ b > a @ c + 0.2


def test_it_holds_to_what_every_embedder_does(embedder):
    check_embedder(embedder, bit_equal=False)


def test_windows_tell_how_long_texts_are_read(embedder):
    # 254 one-token words fill the window of 256 beside its two marks; one more takes another.
    fits, over = "no " * 254, "no " * 255
    assert embedder.windows(["short", fits, over, ""]) == [1, 1, 2, 1]
    whole, end = embedder.encode([fits, "no"])
    mean = 254 * whole + end
    assert np.allclose(embedder.encode([over])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_loading_and_encoding_say_nothing(embedder, capfd, caplog):
    load_embedder(device="cpu")
    embedder.encode(["quiet please", "x " * 600])
    embedder.windows(["x " * 600])
    out, err = capfd.readouterr()
    assert (out, err, caplog.text) == ("", "", "")


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:12], COMMIT.upper()])
def test_an_unpinned_hub_model_is_refused(revision):
    with pytest.raises(EmbedderError, match=r"full commit hash") as caught:
        load_embedder("sentence-transformers/all-MiniLM-L6-v2", revision=revision)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_missing_folder_is_not_taken_for_a_hub_model():
    with pytest.raises(EmbedderError, match="no folder"):
        load_embedder("./weights/none", revision=COMMIT)


def test_a_folder_without_safetensors_is_refused(tmp_path: Path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(EmbedderError, match="safetensors"):
        load_embedder(str(tmp_path))


def test_a_folder_with_other_weights_than_configured_is_refused(tmp_path: Path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    # SHA-256 of nothing begins e3b0c44298fc.
    with pytest.raises(EmbedderError, match="e3b0c44298fc"):
        load_embedder(str(tmp_path), revision="0" * 12)


def test_an_unknown_device_is_refused():
    with pytest.raises(EmbedderError, match="'gpu'"):
        load_embedder(device="gpu")


def test_batches_stay_within_the_budget_and_cover_every_row_once():
    groups = list(_batches([5, 100, 7, 30, 6], budget=20, most=2))
    # Sorted: 5, 6 (2 x 6 = 12), then 7 begins a group (most=2); 30 and 100 each exceed the budget alone.
    assert groups == [[0, 4], [2], [3], [1]]
