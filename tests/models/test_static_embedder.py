import json
import pickle

import numpy as np
import pytest

from models.embedder import Embedder
from models.static_embedder import StaticEmbedder, StaticModelError, distil, load

WORDS = ["[UNK]", "no", "network", "bill", "since", "morning"]
ROWS = np.array([[9, 9], [1, 0], [0, 2], [3, 4], [-1, 0], [0, 1], [0, -1]], np.float16)
TOKENIZER = json.dumps(
    {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {w: n for n, w in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }
)  # fmt: skip


@pytest.fixture
def small():
    return StaticEmbedder(TOKENIZER, ROWS, ("tiny", "0" * 12))


def test_a_vector_is_the_unit_mean_of_the_tokens(small):
    # no (1, 0) and network (0, 2) sum to (1, 2), of length sqrt 5; bill is (3, 4), of length 5.
    vectors = small.encode(["No network", "bill"])
    assert np.allclose(vectors, [[1 / 5**0.5, 2 / 5**0.5], [0.6, 0.8]], atol=1e-6)
    assert isinstance(small, Embedder)
    assert (vectors.dtype, small.name, small.dimensions) == (np.float32, "static/tiny", 2)


def test_a_text_without_tokens_or_whose_tokens_cancel_has_a_vector_of_its_own(small):
    # The last row is (0, -1); no (1, 0) and since (-1, 0) cancel.
    assert small.encode(["", "no since"]).tolist() == [[0, -1], [0, -1]]


def test_vectors_are_equal_to_the_bit_whatever_the_batch(small):
    texts = ["no network since morning", "b", "", "bill " * 7, "bill " * 25_000, "\ud800 odd", "no"] * 200
    together = small.encode(texts)
    assert np.array_equal(together, np.vstack([small.encode([text]) for text in texts]))
    assert np.array_equal(together[::-1], small.encode(texts[::-1]))
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows(small):
    assert small.encode([]).shape == (0, 2)
    assert small.windows([]) == []


def test_windows_are_counted_as_the_full_model_reads_them(small):
    # 2,032 tokens fill eight windows of 254; a tail of another word counts in the mean, and one beyond them does not.
    counts = small.windows(["no " * 254, "no " * 255, "", "no " * 2032, "no " * 2033, "x" * 40_000])
    assert counts == [1, 2, 1, 8, 9, 9]
    assert np.array_equal(small.encode(["bill " * 2032 + "no"]), small.encode(["bill " * 2032]))
    assert not np.array_equal(small.encode(["bill " * 300 + "no"]), small.encode(["bill " * 300]))


def test_it_pickles_and_comes_back_from_a_file_as_it_was(small, tmp_path):
    small.save(tmp_path / "models" / "m.safetensors")
    for again in (load(tmp_path / "models" / "m.safetensors"), pickle.loads(pickle.dumps(small))):
        assert (again.name, again.revision, again.base) == (small.name, small.revision, ("tiny", "0" * 12))
        assert np.array_equal(again.encode(["no network"]), small.encode(["no network"]))
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["m.safetensors"]


def test_a_damaged_file_is_refused(small, tmp_path):
    path = tmp_path / "m.safetensors"
    small.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(StaticModelError, match="damaged"):
        load(path)
    path.write_bytes(whole[:100])
    with pytest.raises(StaticModelError, match="remove it") as caught:
        load(path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")


class Teacher:
    """A full model whose vector of a text is that of its tokens turned by 90 degrees."""

    name, revision, dimensions = "teacher", "1" * 12, 2

    def token_vectors(self):
        return TOKENIZER, ROWS[:-1].astype(np.float32)

    def encode(self, texts):
        tokens, _ = ROWS[:-1].astype(np.float64), None
        weights = tokens - tokens.mean(axis=0)
        ranks = np.arange(2, len(WORDS) + 2)
        weights *= (1e-3 / (1e-3 + 1 / ranks / np.sum(1 / ranks)))[:, None]
        sums = [sum((weights[WORDS.index(w)] for w in t.split()), np.zeros(2)) if t else np.ones(2) for t in texts]
        turned = np.array([[-y, x] for x, y in sums])
        return (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)


def test_distilling_finds_the_map_into_the_full_models_space():
    teacher = Teacher()
    texts = [f"{a} {b}" for a in WORDS[1:] for b in WORDS[1:]] * 40
    made = distil(teacher, texts)
    unseen = ["no network bill", "morning since since", "bill morning no no"]
    assert np.allclose(made.encode(unseen), teacher.encode(unseen), atol=0.02)
    assert np.allclose(made.encode([""]), teacher.encode([""]), atol=1e-3)
