from __future__ import annotations

import numpy as np
import pytest

from models.language_verbs import inflected, kinds, turns


@pytest.mark.parametrize(
    ("entry", "forms"),
    [
        ("declare", ("declare", "declares", "declared")),
        ("deny", ("deny", "denies", "denied")),
        ("destroy", ("destroy", "destroys", "destroyed")),
        ("buy/bought", ("buy", "buys", "bought")),
        ("launch", ("launch", "launches", "launched")),
        ("ban", ("ban", "bans", "banned")),
        ("go/went", ("go", "goes", "went")),
    ],
)
def test_a_verb_has_three_forms(entry: str, forms: tuple[str, str, str]) -> None:
    assert list(inflected(entry)) == [forms]


def test_words_are_told_apart_by_kind() -> None:
    words = ["inec", "declare", "arrest", "declares", "arrests", "declared", "to", "the", "bandits", "press", "court's"]

    # 0 other, 1 bare, 2 bare or a noun, 3 with s, 4 with s or nouns, 5 past, 6 leads to a bare verb, 7 a noun, 8 plural
    assert kinds(words).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]


def test_a_verb_is_told_by_what_stands_before_it() -> None:
    kind = kinds(["inec", "declare", "to", "declare", "bandits", "attack", "market"])
    where, combinations = turns(np.append(0, kind[:-1]), kind)

    assert where.tolist() == [1, 3, 5]
    assert combinations.tolist() == [0 * 9 + 1, 6 * 9 + 1, 8 * 9 + 2]
