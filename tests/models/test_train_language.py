from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.language_corpus import OWN, read
from models.language_headlines import headlines
from models.language_model import load, save
from models.train_language import COLUMNS, SEED, build

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


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"training source .*lid_dev\.csv is missing: see docs/models/language\.md"
    ):
        read(tmp_path, tmp_path)


def test_names_stand_in_the_headlines_of_both_languages() -> None:
    english = {text for language, text in headlines() if language == "eng"}
    pidgin = {text for language, text in headlines() if language == "pcm"}

    assert "Nigeria says he will not resign" in english
    assert "Nigeria say e no go resign" in pidgin
    assert sum(text.startswith("Davido") for text in english) == sum(text.startswith("Davido") for text in pidgin)


def test_our_sentences_have_a_language_of_the_model_each() -> None:
    rows = [line.split("\t") for line in OWN.read_text("utf-8").splitlines()]

    assert {len(row) for row in rows} == {2}
    assert {row[0] for row in rows} <= set(COLUMNS)
