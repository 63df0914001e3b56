"""The language model's file and its arithmetic: 8-bit weights of hashed features, summed as whole numbers.

A text's scores are the sum of its features' rows over the square root of their number, so that longer texts are
surer. Sums of whole numbers depend neither on order nor on the batch: the same text always gets the same scores.

Errors:
    LanguageModelError (ValueError)   a file that is not the one that was shipped
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.language_features import BUCKETS, grams, pairs, shapes, split
from models.language_verbs import COUNTS, kinds, turns

#: The model that the package ships, and beside it its sha256, languages and how it was made.
SHIPPED = Path(__file__).parent / "data" / "language" / "model.safetensors"
#: Words of a window at least, where a text has as many; windows tell a second language.
WINDOW = 8
_CHUNK_TEXTS = 512


class LanguageModelError(ValueError):
    """A model file that is damaged, or not the one its description speaks of."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the words of a batch add up to.

    Args:
        windows: (w, languages) float32, the scores of each window of a text's words.
        text: (w,) int64, the text each window is of; one without words has none.
        words: (w,) int64, words of each window.
        texts: (n, languages) float32, the scores of each text; zeros without words.
        known: (n,) int64, features of each text that the model knows.
        familiar: (n,) int64, words of each text that the model knows as words, not by their n-grams alone.
    """

    windows: NDArray[np.float32]
    text: NDArray[np.int64]
    words: NDArray[np.int64]
    texts: NDArray[np.float32]
    known: NDArray[np.int64]
    familiar: NDArray[np.int64]


class LanguageModel:
    """A linear classifier over hashed words and n-grams.

    Args:
        languages: ISO 639-3, or `other` and `und` (mere names); one a column.
        buckets: (k,) int32, the buckets that count.
        weights: (k, languages) int8.
        scale: what a weight of 1 stands for.
    """

    def __init__(
        self, languages: Sequence[str], buckets: NDArray[np.int32], weights: NDArray[np.int8], scale: float
    ) -> None:
        self.languages = tuple(languages)
        self.scale = scale
        self._row = np.zeros(BUCKETS, np.int32)
        self._row[buckets] = np.arange(1, len(buckets) + 1)
        self._weights = np.concatenate([np.zeros((1, len(languages)), np.int8), weights])

    def score(self, texts: Sequence[str]) -> Scores:
        """The scores of each text and of its windows; linear in the texts' length, of which the start counts."""
        parts = [self._score(texts[at : at + _CHUNK_TEXTS], at) for at in range(0, len(texts), _CHUNK_TEXTS)]
        if not parts:
            parts = [self._score([], 0)]
        return Scores(*(np.concatenate([getattr(part, name) for part in parts]) for name in Scores.__slots__))

    def _score(self, texts: Sequence[str], first: int) -> Scores:
        words = split(texts)
        sums, known, familiar = self._sums(words.distinct, words.ids, np.cumsum(words.counts)[:-1])
        windows = np.where(words.counts > 0, np.maximum(words.counts // WINDOW, 1), 0)
        text = np.repeat(np.arange(len(texts)), windows)
        ordinal = np.arange(len(text)) - (np.cumsum(windows) - windows)[text]
        starts = (np.cumsum(words.counts) - words.counts)[text] + ordinal * words.counts[text] // windows[text]
        whole = np.flatnonzero(ordinal == 0)
        by_window, known_by_window = _sum(sums, starts), _sum(known, starts)
        by_text = np.zeros((len(texts), len(self.languages)), np.float32)
        known_by_text, familiar_by_text = np.zeros((2, len(texts)), np.int64)
        by_text[text[whole]], known_by_text[text[whole]] = _sum(by_window, whole), _sum(known_by_window, whole)
        familiar_by_text[text[whole]] = _sum(familiar, starts[whole])
        return Scores(
            self._scaled(by_window, known_by_window), text + first, np.diff(starts, append=len(words.ids)),
            self._scaled(by_text, known_by_text), known_by_text, familiar_by_text,
        )  # fmt: skip

    def _sums(
        self, distinct: Sequence[str], ids: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
        """By word: the sum of its rows and of those it has with the word before, their number, and whether it is known."""
        found = grams(distinct)
        rows = self._row[found.buckets]
        by_word = _sum(self._weights[rows], found.starts)[ids]
        known = _sum((rows > 0).astype(np.int64), found.starts)[ids]
        hashes = found.hashes[ids]
        first = ends[(ends > 0) & (ends < len(ids))]  # the first word of a text has none before it
        paired = self._row[pairs(hashes[:-1], hashes[1:])]
        paired[first - 1] = 0
        by_word[1:] += self._weights[paired]
        known[1:] += paired > 0
        kind = kinds(distinct)[ids]
        before = np.append(0, kind[:-1])
        kind[first], kind[:1] = 0, 0
        verbs, combinations = turns(before, kind)
        shaped = self._row[shapes(combinations)]
        by_word[verbs] += self._weights[shaped].astype(np.int32) * COUNTS
        known[verbs] += (shaped > 0) * COUNTS
        familiar = (rows[found.starts] > 0).astype(np.int64)  # a word's own bucket comes first
        return by_word, known, familiar[ids]

    def _scaled(self, sums: NDArray[np.float32], known: NDArray[np.int64]) -> NDArray[np.float32]:
        return (sums * (self.scale / np.sqrt(np.maximum(known, 1)))[:, None]).astype(np.float32)


def _sum(values: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[Any]:
    """Sums of the runs that begin at `starts`."""
    kind = np.int32 if values.dtype == np.int8 else values.dtype
    if not len(starts):
        return np.zeros((0, *values.shape[1:]), kind)
    summed: NDArray[Any] = np.add.reduceat(values, starts, axis=0, dtype=kind)
    return summed


def save(
    model_file: Path,
    languages: Sequence[str],
    buckets: NDArray[np.int32],
    weights: NDArray[np.int8],
    about: dict[str, object],
) -> None:
    """Write a model and its description (`.json` beside it), which holds the file's sha256."""
    from safetensors.numpy import save as to_bytes

    content = to_bytes({"buckets": buckets, "weights": weights})
    model_file.write_bytes(content)
    described = {"sha256": hashlib.sha256(content).hexdigest(), "languages": list(languages), **about}
    model_file.with_suffix(".json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")


def load(model_file: Path = SHIPPED) -> LanguageModel:
    """Read a model; nothing in the file is run.

    Raises:
        LanguageModelError: a file is missing, or is not the one its description speaks of.
    """
    from safetensors.numpy import load as from_bytes

    try:
        about = json.loads(model_file.with_suffix(".json").read_text("utf-8"))
        content = model_file.read_bytes()
    except (OSError, ValueError) as error:
        raise LanguageModelError(f"language model {model_file} cannot be read ({error}); {_REMEDY}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != about["sha256"]:
        raise LanguageModelError(
            f"language model {model_file} has sha256 {found[:12]}…, expected {about['sha256'][:12]}…; {_REMEDY}"
        )
    tensors = from_bytes(content)
    return LanguageModel(about["languages"], tensors["buckets"], tensors["weights"], about["scale"])


@lru_cache(maxsize=1)
def shipped() -> LanguageModel:
    """The model of the package, read once a process."""
    return load()


_REMEDY = "install the package again, or train a model: python -m models.train_language --help"
