"""Language of short texts, with a confidence, an abstention and a second language where a text switches.

A linear model of our own (models.language_model, its card in docs/models/language.md) tells 22 languages, Nigeria's
among them; what it takes for another language goes to py3langid.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.language_features import ENOUGH
from models.language_model import LanguageModel, Scores, shipped
from models.language_tail import tail

UNKNOWN = "und"
_OTHER = "other"
#: Scores are multiplied by this before the softmax; with it the confidence is the share of
#: right answers, on the even half (md5) of the labelled dev sets, which also chose what follows.
_SHARPNESS = 2.0
#: Log-odds before a word is read: what most complaints are written in, so that two English words stay English.
_PRIOR = {"eng": 0.9, "pcm": 0.2}
#: A text whose best language is less likely than this is `und`.
_LEAST = 0.35
#: A window of another language counts when it is at least this likely.
_SECOND = 0.9
_MIN_LETTERS = 3


@dataclass(frozen=True, slots=True)
class Language:
    """What a text is written in.

    Args:
        code: ISO 639-3; `und` where it cannot be told.
        confidence: probability in [0, 1] that the code is right; 0 with `und`.
        second: ISO 639-3 of another language that a stretch of at least eight words is in, if any.
    """

    code: str
    confidence: float
    second: str | None = None


def detect(texts: Sequence[str]) -> list[Language]:
    """The language of each text, in order; masked values, addresses, handles, digits and emoji do not count.

    Args:
        texts: any strings; the first 2,000 characters count. Mere names, and words that several languages share,
            are `und`.

    A text of plain letters in which the model knows no word, but only n-grams, is most likely a name: `und`,
    unless they are English ones, whose words are too many to know.

    Returns:
        As many languages as texts; each depends on its own text alone.
    """
    model = shipped()
    scores = model.score(texts)
    chances = _chances(model, scores.texts)
    best = chances.argmax(axis=1)
    seconds = _seconds(model, scores, best)
    plain = np.array([text.isascii() for text in texts], bool) & (best != model.languages.index("eng"))
    told = (scores.known > 0) & ((scores.familiar > 0) | ~plain)
    return [
        _language(text, model.languages[top], float(row[top]), bool(known), seconds.get(index))
        for index, (text, top, row, known) in enumerate(zip(texts, best, chances, told, strict=True))
    ]


def _language(text: str, code: str, chance: float, known: bool, second: str | None) -> Language:
    if code == _OTHER or (code == "zho" and _KANA.search(text)):
        code, among = tail(text[:ENOUGH])
        chance *= among
    if not known or code == UNKNOWN or chance < _LEAST or not _enough(text):
        return Language(UNKNOWN, 0.0)
    return Language(code, round(chance, 4), second)


def _enough(text: str) -> bool:
    """Whether there are three letters at least, or one sign of a script whose signs are syllables or words."""
    letters = 0
    for c in text[:ENOUGH]:
        if c.isalpha():
            letters += _MIN_LETTERS if c >= "\u2e80" else 1
            if letters >= _MIN_LETTERS:
                return True
    return False


def _seconds(model: LanguageModel, scores: Scores, best: NDArray[np.int64]) -> dict[int, str]:
    """By text, the language other than its own that its windows speak for most."""
    chances = _chances(model, scores.windows)
    chances[:, [model.languages.index(code) for code in (_OTHER, UNKNOWN)]] = 0
    chances[np.arange(len(chances)), best[scores.text]] = 0
    top = chances.argmax(axis=1)
    chance = chances[np.arange(len(chances)), top]
    found: dict[int, tuple[float, str]] = {}
    for window in np.flatnonzero(chance >= _SECOND):
        text = int(scores.text[window])
        found[text] = max(found.get(text, (0.0, "")), (float(chance[window]), model.languages[top[window]]))
    return {text: code for text, (_, code) in found.items()}


#: Japanese writes its endings in kana; its ideographs are Chinese ones.
_KANA = re.compile("[\u3040-\u30ff]")


def _chances(model: LanguageModel, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    odds = scores.astype(np.float64) * _SHARPNESS + [_PRIOR.get(code, 0.0) for code in model.languages]
    powers: NDArray[np.float64] = np.exp(odds - odds.max(axis=1, keepdims=True, initial=-np.inf))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
