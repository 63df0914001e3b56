"""The long tail: languages that our model has no column for, told by py3langid (Lui and Baldwin 2012)."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

#: ISO 639-1 as py3langid has them, and ISO 639-3; those our own model tells are left out.
TAIL = {
    "af": "afr", "an": "arg", "as": "asm", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben", "br": "bre",
    "bs": "bos", "ca": "cat", "cs": "ces", "cy": "cym", "da": "dan", "dz": "dzo", "el": "ell", "eo": "epo",
    "et": "est", "eu": "eus", "fa": "fas", "fi": "fin", "fo": "fao", "ga": "gle", "gl": "glg", "gu": "guj",
    "he": "heb", "hr": "hrv", "ht": "hat", "hu": "hun", "hy": "hye", "id": "ind", "is": "isl", "ja": "jpn",
    "jv": "jav", "ka": "kat", "kk": "kaz", "km": "khm", "kn": "kan", "ko": "kor", "ku": "kur", "ky": "kir",
    "la": "lat", "lb": "ltz", "lo": "lao", "lt": "lit", "lv": "lav", "mg": "mlg", "mk": "mkd", "ml": "mal",
    "mn": "mon", "mr": "mar", "ms": "msa", "mt": "mlt", "ne": "nep", "nn": "nno", "no": "nor",
    "oc": "oci", "or": "ori", "pa": "pan", "pl": "pol", "ps": "pus", "qu": "que", "ro": "ron", "ru": "rus",
    "se": "sme", "si": "sin", "sk": "slk", "sl": "slv", "sq": "sqi", "sr": "srp", "sv": "swe", "ta": "tam",
    "te": "tel", "th": "tha", "tl": "tgl", "tr": "tur", "ug": "uig", "uk": "ukr", "ur": "urd", "vi": "vie",
    "vo": "vol", "wa": "wln", "ba": "bak", "fy": "fry", "gd": "gla", "lg": "lug", "ln": "lin", "my": "mya",
    "om": "orm", "sa": "san", "st": "sot", "tg": "tgk", "tk": "tuk", "tt": "tat", "uz": "uzb", "nso": "nso",
    "fuv": "fuv", "kik": "kik", "kab": "kab",
}  # fmt: skip


def tail(text: str) -> tuple[str, float]:
    """The best of the tail's languages and its probability among them."""
    with _LOCK:
        code, probability = _identifier().classify(text.casefold())
    return TAIL[code], float(probability)


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(TAIL))
    return identifier


#: py3langid's identifier keeps state between its steps.
_LOCK = threading.Lock()
