"""Why a complaint matched: the query's words in its text, the sentence nearest to the query, and a snippet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: Lance drops these from queries and texts (lancedb 0.40, FTS "English"; found by asking it for each word of
#: Snowball's list). It drops them after stemming, so "because" and "only" are words to it.
_DROPPED = (
    "a about after again against all am an and are aren as at be been being below between both but by can did do "
    "doing don down each few for from further had has have having he her here hers herself him himself his how i "
    "if in into is it its itself just me more most my myself no nor not now of off on or other our ours out over "
    "own same she should so some such than that the their theirs them then there these they this those through to "
    "too under until up was we were what when where which while who whom will with you your yours yourself"
)
STOP = frozenset(_DROPPED.split())

#: A placeholder of personal data is one word, so that no part of it is ever shown alone.
_WORD = re.compile(r"<\w+>|\w+(?:['’]\w+)?")
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+(?=\s|$)|[.!?](?=\S)[^.!?\n]*)*[.!?]*")
_SUFFIX = re.compile(r"(?:['’]s|ations?|ings?|ions?|edly|ments?|ed|es|ly|ers?|ies|s|e|y)$")

#: Characters of a snippet, and sentences of a text that are compared with the query.
SNIPPET_CHARS = 240
_SENTENCES = 60


class Encoder(Protocol):
    """What makes unit vectors of texts, quickly."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32, unit rows."""
        ...


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a text matched.

    Attributes:
        words: the query's words that the text has, as they were typed.
        nearest: the sentence nearest to the query; None for a text of one sentence.
        snippet: up to SNIPPET_CHARS of the text around it, in parts; `match` marks the words that are found.
    """

    words: tuple[str, ...]
    nearest: str | None
    snippet: tuple[dict[str, Any], ...]


def stem(word: str) -> str:
    """The beginning that forms of an English word share, roughly; for showing what matched, not for finding it."""
    folded = word.casefold()
    cut = _SUFFIX.sub("", folded)
    cut = cut if len(cut) >= 3 else folded
    return cut[:-1] if len(cut) > 3 and cut[-1] == cut[-2] else cut


def words_of(text: str) -> list[str]:
    """The words of a text as they stand in it."""
    return [found.group() for found in _WORD.finditer(text)]


def explain(
    texts: Sequence[str],
    query: Iterable[str],
    vector: NDArray[np.float32] | None = None,
    encoder: Encoder | None = None,
) -> list[Explained]:
    """Explain the hits of a page.

    Args:
        texts: the hits' texts.
        query: words that were looked for; stop words among them count for nothing.
        vector: (d,) of the query, to find the nearest sentence by meaning.
        encoder: makes vectors of sentences in the same space; without it, or without `vector`, the sentence
            with most of the query's words is the nearest.
    """
    stems = {stem(word): word for word in query if word.casefold() not in STOP}
    split = [_sentences(text) for text in texts]
    nearness: list[NDArray[np.float32]] = [
        np.array([_matches(text[start:end], stems) for start, end in spans], np.float32)
        for text, spans in zip(texts, split, strict=True)
    ]
    many = [n for n, spans in enumerate(split) if len(spans) > 1]
    if vector is not None and encoder is not None and many:
        every = [texts[n][start:end] for n in many for start, end in split[n]]
        cosines = encoder.encode(every) @ vector
        bounds = np.cumsum([len(split[n]) for n in many])[:-1]
        for n, part in zip(many, np.split(cosines, bounds), strict=True):
            # A word of the query that stands in the sentence is worth a tenth of a cosine.
            nearness[n] = part + 0.1 * nearness[n]
    found = []
    for text, spans, near in zip(texts, split, nearness, strict=True):
        best = spans[int(np.argmax(near))] if spans else (0, 0)
        words = [stems[one] for one in dict.fromkeys(stem(word) for word in words_of(text)) if one in stems]
        nearest = text[best[0] : best[1]] if len(spans) > 1 else None
        found.append(Explained(tuple(words), nearest, tuple(_snippet(text, best, stems))))
    return found


def _matches(text: str, stems: dict[str, str]) -> int:
    return len({stem(word) for word in words_of(text)} & stems.keys()) if stems else 0


def _sentences(text: str) -> list[tuple[int, int]]:
    spans = []
    for found in _SENTENCE.finditer(text):
        start, end = found.span()
        inner = text[start:end]
        left = len(inner) - len(inner.lstrip())
        right = len(inner.rstrip())
        if right > left:
            spans.append((start + left, start + right))
        if len(spans) == _SENTENCES:
            break
    return spans


def _snippet(text: str, best: tuple[int, int], stems: dict[str, str]) -> list[dict[str, Any]]:
    """Parts of the text around a sentence; a long sentence is shown around its first match."""
    start, end = best
    if end - start > SNIPPET_CHARS:
        first = next((m.start() for m in _WORD.finditer(text, start, end) if stem(m.group()) in stems), start)
        start = _word_start(text, max(start, first - SNIPPET_CHARS // 4))
    else:
        start = _word_start(text, max(0, start - (SNIPPET_CHARS - (end - start)) // 3))
    stop = _word_end(text, min(len(text), start + SNIPPET_CHARS))
    parts: list[dict[str, Any]] = []
    done = start
    for found in _WORD.finditer(text, start, stop):
        if stem(found.group()) in stems:
            if found.start() > done:
                parts.append({"text": text[done : found.start()], "match": False})
            parts.append({"text": found.group(), "match": True})
            done = found.end()
    if stop > done:
        parts.append({"text": text[done:stop], "match": False})
    if parts and start > 0:
        parts.insert(0, {"text": "… ", "match": False})
    if parts and stop < len(text):
        parts.append({"text": " …", "match": False})
    return parts


def _word_start(text: str, place: int) -> int:
    """Not in the midst of a word, nor of a <PLACEHOLDER_0a1b>."""
    opened = text.rfind("<", max(0, place - 40), place)
    if opened >= 0 and ">" not in text[opened:place]:
        return opened
    space = text.find(" ", place, place + 30)
    return place if place == 0 or text[place - 1].isspace() else (space + 1 if space >= 0 else place)


def _word_end(text: str, place: int) -> int:
    opened = text.rfind("<", max(0, place - 40), place)
    if opened >= 0 and ">" not in text[opened:place]:
        closed = text.find(">", place, place + 40)
        return closed + 1 if closed >= 0 else place
    if place >= len(text) or text[place].isspace():
        return place
    space = text.rfind(" ", max(0, place - 30), place)
    return space if space > 0 else place
