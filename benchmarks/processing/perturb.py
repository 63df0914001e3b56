"""Seeded copies of texts as people make them, and texts that only look alike, to judge near-duplicates by."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from random import Random

from engine.simulate.typos import mangle

_TAGS = (
    "#fail",
    "#help",
    "#neveragain",
    "#customerservice",
    "pls RT",
    "!!",
    "@CNN",
    "smh",
    "https://t.co/x1Yz9",
    "any update?",
)
_USERS = ("newsbreak", "jane_doe", "flyer77", "consumerwatch", "mattk")
_LETTERS = re.compile(r"[a-z]{4,}")

Edit = Callable[[Random, list[str]], list[str]]


def perturbed(random: Random, text: str) -> str:
    """The text after one to three edits: typing errors, dropped words, tags, a retweet's mark, case, punctuation."""
    words = text.split()
    for edit in random.sample(_EDITS, random.choice((1, 1, 2, 3))):
        words = edit(random, words)
    return " ".join(words)


def _typos(random: Random, words: list[str]) -> list[str]:
    places = [n for n, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    chosen = set(random.sample(places, min(len(places), random.randint(1, 3))))
    return [mangle(random, word) if n in chosen else word for n, word in enumerate(words)]


def _drop(random: Random, words: list[str]) -> list[str]:
    """One or two words fewer, of five or more."""
    if len(words) < 5:
        return words
    gone = set(random.sample(range(len(words)), random.randint(1, 2)))
    return [word for n, word in enumerate(words) if n not in gone]


def _tag(random: Random, words: list[str]) -> list[str]:
    return [*words, *random.sample(_TAGS, random.randint(1, 2))]


def _retweet(random: Random, words: list[str]) -> list[str]:
    return ["RT", f"@{random.choice(_USERS)}:", *words]


def _case(random: Random, words: list[str]) -> list[str]:
    return [random.choice((str.upper, str.lower))(word) for word in words]


def _punctuation(random: Random, words: list[str]) -> list[str]:
    kept = [re.sub(r"[.,!?'\"]", "", word) or word for word in words]
    return [word + random.choice(("", "", "", "!", "...", ",")) for word in kept]


_EDITS: tuple[Edit, ...] = (_typos, _drop, _tag, _retweet, _case, _punctuation)


def look_alikes(random: Random, texts: Sequence[str], count: int) -> list[str]:
    """Half: real texts, each the nearest by words to another, that are no copies; half: made of the words of others.

    A real one is left out where its letters run like its neighbour's (ratio of difflib .6 and more): whether that
    is a copy is a matter of taste.
    """
    places = defaultdict(list)
    bags = [Counter(_LETTERS.findall(text.lower())) for text in texts]
    for place, bag in enumerate(bags):
        for word in bag:
            places[word].append(place)
    found: list[str] = []
    order = list(range(len(texts)))
    random.shuffle(order)
    for place in order:
        near = _nearest(place, bags, places)
        if near is None or len(bags[place]) < 3:
            continue
        if len(found) < count // 2:
            if SequenceMatcher(None, texts[place].lower(), texts[near].lower(), autojunk=False).ratio() < 0.6:
                found.append(texts[place])
        elif len(found) < count:
            words = [*texts[place].split(), *texts[near].split()]
            random.shuffle(words)
            found.append(" ".join(words[: len(words) // 2 + 1]))
    return found


def _nearest(place: int, bags: list[Counter[str]], places: dict[str, list[int]]) -> int | None:
    """The text that shares most words, each weighed by its rarity."""
    scores: Counter[int] = Counter()
    for word in bags[place]:
        if len(places[word]) < 400:
            for other in places[word]:
                scores[other] += 1 / len(places[word])  # type: ignore[assignment]
    del scores[place]
    return max(scores, key=lambda other: (scores[other], -other)) if scores else None
