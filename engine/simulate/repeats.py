"""Said again: edits of a text that leave the personal data in it, and its spans, right."""

from __future__ import annotations

from random import Random

from engine.simulate.typos import mangle

Spans = list[dict[str, int | str]]

_BEFORE = ("Again:", "Second time:", "Reminder -", "Still the same.", "I repeat,", "Resending this,")
_AFTER = (
    "!!",
    "pls",
    "again",
    "I have written before",
    "still waiting",
    "...",
    "third time now",
    "no response till now",
    "??",
)


def edit(random: Random, text: str, spans: Spans) -> tuple[str, Spans]:
    """The text with one to three small changes: words before, after, dropped or mistyped.

    Args:
        random: where all choices come from.
        text: what was said.
        spans: of personal data; no change reaches into one.
    """
    before = text
    for _ in range(random.choice((1, 1, 2, 3))):
        text, spans = _one(random, text, spans)
    if text == before:
        text = f"{text} {random.choice(_AFTER)}"
    return text, spans


def splice(text: str, spans: Spans, start: int, end: int, new: str) -> tuple[str, Spans]:
    """Put `new` in place of `text[start:end]`, which no span touches, and move the spans behind it."""
    by = len(new) - (end - start)
    moved: Spans = [
        s if int(s["start"]) < start else {**s, "start": int(s["start"]) + by, "end": int(s["end"]) + by} for s in spans
    ]
    return text[:start] + new + text[end:], moved


def _one(random: Random, text: str, spans: Spans) -> tuple[str, Spans]:
    kind = random.randrange(4)
    if kind == 0:
        return splice(text, spans, 0, 0, f"{random.choice(_BEFORE)} ")
    words = _plain_words(text, spans)
    if kind == 1 or len(words) < 6:
        return splice(text, spans, len(text), len(text), f" {random.choice(_AFTER)}")
    start, end = random.choice(words)
    if kind == 2:
        return splice(text, spans, start, end + 1, "")
    return splice(text, spans, start, end, mangle(random, text[start:end]))


def _plain_words(text: str, spans: Spans) -> list[tuple[int, int]]:
    """Words of four or more plain letters with a space after, outside the spans."""
    found, at = [], 0
    for word in text.split(" "):
        end = at + len(word)
        apart = all(end < int(s["start"]) or at >= int(s["end"]) for s in spans)
        if len(word) > 3 and word.isascii() and word.isalpha() and end < len(text) and apart:
            found.append((at, end))
        at = end + 1
    return found
