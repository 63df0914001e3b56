"""How much of a query stands together in one sentence of a text.

BM25 counts words wherever they are; a claim or a problem is told in one sentence. Chosen on SciFact and Cranfield, see
docs/search.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.search.explain import STOP, stem

#: Letters that an ending adds to a stem at most.
_ENDING = 5

#: Words of a query that are looked for.
_MOST_WORDS = 40

_SENTENCE_ENDS = r"([.!?]+(?=\s)|\n)"


def coverage(texts: Sequence[str], query: Iterable[str]) -> NDArray[np.float32]:
    """The share of the query's words that the best sentence of each text has.

    Args:
        texts: candidates; a word that few of them have counts for more, as in BM25.
        query: its words; stop words among them count for nothing.

    Returns:
        (n,) in [0, 1]; zeros where the query has no words.
    """
    stems = list(dict.fromkeys(stem(word) for word in query if word.casefold() not in STOP))[:_MOST_WORDS]
    if not stems or not texts:
        return np.zeros(len(texts), np.float32)
    order = sorted(range(len(stems)), key=lambda n: -len(stems[n]))
    words = "|".join(f"({re.escape(stems[n])}\\w{{0,{_ENDING}}}(?!\\w))" for n in order)
    pattern = re.compile(rf"(?<!\w)(?:{words})|{_SENTENCE_ENDS}")
    end = len(order) + 1
    sentences = [_sentences(pattern, text.casefold(), end) for text in texts]
    having = np.zeros(len(order))
    for found in sentences:
        for group in set().union(*found):
            having[group - 1] += 1
    weights = np.log1p((len(texts) - having + 0.5) / (having + 0.5))
    whole = float(weights.sum())
    best = [max(sum(weights[group - 1] for group in one) for one in found) for found in sentences]
    return (np.array(best) / whole).astype(np.float32)


def _sentences(pattern: re.Pattern[str], text: str, end: int) -> list[set[int]]:
    """The words that each sentence has, by their groups in the pattern."""
    found: list[set[int]] = [set()]
    for match in pattern.finditer(text):
        if match.lastindex == end:
            if found[-1]:
                found.append(set())
        elif match.lastindex is not None:
            found[-1].add(match.lastindex)
    return found
