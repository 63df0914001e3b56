"""A fine-tuned encoder learns its labels, and a classifier with one keeps the promises of any classifier."""

import json
import pickle
import shutil

import numpy as np
import pytest

from models.classifier import Classifier, ClassifierError, Tuned, train
from models.classifier.calibrate import fit_share
from models.classifier.tuning import _batches, tune
from models.embedder import source_folder
from tests.models.test_classifier import HOSTILE, corpus, vectors_of


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """An encoder of one small layer that has learnt nothing, laid out as the installed one."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    shutil.copytree(source_folder(None, None), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(1)
    save_file(BertModel(BertConfig(**config), add_pooling_layer=False).state_dict(), folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def fit(source, tmp_path_factory):
    """Fine-tunes on some rows, as a Tuned; threads would only wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def work(texts, truth, epochs):
        folder, losses = tmp_path_factory.mktemp("tuned"), []
        layer = tune(source, texts, truth, folder, epochs=epochs, seed=1, tell=lambda epoch, loss: losses.append(loss))
        return Tuned.of(folder, "tiny", "int8", layer.weights, layer.bias), losses

    yield work
    torch.set_num_threads(threads)


def tuner(fit):
    def work(texts, truth, held):
        rest = np.setdiff1d(np.arange(len(texts)), held)
        first, _ = fit([texts[row] for row in rest], truth[rest], 1)
        return first.scores([texts[row] for row in held]), fit(texts, truth, 1)[0]

    return work


@pytest.fixture(scope="module")
def trained(fit):
    texts, labels = corpus(20)
    return train(texts, vectors_of(texts), labels, seed=1, tuner=tuner(fit))


def test_an_encoder_that_knew_nothing_learns_the_labels(fit):
    texts, labels = corpus(20)
    names = sorted(set(labels))
    truth = np.array([[label == name for name in names] for label in labels])
    tuned, losses = fit(texts, truth, 40)
    assert losses[-1] < 0.7 * losses[0]
    assert (tuned.scores(texts).argmax(axis=1) == truth.argmax(axis=1)).mean() > 0.95


def test_a_classifier_with_one_answers_alike_in_any_batch_and_after_it_travelled(trained, tmp_path):
    made = trained.classifier
    assert trained.about["fine_tuned"] and {"accuracy_of_heads", "accuracy_of_tuned"} <= set(trained.about["metrics"])
    texts = corpus(4)[0] + HOSTILE
    answers = made.predict(texts, vectors_of(texts))
    assert [one for text in texts for one in made.predict([text], vectors_of([text]))] == answers
    assert sorted(made.save(tmp_path)) == ["classifier.json", "classifier.safetensors", "encoder.onnx"]
    for again in (pickle.loads(pickle.dumps(made)), Classifier.load(tmp_path)):
        assert again.predict(texts, vectors_of(texts)) == answers


def test_its_scores_count(trained):
    texts = corpus(4)[0]
    vectors = vectors_of(texts)
    without = trained.classifier.parts.calibration.probabilities(trained.classifier.scores(texts, vectors))
    assert not np.array_equal(trained.classifier.probabilities(texts, vectors), without)


def test_a_changed_encoder_is_refused(trained, tmp_path):
    trained.classifier.save(tmp_path)
    path = tmp_path / "encoder.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ClassifierError, match=r"encoder.onnx: sha256"):
        Classifier.load(tmp_path)
    path.unlink()
    with pytest.raises(ClassifierError, match=r"encoder.onnx: cannot be read"):
        Classifier.load(tmp_path)


def test_scores_that_know_nothing_count_for_little():
    rng = np.random.default_rng(1)
    truth = np.eye(3, dtype=bool)[rng.integers(3, size=400)]
    good = (truth + rng.normal(0, 0.4, truth.shape)).astype(np.float32)
    noise = rng.normal(0, 0.4, truth.shape).astype(np.float32)
    assert fit_share(good, noise, truth, several=False) < 0.2
    assert 0.5 < fit_share(good, (truth + noise).astype(np.float32), truth, several=False) < 2


def test_every_text_is_in_one_batch():
    batches = list(_batches(list(range(70)), 32, np.random.default_rng(1)))
    assert sorted(row for batch in batches for row in batch) == list(range(70))
    assert sorted(len(batch) for batch in batches) == [6, 32, 32]
