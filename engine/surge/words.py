"""The words that drive a surge: log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, 3.5)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

_WORD = re.compile(r"[^\W\d_]{3,}")
_PLACEHOLDER = re.compile(r"<[A-Z]+_[0-9a-f]{4}>")

#: Weight of the prior, in words; a word's part of it is its part of all texts.
_PRIOR = 500.0

#: Standard deviations from which on a word is told: two-sided 5 %.
_LEAST_Z = 1.96


def words(text: str) -> set[str]:
    """A text's words, placeholders of personal data left out."""
    return {word for word in _WORD.findall(_PLACEHOLDER.sub(" ", text).casefold()) if len(word) < 30}


def drivers(inside: Iterable[str], around: Iterable[str], most: int = 8) -> list[dict[str, Any]]:
    """Words that are said more inside than around, each text counting a word once, the surest first.

    Returns:
        term, count (texts inside) and z, standard deviations of the log-odds ratio.
    """
    here = Counter(word for text in inside for word in words(text))
    there = Counter(word for text in around for word in words(text))
    n, m = here.total(), there.total()
    scored = [
        (_z(count, there[word], n, m), word, count)
        for word, count in here.items()
        if count >= 2 and len(here) > 1
    ]  # fmt: skip
    told = sorted((one for one in scored if one[0] >= _LEAST_Z), key=lambda one: (-one[0], one[1]))
    return [{"term": word, "count": count, "z": round(z, 2)} for z, word, count in told[:most]]


def _z(a: int, b: int, n: int, m: int) -> float:
    """Equations 16, 19 and 22 with the prior a0 * (a + b) / (n + m) of the word."""
    prior = _PRIOR * (a + b) / (n + m)
    first, second = a + prior, b + prior
    ratio = math.log(first / (n + _PRIOR - first)) - math.log(second / (m + _PRIOR - second))
    return ratio / math.sqrt(1 / first + 1 / second)


def alike(first: Sequence[str], second: Sequence[str]) -> float:
    """Share of terms that two incidents have in common, of all terms of both; 0 where there are none."""
    one, two = set(first), set(second)
    return len(one & two) / len(one | two) if one | two else 0.0
