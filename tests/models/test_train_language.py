from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.language_corpus import OWN, PARALLEL, _android, read
from models.language_headlines import headlines
from models.language_model import LanguageModel, load, save
from models.train_language import COLUMNS, SEED, build, choose, examples, fit, only

SMALL = {
    ("own", "eng"): ["the network is down since morning", "please return my money", "the agent was rude to me"] * 3,
    ("own", "hau"): ["babu sadarwa tun safe", "ku mayar min da kudina", "ma'aikacin ya yi rashin kunya"] * 3,
}


def test_a_model_tells_what_it_was_trained_on_and_comes_back_from_its_file(tmp_path: Path) -> None:
    buckets, weights, scale = build(SMALL, SEED)
    file = tmp_path / "model.safetensors"
    save(file, COLUMNS, buckets, weights, {"scale": scale})
    model = load(file)
    best = model.score(["network is down", "sadarwa safe"]).texts.argmax(axis=1)

    assert [model.languages[column] for column in best] == ["eng", "hau"]


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = build(SMALL, 3), build(SMALL, 3)

    assert first[2] == second[2]
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_a_text_gets_the_scores_in_use_that_it_had_in_training() -> None:
    texts = [
        "INEC declare winner",
        "I want to declare",
        "INEC",
        "",
        "declare it",
        "Court sacks two lawmakers",
    ]  # no variants
    given = examples({("small", "eng"): texts}, SEED)
    columns = np.unique(given.flat)
    weights = np.random.default_rng(1).integers(-127, 128, (len(columns), 3)).astype(np.int8)
    features = np.split(given.flat, given.starts[1:])
    trained = [weights[np.searchsorted(columns, f)].astype(int).sum(axis=0) / max(len(f), 1) ** 0.5 for f in features]

    scores = LanguageModel(("a", "b", "c"), columns.astype(np.int32), weights, 1.0).score(texts)

    assert np.allclose(scores.texts, trained, rtol=1e-5)


def test_ngrams_alone_do_not_tell_pidgin_from_english() -> None:
    corpus = {("own", "eng"): ["court sacks lawmaker"] * 4, ("own", "pcm"): ["court sack lawmaker wey dey"] * 4}
    given = examples(corpus, SEED)
    best = choose(given, 1000)
    kept = only(given, best)
    weights = fit(kept, len(best), SEED)
    english, pidgin = weights[:, COLUMNS.index("eng")], weights[:, COLUMNS.index("pcm")]

    assert np.array_equal(english[~kept.whole], pidgin[~kept.whole])
    assert not np.array_equal(english[kept.whole], pidgin[kept.whole])


def test_texts_come_in_the_order_of_their_file_in_every_process(tmp_path: Path) -> None:
    texts = [f"Call number {word}" for word in ("one", "two", "three", "four", "five", "six", "seven", "eight")]
    (tmp_path / "res" / "values").mkdir(parents=True)
    lines = "".join(f"<string name='a'>{text}</string>" for text in texts)
    (tmp_path / "res" / "values" / "strings.xml").write_text(f"<resources>{lines}</resources>", "utf-8")

    assert [text for _, _, text in _android(tmp_path)] == texts


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"training source .*lid_dev\.csv is missing: see docs/models/language\.md"
    ):
        read(tmp_path, tmp_path)


def test_names_stand_in_the_headlines_of_both_languages() -> None:
    english = {text for language, text in headlines() if language == "eng"}
    pidgin = {text for language, text in headlines() if language == "pcm"}

    assert "President says he will not resign" in english
    assert "President say e no go resign" in pidgin
    assert sum(text.startswith("Davido") for text in english) == sum(text.startswith("Davido") for text in pidgin)


def test_an_english_verb_has_no_ending_after_a_plural() -> None:
    english = {text for language, text in headlines() if language == "eng"}

    assert "Bandits say they will not resign" not in english
    assert "Bandits say he will not resign" in english
    assert "Bandits says he will not resign" not in english
    assert "President says he will not resign" in english


def test_our_headlines_are_english_with_pidgin_beside_most() -> None:
    rows = [line.split("\t") for line in PARALLEL.read_text("utf-8").splitlines()]

    assert {len(row) for row in rows} == {2}
    assert all(row[0] for row in rows)
    assert sum(bool(row[1]) for row in rows) >= 400


def test_our_sentences_have_a_language_of_the_model_each() -> None:
    rows = [line.split("\t") for line in OWN.read_text("utf-8").splitlines()]

    assert {len(row) for row in rows} == {2}
    assert {row[0] for row in rows} <= set(COLUMNS)
