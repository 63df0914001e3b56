"""A trained classifier learns, abstains, explains itself, and gives a text one answer whatever its batch."""

import json
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from models.classifier import Classifier, ClassifierError, train
from models.classifier.calibrate import best_f1, calibration_error, fit_calibration, thresholds
from models.classifier.features import Features, plainer
from models.classifier.heads import fit_heads, folds
from models.classifier.scope import Examples

WORDS = {
    "network.slow": "slow data speed buffering browsing",
    "network.down": "outage down nothing works tower",
    "billing.fee": "charged fee money deducted airtime",
}
HOSTILE = [
    "",
    "a",
    "한국어 불만",
    "الشبكة بطيئة",
    "\ud800 half",
    "x" * 100_000,
    "🙂 🙂",
    "12345 ???",
    "babu sabis a nan",
]


def vectors_of(texts):
    """Each word a direction; a text's vector is their sum, of length 1."""
    found = np.full((len(texts), 24), 1e-3, np.float32)
    for row, text in enumerate(texts):
        for word in text.split()[:50]:
            seed = int.from_bytes(word.encode("utf-8", "replace")[:8].ljust(8, b"0"), "big")
            found[row] += np.random.default_rng(seed).standard_normal(24).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def corpus(count=40):
    rng = np.random.default_rng(3)
    texts, labels = [], []
    for label, words in WORDS.items():
        for _ in range(count):
            texts.append("my line has " + " ".join(rng.permutation(words.split())[:3]))
            labels.append(label)
    return texts, labels


@pytest.fixture(scope="module")
def trained():
    texts, labels = corpus()
    return train(texts, vectors_of(texts), labels, seed=1).classifier


def ask(classifier, texts):
    return classifier.predict(texts, vectors_of(texts))


def test_it_tells_what_it_was_taught_and_why(trained):
    found = ask(trained, ["my line has slow data speed", "my line has money deducted fee charged"])
    assert [one.subcategory for one in found] == ["network.slow", "billing.fee"]
    assert [one.category for one in found] == ["network", "billing"]
    assert all(0.5 < one.confidence <= 1 and one.margin > 0 for one in found)
    assert found[0].reasons[0].startswith("like 'my line has ")
    assert any(reason.startswith("terms: ") and "slow" in reason for reason in found[0].reasons)


def test_the_same_seed_gives_the_same_classifier():
    texts, labels = corpus(12)
    one, two = (train(texts, vectors_of(texts), labels, seed=5).classifier for _ in range(2))
    assert np.array_equal(one.scores(texts, vectors_of(texts)), two.scores(texts, vectors_of(texts)))
    assert one.parts.calibration == two.parts.calibration and one.parts.scope == two.parts.scope


def test_a_text_gets_the_same_answer_in_any_batch(trained):
    texts = corpus(9)[0] + HOSTILE
    together = ask(trained, texts)
    assert [one for text in texts for one in ask(trained, [text])] == together
    assert ask(trained, texts[::-1])[::-1] == together
    assert ask(trained, []) == []


def test_hostile_texts_are_answered_and_left_as_they_are(trained):
    given, vectors = list(HOSTILE), vectors_of(HOSTILE)
    before = vectors.copy()
    found = trained.predict(given, vectors)
    assert len(found) == len(HOSTILE) and given == HOSTILE and np.array_equal(vectors, before)
    assert found[0].subcategory == "other.general" and found[0].reasons[0] == "abstained: the text has no words"


def test_what_is_like_nothing_labelled_gets_the_fallback(trained):
    found = ask(trained, ["please bake me chocolate cake tomorrow evening"])[0]
    assert found.subcategory == "other.general" and found.category == "other" and found.margin < 0
    assert found.reasons[0].startswith("abstained: ")


def test_it_pickles_and_reads_as_it_was(trained, tmp_path):
    texts = corpus(9)[0] + HOSTILE
    digests = trained.save(tmp_path)
    assert sorted(digests) == sorted(path.name for path in tmp_path.iterdir())
    for again in (pickle.loads(pickle.dumps(trained)), Classifier.load(tmp_path)):
        assert ask(again, texts) == ask(trained, texts)


@pytest.mark.parametrize("name", ["classifier.json", "classifier.safetensors"])
def test_a_changed_file_is_refused(trained, tmp_path, name):
    trained.save(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"slow", b"slaw", 1) if name.endswith("json") else content[:-1] + b"\x01")
    with pytest.raises(ClassifierError, match="sha256"):
        Classifier.load(tmp_path)
    path.unlink()
    with pytest.raises(ClassifierError, match="cannot be read"):
        Classifier.load(tmp_path)


def test_texts_with_several_labels_get_several():
    texts, labels = corpus(30)
    both = [f"{a} {b}" for a, b in zip(texts[:30], texts[60:90], strict=True)]
    sets = [(label,) for label in labels] + [("network.slow", "billing.fee")] * 30
    made = train(texts + both, vectors_of(texts + both), sets, seed=1).classifier
    asked = ["slow data speed and a fee charged money", "tower outage nothing works"]
    found = made.labels_of(asked, vectors_of(asked))
    assert {label for label, _ in found[0]} == {"network.slow", "billing.fee"}
    assert [label for label, _ in found[1]] == ["network.down"]
    assert any(reason.startswith("also: ") for reason in ask(made, asked)[0].reasons)


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["a", "a", "a"], "two at least"), (["a", "b", ""], "text 2 has no label"), (["a", "b"], "one of each a text")],
)
def test_labels_that_nothing_can_be_learnt_from_are_refused(labels, message):
    with pytest.raises(ClassifierError, match=message):
        train(["x", "y", "z"], vectors_of(["x", "y", "z"]), labels)


def test_vectors_of_another_model_are_refused(trained):
    with pytest.raises(ClassifierError, match="embed these texts"):
        trained.predict(["slow"], np.ones((1, 7), np.float32))


def test_pseudonyms_are_no_terms():
    assert plainer("call <PHONE_a91c> now").split() == ["call", "PHONE", "now"]
    features = Features.fit(["call <PHONE_a91c>", "call <PHONE_a91c>"], 2)
    assert features.words.terms == ["call", "call phone", "phone"]


def test_names_given_stand_in_reasons_in_place_of_texts():
    texts, labels = corpus(12)
    made = train(texts, vectors_of(texts), labels, names=[f"complaint {n}" for n in range(len(texts))]).classifier
    assert ask(made, [texts[0]])[0].reasons[0].startswith("like 'complaint ")


def test_the_nearest_examples_come_first_and_equal_ones_in_order():
    places, cosines = Examples.of(np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 1]], np.float32)).nearest(
        np.array([[0, 1]], np.float32)
    )
    assert places.tolist() == [[1, 3, 2, 0]]
    assert cosines[0] == pytest.approx([1, 1, 0.8, 0], abs=1e-3)


def test_a_label_of_one_text_is_never_held_out():
    truth = np.array([[1, 0]] * 10 + [[0, 1]], bool)
    part = folds(truth, 5, seed=1)
    assert part[10] == -1
    assert sorted(np.bincount(part[:10])) == [2, 2, 2, 2, 2]


def test_calibration_error_by_hand():
    # Two at .9 of which one is right: .4 off, on half of all; two at .5 of which one is right: nothing off.
    assert calibration_error([0.9, 0.9, 0.5, 0.5], np.array([True, False, True, False])) == pytest.approx(0.2)
    assert calibration_error([], np.array([], bool)) == 0


def test_a_threshold_keeps_what_is_right_often_enough():
    confidence = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    right = np.array([True, True, False, False])
    found = thresholds(confidence, np.zeros(4, np.int64), right, 2, precision=0.8)
    assert found == pytest.approx([0.8, 0.8])
    assert thresholds(confidence, np.zeros(4, np.int64), right, 1, precision=0.5) == pytest.approx([0.0])
    assert thresholds(confidence, np.zeros(4, np.int64), ~right, 1, precision=0.9)[0] > 0.9


def test_a_label_with_many_predictions_has_its_own_threshold():
    confidence = np.array([0.9] * 40 + [0.6] * 40, np.float32)
    given = np.array([0] * 40 + [1] * 40)
    right = np.array([True] * 40 + [False] * 40)
    found = thresholds(confidence, given, right, 2, precision=0.9)
    assert found[0] == 0 and found[1] > 0.6


def test_calibration_undoes_scores_that_are_too_sure():
    rng = np.random.default_rng(2)
    scores = np.repeat([[4.0, -4.0]], 1000, axis=0).astype(np.float32)
    truth = np.zeros((1000, 2), bool)
    first = rng.random(1000) < 0.7
    truth[first, 0] = truth[~first, 1] = True
    found = fit_calibration(scores, truth, several=False).probabilities(scores)
    assert found[0, 0] == pytest.approx(first.mean(), abs=0.01)
    assert found.sum(axis=1) == pytest.approx(np.ones(1000))


def test_a_label_of_several_is_given_from_the_best_f1():
    shares = np.linspace(0.9, 0.1, 20, dtype=np.float32)[:, None]
    truth = np.arange(20)[:, None] < 12
    assert best_f1(shares, truth)[0] == pytest.approx(shares[11, 0])
    assert best_f1(shares[:5], truth[:5])[0] == 0.5


def test_figures_are_of_texts_that_were_held_out():
    texts, labels = corpus()
    metrics = train(texts, vectors_of(texts), labels, slices={"language": ["eng", "pcm"] * 60}).about["metrics"]
    assert metrics["held_out"] == 120 and metrics["accuracy"] > 0.95
    assert metrics["slices"]["language"]["eng"]["of"] == 60
    assert set(metrics["by_label"]) == set(WORDS)
    assert json.loads(json.dumps(metrics)) == metrics


def test_a_kernel_head_solves_for_all_texts_at_once():
    rows, vectors = csr_matrix(np.eye(2, dtype=np.float32)), np.eye(2, dtype=np.float32)
    heads = fit_heads(rows, vectors, np.eye(2, dtype=bool), 1)
    # Likeness is 1 or e^-2 = .1353, the ridge .3: the weight of a text is 1 / (1.3 - .1353), its score .8647 of that.
    assert heads.scores(rows, vectors)[:, 0] == pytest.approx([0.7424, -0.7424], abs=1e-3)
    # Terms in common count a quarter: (.8647 + .25) / (1.5500 - .1353), where no two texts share one.
    terms = csr_matrix(np.eye(2, 4, k=2, dtype=np.float32))
    heads = fit_heads(terms, vectors, np.eye(2, dtype=bool), 1)
    assert heads.scores(terms, vectors)[:, 0] == pytest.approx([0.7879, -0.7879], abs=1e-3)


def test_heads_of_many_texts_are_linear(monkeypatch, tmp_path):
    monkeypatch.setattr("models.classifier.heads.MOST_ROWS", 50)
    texts, labels = corpus()
    made = train(texts, vectors_of(texts), labels, seed=1).classifier
    assert made.parts.heads.kernel is None
    made.save(tmp_path)
    assert ask(Classifier.load(tmp_path), texts) == ask(made, texts)
    assert [one.subcategory for one in ask(made, ["slow data speed", "money deducted fee charged"])] == [
        "network.slow", "billing.fee",
    ]  # fmt: skip


def test_a_mixture_undoes_what_a_label_gets_too_often_where_there_are_texts_enough():
    rng = np.random.default_rng(1)
    true = rng.normal(0, 1.5, (3000, 3))
    shares = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    truth = np.eye(3, dtype=bool)[[rng.choice(3, p=row) for row in shares]]
    scores = (true + np.array([2, 0, 0])).astype(np.float32)
    found = fit_calibration(scores, truth, several=False)
    assert np.abs(found.probabilities(scores) - shares).mean() < 0.02
    few = fit_calibration(scores[:299], truth[:299], several=False)
    assert few.mix is None and np.abs(few.probabilities(scores) - shares).mean() > 0.1
    parts = np.concatenate([found.probabilities(scores[row : row + 1]) for row in range(100)])
    assert np.array_equal(parts, found.probabilities(scores)[:100])


def test_scores_that_crowd_towards_one_are_spread():
    rng = np.random.default_rng(1)
    true = rng.normal(0, 2, (1000, 20))
    shares = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    truth = np.eye(20, dtype=bool)[[rng.choice(20, p=row) for row in shares]]
    scores = np.cbrt(true / 8).astype(np.float32)
    found = fit_calibration(scores, truth, several=False)
    assert found.mix is None and found.cube == pytest.approx(8, rel=0.2) and found.scale < 0.5
    assert np.abs(found.probabilities(scores) - shares).mean() < 0.01
