"""Spelling: how seldom a right word is changed, how often a wrong one is put right, and the speed beside symspellpy."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.resources
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.processing.figure import Figure
from engine.curate.context import protected_words
from engine.settings import load_settings
from models.pii import mask
from models.spelling import correct_word, corrections
from models.text import repair

#: As people write them in complaints; some stand in the shipped list of protected words, some do not.
PRODUCTS = (
    "MTN", "Airtel", "Glo", "9mobile", "MoMo", "MiFi", "GloMiFi", "XtraTalk", "XtraByte", "SmartConnect", "SmartTRYBE",
    "TruTalk", "BetaTalk", "Yakata", "Oganla", "MoreCliq", "MoreBlaze", "EasyCliq", "KwikCash", "HyNetFlex", "FibreX",
    "FiberOne", "Spectranet", "Tizeti", "Starlink", "Swift", "Smile", "Ntel", "OPay", "PalmPay", "Kuda", "Moniepoint",
    "PiggyVest", "Cowrywise", "FairMoney", "Carbon", "Paga", "Paystack", "Flutterwave", "Interswitch", "Quickteller",
    "Remita", "Verve", "GTBank", "Zenith", "Ecobank", "Fidelity", "Providus", "Stanbic", "Polaris", "Wema", "ALAT",
    "Safaricom", "Fuliza", "Bonga", "Tunukiwa", "Xfinity", "Comcast", "Verizon", "Vodafone", "JetBlue", "VirginAmerica",
    "Southwest", "DStv", "GOtv", "StarTimes", "Showmax", "Netflix", "Spotify", "WhatsApp", "TikTok", "Telegram",
    "Truecaller", "Binance", "Bitnob", "Risevest", "Bamboo", "Chowdeck", "Glovo", "Bolt", "inDrive", "Jumia", "Konga",
    "Eyowo", "Renmoney", "Okash", "PalmCredit", "Mukuru", "Chipper", "Grey", "Geegpay", "Sabi", "AutoPay", "SpeedPlus",
)  # fmt: skip
_SENTENCES = ("please why is my {} not working since morning", "i have used {}, for years and it is bad", "{}")
_KINDS = ("PHONE", "EMAIL", "CARD", "ACCOUNT", "NIN", "BVN", "SSN", "PERSON", "ADDRESS", "HANDLE", "IP", "IBAN", "DATE")
_PEER_TEXTS, _TURNS = 150, 3


def evaluate(data: Path) -> list[Figure] | None:
    """Figures on the odd half of the airline tweets, Norvig's words, product names and placeholders.

    Args:
        data: with `airline_tweets/tweets.csv.gz` and `spelling/norvig_tests1.csv`.
    """
    tweets, words = data / "airline_tweets" / "tweets.csv.gz", data / "spelling" / "norvig_tests1.csv"
    if not tweets.is_file() or not words.is_file():
        return None
    ours = protected_words(load_settings())
    return [_changed(_tweets(tweets), ours), *_products(ours), _placeholders(_tweets(tweets), ours), _norvig(words)]


def _changed(texts: Sequence[str], ours: frozenset[str]) -> Figure:
    odd = [text for text in texts if hashlib.md5(text.encode(), usedforsecurity=False).digest()[-1] % 2]
    readable = [repair(text).text for text in odd]
    tokens = sum(len(text.split()) for text in readable)
    found = sum(len(corrections(text, ours)) for text in readable)
    return Figure(
        "spelling.tokens_changed", found / tokens, 0.001, "airline tweets, odd md5 of the text; tuned on the even ones",
        higher_is_better=False, note=f"{found} of {tokens} tokens",
    )  # fmt: skip


def _products(ours: frozenset[str]) -> list[Figure]:
    texts = [sentence.format(name) for name in PRODUCTS for sentence in _SENTENCES]
    texts += [text.lower() for text in texts]
    found = sum(len(corrections(text, ours)) for text in texts)
    return [
        Figure(
            "spelling.products_changed", found, 0, "names and sentences of this module", higher_is_better=False,
            note=f"{len(PRODUCTS)} names, {len(texts)} texts, as written and in lower case",
        )
    ]  # fmt: skip


def _placeholders(texts: Sequence[str], ours: frozenset[str]) -> Figure:
    key = b"benchmark"
    masked = [mask(repair(text).text, key).text for text in texts]
    masked += [f"please call <{kind}_{n * 331:04x}>, now" for kind in _KINDS for n in range(200)]
    found = sum(1 for text in masked for word in corrections(text, ours) if f"_{word}" in text or f"<{word}" in text)
    return Figure(
        "spelling.placeholders_changed", found, 0, "all airline tweets, masked, and placeholders of this module",
        higher_is_better=False, note=f"{sum(text.count('<') for text in masked)} placeholders",
    )  # fmt: skip


def _norvig(path: Path) -> Figure:
    with path.open(encoding="utf-8", newline="") as file:
        pairs = [(row["misspelling"], row["correct"]) for row in csv.DictReader(file)]
    right = sum(correct_word(wrong) == meant.lower() for wrong, meant in pairs)
    return Figure(
        "spelling.norvig", right / len(pairs), 0.74, "Norvig's first set; tuned on half of the Birkbeck corpus",
        note=f"{right} of {len(pairs)} words, each alone",
    )  # fmt: skip


def speed(data: Path | None) -> dict[str, Any]:
    """Texts a second on one core, beside `lookup_compound` of symspellpy, in alternating turns.

    Args:
        data: takes the airline tweets from here; without it texts are simulated.
    """
    from symspellpy import SymSpell

    texts = [repair(text).text for text in texts_of(data)]
    peer = SymSpell(2, 7)
    words = importlib.resources.files("symspellpy") / "frequency_dictionary_en_82_765.txt"
    peer.load_dictionary(str(words), 0, 1)
    ours = protected_words(load_settings())
    corrections(texts[0] + " recieved deoderant", ours)
    best = [0.0, 0.0]
    for _ in range(_TURNS):
        best[0] = max(best[0], _rate(lambda text: corrections(text, ours), texts))
        best[1] = max(best[1], _rate(lambda text: peer.lookup_compound(text, 2), texts[:_PEER_TEXTS]))
    return {
        "ours_per_s": round(best[0]), "peer": "symspellpy lookup_compound", "peer_per_s": round(best[1], 1),
        "ratio": round(best[0] / best[1], 1), "texts": len(texts),
    }  # fmt: skip


def _rate(work: Callable[[str], object], texts: Sequence[str]) -> float:
    started = time.perf_counter()
    for text in texts:
        work(text)
    return len(texts) / (time.perf_counter() - started)


def texts_of(data: Path | None) -> list[str]:
    """The airline tweets of a data folder, else simulated complaints."""
    path = data / "airline_tweets" / "tweets.csv.gz" if data else None
    return _tweets(path) if path and path.is_file() else _simulated()


def _tweets(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["text"] for row in csv.DictReader(file)))


def _simulated() -> list[str]:
    from engine.simulate.generate import generate

    span = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
    return [one.fields["text"] for one in generate(4000, seed=1, start=span[0], end=span[1])]
