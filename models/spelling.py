"""Likely corrections of misspelt English words, for search alone: no text is rewritten with them.

A text's corrections come from codespell's map of common misspellings, and for long words from SymSpell where one word
is far likelier than all others. Everything that may be meant as it stands is left alone: capitals, names, codes,
handles, tags, addresses, placeholders, words of the domain and of Nigerian English and Pidgin.
"""

from __future__ import annotations

import math
import re
from collections.abc import Set
from functools import lru_cache

from models.spelling_distance import cost, slips
from models.spelling_index import DeletionIndex
from models.spelling_protected import PROTECTED
from models.spelling_words import frequencies, misspellings, variants

#: Lower-case words between spaces and punctuation; what has a digit or another sign in it, or no end, is none.
_WORD = re.compile(r"(?<![^\s(\"'\[*,;:!?])([a-z]{4,30})(?=[)\"'\]*,;:!?.\u2026]*(?!\S))")

#: Letters of a word from which on SymSpell is asked: shorter ones are too like each other.
_LONG = 7

#: How many times the best candidate must be likelier than the next, ln, and how frequent it must be.
_MARGIN, _FREQUENT = 3.0, 1_000_000

#: What a slip costs in ln of frequency; chosen as models.spelling_distance.
_SLIP = 8.0


def corrections(text: str, protected: Set[str] = frozenset()) -> dict[str, str]:
    """The misspelt words of an English text and what they probably stand for, in order, each once.

    Args:
        text: English; masked values and other languages' words must be told apart by the caller's language check.
        protected: lower-case words to leave alone, beside those that always are.
    """
    found = {}
    for word in _WORD.findall(text):
        if word in found or word in protected or word in PROTECTED:
            continue
        meant = _sure(word)
        if meant is not None:
            found[word] = meant
    return found


@lru_cache(maxsize=65_536)
def _sure(word: str) -> str | None:
    """What a word stands for, where there is little doubt."""
    known = frequencies()
    if word in known or word in variants():
        return None
    meant = misspellings().get(word, ())
    if meant:
        # An apostrophe makes no difference to search.
        return meant[0] if len(meant) == 1 and meant[0].replace("'", "") != word else None
    if len(word) < _LONG or _formed(word):
        return None
    scored = sorted(((_score(word, near), near) for near in _near(word, 1)), reverse=True)
    if not scored or known[scored[0][1]] < _FREQUENT:
        return None
    if len(scored) > 1 and scored[0][0] - scored[1][0] < _MARGIN:
        return None
    return scored[0][1]


def _formed(word: str) -> bool:
    """Whether it is made of known words: one with a prefix or an ending, or two common ones in a row."""
    known = frequencies()
    if any(word.removesuffix(ending) in known for ending in _ENDINGS if word.endswith(ending)):
        return True
    if any(word.removeprefix(start) in known for start in _STARTS if word.startswith(start)):
        return True
    halves = ((word[:cut], word[cut:]) for cut in range(3, len(word) - 2))
    return any(known.get(first, 0) > _COMMON and known.get(second, 0) > _COMMON for first, second in halves)


_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "r", "y", "ish", "less", "ness", "able", "wise", "gate")
_STARTS = ("a", "e", "i", "re", "un", "pre", "non", "over", "out", "mis", "de", "co", "sub", "up", "my", "the")
_COMMON = 5_000_000


def correct_word(word: str) -> str:
    """The likeliest spelling of a word alone, with nothing protected: for measuring, not for texts.

    A known word is its own; so is one that no known word is like. Lower case comes out.
    """
    word = word.lower()
    known = frequencies()
    if word in known:
        return word
    candidates = misspellings().get(word) or _near(word, 2)
    return max(candidates, key=lambda near: (_score(word, near), near), default=word)


def _score(wrong: str, right: str) -> float:
    """ln of how likely it is that `right` was meant, but for a constant (Kernighan, Church and Gale 1990)."""
    return math.log(frequencies().get(right, 1)) - _SLIP * cost(wrong, right)


def _near(word: str, distance: int) -> list[str]:
    return [near for near in _index(distance).near(word) if slips(word, near, distance) <= distance]


@lru_cache(maxsize=2)
def _index(distance: int) -> DeletionIndex:
    return DeletionIndex(list(frequencies()), distance)
