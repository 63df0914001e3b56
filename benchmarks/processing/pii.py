"""Personal data: how much of what must be masked is, how much else is, and how fast.

Counted as must-mask are the kinds of presidio-research that lead to a person by themselves: PERSON,
STREET_ADDRESS, ZIP_CODE, PHONE_NUMBER, EMAIL_ADDRESS, CREDIT_CARD, IBAN_CODE, US_SSN and IP_ADDRESS. Not counted,
and neither wrong nor right to mask: GPE (cities and countries, which analysts need and which an address may end
with), DATE_TIME (a birth date is one, a Monday is not), AGE, TITLE and NRP (shared by many). A masked
ORGANIZATION or DOMAIN_NAME is wrong: it names no person. `strict` counts every mask outside must-mask as wrong.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processing.figure import Figure
from models.pii import find, mask

MUST = {
    "PERSON": "person",
    "STREET_ADDRESS": "address",
    "ZIP_CODE": "address",
    "PHONE_NUMBER": "structured",
    "EMAIL_ADDRESS": "structured",
    "CREDIT_CARD": "structured",
    "IBAN_CODE": "structured",
    "US_SSN": "structured",
    "IP_ADDRESS": "structured",
}
NEUTRAL = frozenset({"GPE", "DATE_TIME", "AGE", "TITLE", "NRP"})
FORMATS = Path(__file__).parent / "pii_nigeria.txt"
_SPLIT = "pii_presidio, templates whose number's md5 is odd; the even ones were tuned on"
_OWN = "own cases, texts whose md5 is odd; the even ones were tuned on"
_MARK = re.compile(r"\{([A-Z]+):([^{}]*)\}")
_TURNS = 5
_TEXTS = 4000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and where its kinds of personal data stand: (kind, start, end)."""

    text: str
    spans: tuple[tuple[str, int, int], ...]


def evaluate(data: Path) -> list[Figure] | None:
    """The figures of masking on presidio-research's sentences and on our own Nigerian formats."""
    path = data / "pii_presidio" / "synth.jsonl"
    if not path.is_file():
        return None
    return [*presidio(read_presidio(path, odd=True)), *nigeria(read_formats(FORMATS, odd=True))]


def odd_md5(value: str) -> bool:
    """Which half a value belongs to; the odd half is for reporting alone."""
    return int(hashlib.md5(value.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1


def read_presidio(path: Path, odd: bool) -> list[Labelled]:
    """The sentences of one half of the templates."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        Labelled(
            row["full_text"],
            tuple((s["entity_type"], s["start_position"], s["end_position"]) for s in row["spans"]),
        )
        for row in rows
        if odd_md5(str(row["template_id"])) == odd
    ]


def read_formats(path: Path, odd: bool) -> list[Labelled]:
    """One half of our own cases: a text a line, its values as `{KIND:value}`, line breaks and tabs as \\n and \\t.

    The texts were written by hand, the digits drawn at random; no value belongs to anybody.
    """
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text, spans, position = "", [], 0
        line = line.replace("\\n", "\n").replace("\\t", "\t")
        for match in _MARK.finditer(line):
            text += line[position : match.start()]
            spans.append((match[1], len(text), len(text) + len(match[2])))
            text, position = text + match[2], match.end()
        rows.append(Labelled(text + line[position:], tuple(spans)))
    return [row for row in rows if odd_md5(row.text) == odd]


def presidio(rows: list[Labelled]) -> list[Figure]:
    """Recall, precision and F2 over must-mask characters, and recall by kind."""
    wanted: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    wrong = beside = 0
    for row in rows:
        masked = _characters((span.start, span.end) for span in find(row.text))
        must: set[int] = set()
        for kind, start, end in row.spans:
            if kind in MUST:
                place = set(range(start, end))
                wanted[kind] += len(place)
                hidden[kind] += len(place & masked)
                must |= place
        neutral = _characters((start, end) for kind, start, end in row.spans if kind in NEUTRAL)
        spare = {at for at in masked - must if row.text[at].isalnum()}
        wrong += len(spare - neutral)
        beside += len(spare & neutral)
    recall, right = hidden.total() / max(1, wanted.total()), hidden.total()
    precision, strict = right / max(1, right + wrong), right / max(1, right + wrong + beside)
    note = f"{len(rows)} sentences, {wanted.total()} characters"
    figures = [
        Figure("pii.presidio.recall", recall, 0.92, _SPLIT, note=note),
        Figure("pii.presidio.precision", precision, None, _SPLIT, note=note),
        Figure("pii.presidio.f2", _f2(precision, recall), 0.88, _SPLIT, note=note),
        Figure("pii.presidio.f2_strict", _f2(strict, recall), None, _SPLIT, note="cities and dates count as wrong"),
    ]
    for group, goal in (("structured", 0.99), ("person", 0.88), ("address", None)):
        kinds = [kind for kind in MUST if MUST[kind] == group]
        total, got = sum(wanted[kind] for kind in kinds), sum(hidden[kind] for kind in kinds)
        if total:
            note = f"{total} characters"
            figures.append(Figure(f"pii.presidio.recall.{group}", got / total, goal, _SPLIT, note=note))
    for kind in sorted(wanted):
        value = hidden[kind] / wanted[kind]
        figures.append(Figure(f"pii.presidio.recall.{kind}", value, None, _SPLIT, note=f"{wanted[kind]} characters"))
    return figures


def nigeria(rows: list[Labelled]) -> list[Figure]:
    """Recall and precision over whole finds: a value is found if every letter and digit of it is masked."""
    wanted = found = made = right = 0
    for row in rows:
        spans = [(span.start, span.end) for span in find(row.text)]
        masked = _characters(spans)
        labelled = _characters((start, end) for _, start, end in row.spans)
        wanted += len(row.spans)
        found += sum(_solid(row.text, start, end) <= masked for _, start, end in row.spans)
        made += len(spans)
        right += sum(_solid(row.text, start, end) <= labelled for start, end in spans)
    note = f"{len(rows)} texts, {wanted} values, {made} finds"
    return [
        Figure("pii.nigeria.recall", found / max(1, wanted), 0.99, _OWN, note=note),
        Figure("pii.nigeria.precision", right / max(1, made), 0.97, _OWN, note=note),
    ]


def speed(data: Path | None) -> dict[str, Any]:
    """Texts masked a second on one core, beside the peer on the same texts, in alternating turns.

    The peer is Presidio's analyzer where it is installed, else phonenumbers' PhoneNumberMatcher, which looks for
    telephone numbers alone.
    """
    texts = complaint_texts(data)
    name, peer = _peer()
    ours_s, peer_s = [], []
    mask(texts[0], b"warm"), peer(texts[0])
    for _ in range(_TURNS):
        ours_s.append(_seconds(lambda text: mask(text, b"speed"), texts))
        peer_s.append(_seconds(peer, texts))
    ours, theirs = len(texts) / statistics.median(ours_s), len(texts) / statistics.median(peer_s)
    characters = sum(map(len, texts)) / len(texts)
    return {
        "ours_per_s": ours,
        "peer": name,
        "peer_per_s": theirs,
        "ratio": ours / theirs,
        "texts": len(texts),
        "mean_characters": characters,
        "goal_per_s": 800,
    }


def complaint_texts(data: Path | None) -> list[str]:
    """Airline tweets and Comcast complaints; without them our own cases."""
    tweets = data / "airline_tweets" / "tweets.csv.gz" if data else None
    complaints = data / "comcast" / "complaints.csv" if data else None
    if tweets is None or complaints is None or not (tweets.is_file() and complaints.is_file()):
        return [row.text for odd in (False, True) for row in read_formats(FORMATS, odd)]
    with gzip.open(tweets, "rt", encoding="utf-8", newline="") as file:
        found = [row["text"] for row in csv.DictReader(file)][: _TEXTS // 2]
    with complaints.open(encoding="utf-8", newline="") as file:
        return found + [row["Customer Complaint"] for row in csv.DictReader(file)][: _TEXTS // 2]


def _peer() -> tuple[str, Callable[[str], object]]:
    import phonenumbers

    return "phonenumbers PhoneNumberMatcher (NG)", lambda text: list(phonenumbers.PhoneNumberMatcher(text, "NG"))


def _seconds(work: Callable[[str], object], texts: list[str]) -> float:
    start = time.perf_counter()
    for text in texts:
        work(text)
    return time.perf_counter() - start


def _characters(spans: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


def _solid(text: str, start: int, end: int) -> set[int]:
    return {at for at in range(start, end) if text[at].isalnum()}


def _f2(precision: float, recall: float) -> float:
    return 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0
