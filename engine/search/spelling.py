"""Words of a query that no complaint has, and the nearest that some have: the index is the dictionary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from engine.search import retrieve
from engine.search.explain import STOP, stem, words_of
from engine.search.query import Parsed

#: Shorter words are too near to too many others.
_LEAST_LETTERS = 4

#: Complaints that are looked into for the right spelling.
_LOOKED_AT = 20

_MOST_KNOWN = 50_000


class Spelling:
    """Corrects queries; it remembers which words there are, so that a usual query costs nothing."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def correct(self, table: Any, parsed: Parsed) -> tuple[Parsed, dict[str, str]]:
        """The query with each word that no complaint has in the spelling that some have.

        Words in quotes are meant as they are; digits and words of fewer than four letters stay.

        Returns:
            The query to run, and what was put for what.
        """
        corrected: dict[str, str] = {}
        for word in dict.fromkeys(words_of(" ".join((*parsed.words, *parsed.must)))):
            found = self._instead(table, word)
            if found is not None:
                corrected[word] = found
        if not corrected:
            return parsed, corrected
        right = _in(corrected)
        return replace(parsed, words=tuple(map(right, parsed.words)), must=tuple(map(right, parsed.must))), corrected

    def _instead(self, table: Any, word: str) -> str | None:
        from lancedb.query import MatchQuery

        folded = word.casefold()
        if len(folded) < _LEAST_LETTERS or not folded.isalpha() or folded in STOP or folded in self._known:
            return None
        ids, _ = retrieve.best_words(table, MatchQuery(folded, retrieve.WORDS), None, 1)
        if len(ids):
            with self._lock:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known.add(folded)
            return None
        distance = 1 if len(folded) == _LEAST_LETTERS else 2
        fuzzy = MatchQuery(folded, retrieve.WORDS, fuzziness=distance, prefix_length=1)
        ids, _ = retrieve.best_words(table, fuzzy, None, _LOOKED_AT)
        texts = retrieve.texts(table, ids, retrieve.WORDS)
        return nearest(folded, (one for text in texts for one in words_of(text.casefold())), distance)


def nearest(word: str, others: Iterable[str], distance: int) -> str | None:
    """The word at the least edit distance (Damerau-Levenshtein, of words or of their stems), the most frequent of
    equals; None where none is within `distance`.
    """
    from rapidfuzz.distance import OSA

    counts = Counter(one for one in others if one[:1] == word[:1] and one.isalpha())
    ranked = []
    for one, count in counts.items():
        apart = min(OSA.distance(word, one), OSA.distance(stem(word), stem(one)) + 0.5)
        if apart <= distance + 0.5:
            ranked.append((apart, -count, one))
    return min(ranked)[2] if ranked else None


def _in(corrected: dict[str, str]) -> Callable[[str], str]:
    def right(text: str) -> str:
        for word in words_of(text):
            if word in corrected:
                text = text.replace(word, corrected[word])
        return text

    return right
