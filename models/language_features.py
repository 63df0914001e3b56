"""Words and character n-grams of a batch of texts, as numbers of buckets; the same for training and for use.

A word's n-grams (1 to 5 characters, its edges marked) and the word itself depend on the word alone, so they are
worked out once for each different word of a batch. Pairs of neighbouring words are features too, and so are the
known verbs by their form and the kind of the word before (models.language_verbs). What is no word of a language does
not count: masked values, addresses, handles, digits, punctuation and emoji. Letters are folded to lower case, so that
a model cannot tell sources by their form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Buckets that features are hashed to; a model keeps the best of them.
BUCKETS = 1 << 20
#: Characters looked at: more do not change the answer, and bound the time of a pasted log.
ENOUGH = 2000


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a batch.

    Args:
        distinct: each different word once.
        ids: (n,) int64, position in `distinct` of every word, text after text.
        counts: (texts,) int64, words a text.
    """

    distinct: list[str]
    ids: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grams:
    """The features of distinct words.

    Args:
        buckets: (n,) int64, those of one word after those of another.
        starts: (words,) int64, where each word's begin.
        hashes: (words,) uint64, of the whole word.
    """

    buckets: NDArray[np.int64]
    starts: NDArray[np.int64]
    hashes: NDArray[np.uint64]


def split(texts: Sequence[str]) -> Words:
    """The words of each text; a text without any has a count of 0."""
    found = [_WORD.findall(line) for line in _clean(texts)]
    index: dict[str, int] = {}
    ids = [index.setdefault(word, len(index)) for words in found for word in words]
    return Words(list(index), np.array(ids, np.int64), np.array([len(words) for words in found], np.int64))


def grams(distinct: Sequence[str]) -> Grams:
    """The n-grams of each word, after the word itself."""
    if not distinct:
        return Grams(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64))
    padded = " " + "  ".join(distinct) + " "
    codes = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    lengths = np.array([len(word) + 2 for word in distinct], np.int64)
    owner = np.repeat(np.arange(len(distinct)), lengths)
    starts = np.cumsum(lengths) - lengths
    place = np.arange(len(codes)) - starts[owner]
    words = np.add.reduceat((codes + _ODD) * _POWERS[place], starts)
    parts, owners = [_bucket(words, 9)] * _WHOLE, [np.arange(len(distinct))] * _WHOLE
    rolling = np.zeros(len(codes), np.uint64)
    for n in range(1, _LONGEST + 1):
        rolling = rolling[: len(codes) - n + 1] * _PRIME + codes[n - 1 :] + _ODD
        inside = owner[: len(rolling)] == owner[n - 1 :]
        if n == 1:
            inside &= codes != _SPACE
        parts.append(_bucket(rolling[inside], n))
        owners.append(owner[: len(rolling)][inside])
    order = np.argsort(np.concatenate(owners), kind="stable")
    counts = np.bincount(np.concatenate(owners), minlength=len(distinct))
    return Grams(np.concatenate(parts)[order], np.cumsum(counts) - counts, words)


def pairs(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The buckets of neighbouring words, by their hashes."""
    return _bucket(first * _PRIME + second, 10)


def shapes(combinations: NDArray[np.int64]) -> NDArray[np.int64]:
    """The buckets of verbs and what stands before them, by the numbers of models.language_verbs.turns."""
    return _bucket(combinations.astype(np.uint64), 11)


def _bucket(hashes: NDArray[np.uint64], kind: int) -> NDArray[np.int64]:
    mixed = (hashes ^ (hashes >> np.uint64(29))) * _MIX + _KINDS[kind]
    mixed = (mixed ^ (mixed >> np.uint64(32))) * _MIX
    buckets: NDArray[np.int64] = (mixed >> np.uint64(44)).astype(np.int64)
    return buckets


def _clean(texts: Sequence[str]) -> list[str]:
    lines = "\n".join([text[:ENOUGH].replace("\n", " ") for text in texts])
    if not lines.isascii():
        lines = unicodedata.normalize("NFC", lines).replace("’", "'")
    lines = _NOISE.sub(" ", lines).casefold()
    return _STRETCHED.sub(r"\1\1", lines).split("\n")


_LONGEST = 5
#: How many features a whole word counts as, among the twenty or so n-grams it has.
_WHOLE = 4
_SPACE = np.uint64(32)
_PRIME = np.uint64(0x100000001B3)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_KINDS = np.array([kind * 0x9E3779B97F4A7C15 % (1 << 64) for kind in range(12)], np.uint64)
#: Letters taken as one word at most; scripts that write no spaces are cut here.
_LONG = 30
_POWERS = np.array([pow(0x100000001B3, i, 1 << 64) for i in range(_LONG * 4)], np.uint64)
_NOISE = re.compile(r"<[A-Z][A-Z_]{1,20}_[0-9a-f]{2,16}>|\bhttps?:[^ \n]+|\bwww\.[^ \n]+|@[\w.]+|[#_]")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
#: A letter or mark: all that is no space, digit, ASCII or Latin-1 sign, general, Arabic, Indic, Ethiopic or CJK
#: punctuation, symbol, private or emoji.
_LETTER = (
    r"[^\s\d\x00-@\[-`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf×÷،؛؟٪-٭۔।॥፠-፨"
    "\u2000-\u2bff\u3000-\u3004\u3008-\u3020\u3030\ue000-\uf8ff\ufe00-\ufe6f\uff00-\uff20\uff3b-\uff40\uff5b-\uff65"
    "\ufff0-\uffff\U0001d000-\U0001fbff\U000e0000-\U0010ffff]"
)
_WORD = re.compile(f"{_LETTER}{{1,{_LONG}}}(?:'{_LETTER}{{1,{_LONG}}})?")
