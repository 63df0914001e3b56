"""Language of short texts: a statistical identifier, corrected by the function words of Nigeria's languages.

py3langid (Lui and Baldwin 2012) knows neither Nigerian Pidgin, Hausa, Yoruba nor Igbo. Those four are told by
words that no other language of the set shares, and by letters of their orthographies.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

UNKNOWN = "und"


@dataclass(frozen=True, slots=True)
class Language:
    """ISO 639-3 code, `und` where it cannot be told, and a confidence in [0, 1]."""

    code: str
    confidence: float


def detect(texts: Sequence[str]) -> list[Language]:
    """The language of each text, in order; masked values, addresses and handles do not count."""
    with _LOCK:
        return [_detect(text) for text in texts]


def _detect(text: str) -> Language:
    bare = _NOISE.sub(" ", text)
    words = [_fold(word) for word in _WORD.findall(bare)]
    if sum(len(word) for word in words) < 3:
        return Language(UNKNOWN, 0.0)
    scores = _statistical(bare)
    for code, cues in _CUES.items():
        hits = sum(cues.get(word, 0.0) for word in words)
        letters = sum(bare.count(letter) + bare.count(letter.upper()) for letter in _LETTERS.get(code, ""))
        evidence = hits + min(letters, 4) * 1.0
        if evidence > 0:
            # Evidence per word, so that one borrowed word does not turn a long English text.
            scores[code] = evidence * 5.0 / math.sqrt(len(words)) - 3.0
    return _best(scores)


def _best(scores: dict[str, float]) -> Language:
    top = max(scores.values())
    weights = {code: math.exp(score - top) for code, score in scores.items()}
    code = max(weights, key=lambda c: (weights[c], c))
    return Language(code, round(weights[code] / sum(weights.values()), 4))


def _statistical(text: str) -> dict[str, float]:
    """Log-probabilities over the languages we tell apart."""
    ranked = _identifier().rank(text.casefold())
    scores = {_ISO3[code]: math.log(max(float(p), 1e-6)) for code, p in ranked if code in _ISO3}
    scores["eng"] += _ENGLISH_PRIOR
    return scores


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_ISO3))
    return identifier


def _fold(word: str) -> str:
    """Lower case without tone marks; dots below stay apart in `_LETTERS` only."""
    decomposed = unicodedata.normalize("NFD", word.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _weights(strong: str, weak: str) -> dict[str, float]:
    return dict.fromkeys(weak.split(), 0.6) | dict.fromkeys(strong.split(), 1.6)


#: Log-odds: one-word complaints are far more often English than the Romance look-alikes of a word.
_ENGLISH_PRIOR = 1.6

_LOCK = threading.Lock()
_NOISE = re.compile(r"<[A-Z]+_[0-9a-f]{4}>|https?://\S+|@\w+|#(?=\w)|\d+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ISO3 = {
    "en": "eng", "fr": "fra", "ar": "ara", "hi": "hin", "es": "spa", "pt": "por", "sw": "swa", "de": "deu",
}  # fmt: skip

_CUES = {
    "pcm": _weights(
        "abeg dey una wetin wahala don sef oga na wey dem abi shey sabi pikin comot waka chop wan dis dat una "
        "im dia tori pesin pipo moni naim joor nawa wia oo biko tey sotey waya go-slow",
        "o sha ehn dat dis fit",
    ),
    "hau": _weights(
        "ina wannan wani saboda yaya domin kuma amma mun sun ku mu kun kudi kudina layi waya wayata babu "
        "lafiya gaskiya allah don haka yau jiya tun safe intanet sabis dan mutane matsala ana tana yana zan "
        "shi ita nan daga zuwa cikin bayan gyara taimako nake muke suke ake",
        "ba da ta sai ne ce ya an",
    ),
    "yor": _weights(
        "awon fun lati owo mi nko jowo nibi ile ana loni wahala won ninu sugbon nitori gbogbo naa "
        "emi kini nigbati ose ejo eyin yin ri gba wipe nko",
        "mo ti ni ko si pe je",
    ),
    "ibo": _weights(
        "unu anyi ndi nke ego biko ihe ebe kedu gini mana maka oge ugbu nwere enweghi netwok "
        "ekwentị ekwenti adighi aka oru ahia taa ututu kemgbe nsogbu mere kpo ike o bughi eji ndo imela dalu",
        "na bu ka ya m gi ha",
    ),
}

_LETTERS = {"hau": "ɓɗƙƴ", "yor": "ṣẹọ", "ibo": "ịụṅ"}
