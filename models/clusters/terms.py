"""What a cluster is about: its terms by class-based TF-IDF, and a name made of them."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: What masking put in place of personal data.
_MASKED = re.compile(r"<[A-Z_]+[^>]*>")
_WORD = re.compile(r"[^\W\d_]{3,}")

#: A term stands in so many texts of a cluster at least, so that no single writer's word becomes one.
_LEAST_TEXTS = 3


def terms(texts: Sequence[str], labels: NDArray[np.int64], most: int = 10) -> list[list[str]]:
    """The terms of each cluster, the most telling first.

    Class-based TF-IDF (Grootendorst, "BERTopic", 2022, section 3.3) of words and pairs of words; a text counts a
    term once. English stop words are left out.

    Args:
        texts: masked.
        labels: (n,) 0, 1, … or -1.
        most: terms a cluster.
    """
    count = int(labels.max(initial=-1)) + 1
    counts: list[Counter[str]] = [Counter() for _ in range(count)]
    for text, label in zip(texts, labels.tolist(), strict=True):
        if label >= 0:
            counts[label].update(_terms_of(text))
    whole: Counter[str] = Counter()
    for one in counts:
        whole.update(one)
    average = whole.total() / max(count, 1)
    return [_top(one, whole, average, most) for one in counts]


def name_of(found: Sequence[str], most: int = 3) -> str:
    """A name of a cluster's terms: the first that have no word in common."""
    chosen: list[str] = []
    for term in found:
        if len(chosen) < most and not set(term.split()) & {word for one in chosen for word in one.split()}:
            chosen.append(term)
    return ", ".join(chosen) or "unnamed"


def _top(one: Counter[str], whole: Counter[str], average: float, most: int) -> list[str]:
    total = max(one.total(), 1)
    weights = {term: n / total * float(np.log1p(average / whole[term])) for term, n in one.items() if n >= _LEAST_TEXTS}
    return sorted(weights, key=lambda term: (-weights[term], term))[:most]


def _terms_of(text: str) -> set[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = _WORD.findall(_MASKED.sub(" . ", text).lower())
    kept = [word for word in words if word not in ENGLISH_STOP_WORDS]
    pairs = {f"{a} {b}" for a, b in itertools.pairwise(words)}
    return set(kept) | {pair for pair in pairs if not set(pair.split()) & ENGLISH_STOP_WORDS}
