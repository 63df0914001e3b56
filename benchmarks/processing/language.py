"""Language identification: recall by language, English complaints, calibration, abstention, switching, speed."""

from __future__ import annotations

import csv
import gzip
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processing.figure import Figure
from models.language import Language, detect

#: The languages that the goal is about: those of complaints in Nigeria, and the commonest others.
MAIN = ("eng", "pcm", "hau", "yor", "ibo", "fra", "ara", "hin", "spa", "por", "swa", "deu")
#: What has no language, or could be of several; no name of it stands in the model's own sentences.
NOTHING = (
    "12345", "0803 555 0199", "N5,000", "$20.00", "???", "😂😂", "<PHONE_a91c>", "<PHONE_a91c> <EMAIL_0b0b>", "@mtnng",
    "https://t.co/abc", "*737#", "a", "REF 20934", "5G", "Ecobank", "Stanbic IBTC", "Sterling Bank", "Spectranet",
    "Redmi Note 12", "Itel A60", "Hisense", "MultiChoice", "Chipper Cash", "Maiduguri", "Calabar", "Sokoto", "Owerri",
    "Zainab Lawal", "Oluwaseun Adebayo", "Chukwuemeka Nwosu", "Kwame Mensah", "Aisha", "HDMI", "PUK", "eSIM", "Lenovo",
)  # fmt: skip
_SPLIT = "odd half by md5 of the text; the even half chose settings, neither was trained on"


def evaluate(data: Path) -> list[Figure] | None:
    """Every figure on the halves that nothing was chosen on; None without lid and naijasenti.

    Recall of a language is the share of its texts that get its code, `und` being wrong; macro is the plain mean over
    languages of lid_dev and naijasenti dev taken together.
    """
    if not ((data / "lid" / "lid_dev.csv").exists() and (data / "naijasenti" / "dev.csv.gz").exists()):
        return None
    rows = [row for row in labelled(data) if odd(row[0])]
    found = detect([text for text, _, _ in rows])
    judged = [*_recalls(rows, found), *_english(data), *_headlines(data), *_confidence(rows, found)]
    return [*judged, *_abstention(), *_switching(rows, found)]


def odd(text: str) -> bool:
    """Whether a text is of the half that is reported on."""
    return int(hashlib.md5(text.encode()).hexdigest(), 16) % 2 == 1  # noqa: S324 -- a split, no secret


def labelled(data: Path) -> list[tuple[str, str, str]]:
    """(text, language, source) of both sets."""
    rows = [(row["text"], row["lang"], row["source"]) for row in _rows(data / "lid" / "lid_dev.csv")]
    return rows + [(r["tweet"], r["lang"], "naijasenti") for r in _rows(data / "naijasenti" / "dev.csv.gz")]


def _recalls(rows: Sequence[tuple[str, str, str]], found: Sequence[Language]) -> list[Figure]:
    split = f"lid dev and naijasenti dev, {_SPLIT}"
    right: dict[str, list[bool]] = {}
    for (_, language, source), guess in zip(rows, found, strict=True):
        for name in (language, f"{language}.{source}"):
            right.setdefault(name, []).append(guess.code == language)
    recall = {name: float(np.mean(hits)) for name, hits in right.items()}
    every = sorted({language for _, language, _ in rows})
    main = [language for language in MAIN if language in recall]
    figures = [
        Figure("language.macro", _mean(recall, main), 0.97, split, note=f"{len(main)} languages: {' '.join(main)}"),
        Figure("language.macro_all", _mean(recall, every), None, split, note=f"{len(every)} languages"),
        Figure("language.accuracy", float(np.mean([h for name in every for h in right[name]])), None, split),
    ]
    for source in ("naijasenti", "afrisenti_tweet", "masakhanews_headline"):
        if (name := f"pcm.{source}") in recall:
            figures.append(Figure(f"language.{name}", recall[name], 0.93, split, note=f"{len(right[name])} texts"))
    return figures + [
        Figure(f"language.recall.{name}", recall[name], None, split, note=f"{len(right[name])} texts") for name in every
    ]


def _mean(recall: dict[str, float], names: Sequence[str]) -> float:
    return float(np.mean([recall[name] for name in names]))


def _english(data: Path) -> list[Figure]:
    figures = []
    for name, file, column in _ENGLISH:
        if not (data / file).exists():
            continue
        texts = sorted({row[column] for row in _rows(data / file) if odd(row[column])})
        share = float(np.mean([found.code == "eng" for found in detect(texts)]))
        figures.append(Figure(f"language.english.{name}", share, 0.97, f"{name}, {_SPLIT}", note=f"{len(texts)} texts"))
    return figures


def _headlines(data: Path) -> list[Figure]:
    """English headlines: those called English, and those taken for Pidgin, whose grammar headlines come near."""
    own = [found.code for found in detect(HEADLINES.read_text("utf-8").splitlines())]
    split = "headlines written for this, none of them trained on"
    figures = [Figure("language.english.headlines", own.count("eng") / len(own), None, split, note=f"{len(own)} texts")]
    sets = {"headlines": (own, split)}
    if (data / "ag_news" / "ag_news.csv.gz").exists():
        titles = sorted({row["title"] for row in _rows(data / "ag_news" / "ag_news.csv.gz") if odd(row["title"])})
        sets["ag_news"] = [found.code for found in detect(titles)], f"ag_news titles, {_SPLIT}"
    return figures + [
        Figure(
            f"language.called_pidgin.{name}",
            codes.count("pcm") / len(codes),
            0.02,
            where,
            higher_is_better=False,
            note=f"{len(codes)} texts",
        )
        for name, (codes, where) in sets.items()
    ]


#: English headlines of our own that no model was trained on, one a line.
HEADLINES = Path(__file__).with_name("english_headlines.txt")
_ENGLISH = (
    ("comcast", "comcast/complaints.csv", "Customer Complaint"),
    ("airline", "airline_tweets/tweets.csv.gz", "text"),
    ("banking77", "banking77/train.csv", "text"),
)


def _confidence(rows: Sequence[tuple[str, str, str]], found: Sequence[Language]) -> list[Figure]:
    """Expected calibration error over ten bins of equal width, of texts that got a language."""
    pairs = [(g.confidence, g.code == row[1]) for row, g in zip(rows, found, strict=True) if g.code != "und"]
    confidence, hit = np.array([c for c, _ in pairs]), np.array([h for _, h in pairs], dtype=float)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [abs(confidence[bins == b].mean() - hit[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    abstained = float(np.mean([g.code == "und" for g in found]))
    split = f"lid dev and naijasenti dev, {_SPLIT}"
    return [
        Figure("language.calibration_error", float(sum(gaps)), None, split, higher_is_better=False),
        Figure("language.abstained", abstained, None, split, higher_is_better=False),
    ]


def _abstention() -> list[Figure]:
    share = float(np.mean([found.code == "und" for found in detect(NOTHING)]))
    return [
        Figure(
            "language.und",
            share,
            None,
            "names, numbers and codes written for this, none of them trained on",
            note=f"{len(NOTHING)} texts",
        )
    ]


def _switching(rows: Sequence[tuple[str, str, str]], found: Sequence[Language]) -> list[Figure]:
    """An English sentence and one of another language, joined; and texts of one language as they are."""
    long = [(text, language) for text, language, _ in rows if len(text.split()) >= _LONG]
    english = [text for text, language in long if language == "eng"]
    others = [(text, language) for text, language in long if language in ("pcm", "hau", "yor", "ibo", "swa", "fra")]
    joined = [(f"{english[i % len(english)]} {text}", language) for i, (text, language) in enumerate(others)]
    both = [
        {guess.code, guess.second} == {"eng", language}
        for (_, language), guess in zip(joined, detect([text for text, _ in joined]), strict=True)
    ] if english else []  # fmt: skip
    plain = [
        guess.second is not None for (text, _, source), guess in zip(rows, found, strict=True)
        if source == "lingua_sentence" and len(text.split()) >= 2 * _LONG
    ]  # fmt: skip
    split = f"lid dev and naijasenti dev, {_SPLIT}"
    figures = []
    if both:
        share = float(np.mean(both))
        figures.append(Figure("language.switch.both_found", share, None, split, note=f"{len(both)} pairs"))
    if plain:
        figures.append(
            Figure("language.switch.false", float(np.mean(plain)), None, split, False, f"{len(plain)} long sentences")
        )
    return figures


#: Words of a sentence that is joined to another.
_LONG = 10


def _rows(path: Path) -> list[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def speed(data: Path | None) -> dict[str, Any]:
    """Texts a second of processor time of one thread beside py3langid, in alternating turns over the same texts."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    peer = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    texts = _texts(data)
    detect([*texts[:10], "у меня нет сети"])  # what py3langid tells is read too before the clock starts
    peer.classify(texts[0])
    ours = theirs = 0.0
    for at in range(0, len(texts), 500):
        batch = texts[at : at + 500]
        begun = time.thread_time()
        detect(batch)
        between = time.thread_time()
        for text in batch:
            peer.classify(text)
        ours, theirs = ours + between - begun, theirs + time.thread_time() - between
    rates = len(texts) / ours, len(texts) / theirs
    return {
        "ours_per_s": round(rates[0]), "peer": "py3langid", "peer_per_s": round(rates[1]),
        "ratio": round(rates[0] / rates[1], 2), "texts": len(texts),
        "mean_chars": round(float(np.mean([len(text) for text in texts])), 1),
    }  # fmt: skip


def _texts(data: Path | None) -> list[str]:
    if data is not None and (data / "airline_tweets" / "tweets.csv.gz").exists():
        return [row["text"] for row in _rows(data / "airline_tweets" / "tweets.csv.gz")][:5000]
    return [f"My network has been down since {hour} and nobody answers, wetin dey happen" for hour in range(5000)]
