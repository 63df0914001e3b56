"""Names of people: how many the whole search for personal data finds, and how much else it takes for one."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.processing.figure import Figure
from engine.simulate.generate import Simulated, generate
from models.pii import find
from models.pii.names import find_names

#: Goals of recall by language of masakhaner2, each at this precision.
_GOALS = {"pcm": 0.85, "hau": 0.85, "ibo": 0.85, "yor": 0.6}
_PRECISION = 0.4
_FALSE = 0.005

Labelled = tuple[str, list[tuple[int, int]]]


def evaluate(data: Path) -> list[Figure] | None:
    """Names found in news, tweets and simulated complaints, and the share of complaints' words taken for names.

    Returns:
        Figures over words: recall of those in names, precision of those masked as PERSON. None without the data.
    """
    folder = data / "masakhaner2"
    if not folder.is_dir():
        return None
    figures: list[Figure] = []
    for path in sorted(folder.glob("*.conll")):
        code = path.name[:3]
        split = f"masakhaner2 {path.stem}, whole; nothing was trained on it, its errors were not read"
        recall, precision, counts = _scores(conll(path))
        figures += [
            Figure(f"names.masakhaner2.{code}.recall", recall, _GOALS.get(code), split, note=counts),
            Figure(f"names.masakhaner2.{code}.precision", precision, _PRECISION, split, note=counts),
        ]
    if (data / "wnut17" / "dev.conll").exists():
        recall, precision, counts = _scores(conll(data / "wnut17" / "dev.conll"))
        figures += [
            Figure("names.wnut17.recall", recall, None, "wnut17 dev", note=counts),
            Figure("names.wnut17.precision", precision, None, "wnut17 dev", note=counts),
        ]
    recall, _, counts = _scores(simulated(2000, seed=4))
    figures.append(Figure("names.simulated.recall", recall, 0.95, "beejan simulate, seed 4", note=counts))
    for name, texts in complaints(data).items():
        share, note = _false_share(t for t in texts if odd(t))
        figures.append(Figure(f"names.{name}.words_taken", share, _FALSE, f"{name}, md5 odd", False, note))
    return figures


def speed(data: Path | None) -> dict[str, Any]:
    """Texts a second of the names alone, beside a plain gazetteer as a regular expression, in alternating turns."""
    from models.pii.names_words import read_list

    texts = _texts(data)
    plain = re.compile(r"(?i)\b(?:" + "|".join(map(re.escape, sorted(read_list("names_nigeria.txt")))) + r")\b")
    spent = {"ours": 0.0, "peer": 0.0}
    find_names(texts[0])
    for _ in range(3):
        started = time.perf_counter()
        for text in texts:
            find_names(text)
        middle = time.perf_counter()
        for text in texts:
            plain.findall(text)
        spent["peer"] += time.perf_counter() - middle
        spent["ours"] += middle - started
    ours, theirs = (3 * len(texts) / spent[who] for who in ("ours", "peer"))
    report = {"ours_per_s": ours, "peer": "its Nigerian names as one regular expression", "peer_per_s": theirs}
    return {**report, "ratio": ours / theirs, "texts": len(texts)}


def _texts(data: Path | None) -> list[str]:
    texts = [row.fields["text"] for row in _generated(1000, seed=5)]
    for given in complaints(data).values() if data else ():
        texts += given[:1000]
    return texts


def odd(text: str) -> bool:
    """Whether a text is in the half that is reported; the other is for tuning."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1


def conll(path: Path) -> Iterator[Labelled]:
    """Sentences with the places of their people."""
    for block in re.split(r"\n\s*\n", path.read_text("utf-8")):
        text, spans = "", []
        for line in block.splitlines():
            word, _, tag = line.replace("\t", " ").rpartition(" ")
            if word:
                if tag.lower().endswith(("-per", "-person")):
                    spans.append((len(text), len(text) + len(word)))
                text += word + " "
        if text:
            yield text, spans


def simulated(rows: int, seed: int) -> Iterator[Labelled]:
    """Simulated complaints of which each has a name."""
    for row in _generated(rows, seed):
        spans = [(int(s["start"]), int(s["end"])) for s in row.truth.pii if s["type"] == "PERSON"]
        if spans:
            yield row.fields["text"], spans


def _generated(rows: int, seed: int) -> list[Simulated]:
    end = datetime(2026, 3, 1, tzinfo=UTC)
    return generate(rows, seed=seed, start=end - timedelta(days=7), end=end)


def complaints(data: Path) -> dict[str, list[str]]:
    """Texts of customers, nearly without names, by set."""
    found = {}
    for name, path, column in _COMPLAINTS:
        if (data / path).exists():
            opener = gzip.open if path.endswith(".gz") else open
            with opener(data / path, "rt", encoding="utf-8", errors="replace", newline="") as file:
                found[name] = [row[column] for row in csv.DictReader(file) if row[column]]
    return found


_COMPLAINTS = (
    ("airline_tweets", "airline_tweets/tweets.csv.gz", "text"),
    ("comcast", "comcast/complaints.csv", "Customer Complaint"),
    ("banking77", "banking77/train.csv", "text"),
)
_WORDS = re.compile(r"\S+")


def _scores(labelled: Iterable[Labelled]) -> tuple[float, float, str]:
    right = named = taken = 0
    for text, spans in labelled:
        people = [s for s in find(text) if s.type == "PERSON"]
        for match in _WORDS.finditer(text):
            is_name = any(start < match.end() and match.start() < end for start, end in spans)
            is_taken = any(s.start < match.end() and match.start() < s.end for s in people)
            named, taken, right = named + is_name, taken + is_taken, right + (is_name and is_taken)
    return right / max(1, named), right / max(1, taken), f"{named} words in names, {taken} taken"


def _false_share(texts: Iterable[str]) -> tuple[float, str]:
    words = taken = 0
    for text in texts:
        people = [s for s in find(text) if s.type == "PERSON"]
        words += len(_WORDS.findall(text))
        taken += sum(len(text[s.start : s.end].split()) for s in people)
    return taken / max(1, words), f"{taken} of {words} words"
