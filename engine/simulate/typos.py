"""Typing errors as people make them on a telephone's keys."""

from __future__ import annotations

from random import Random

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {
    letter: row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    for row in _ROWS
    for place, letter in enumerate(row)
}
_SHORT = {
    "you": "u", "your": "ur", "are": "r", "please": "pls", "because": "cos", "and": "nd", "for": "4", "to": "2", "people": "ppl",
    "network": "netwk", "customer": "custmr", "what": "wat", "with": "wit", "that": "dat", "thanks": "thx", "before": "b4",
}  # fmt: skip


def mistype(random: Random, text: str) -> str:
    """One to three errors in words of more than three plain letters."""
    words = text.split(" ")
    places = [n for n, word in enumerate(words) if len(word) > 3 and word.isascii() and word.isalpha()]
    for place in random.sample(places, min(len(places), random.randint(1, 3))):
        words[place] = mangle(random, words[place])
    return " ".join(words)


def mangle(random: Random, word: str) -> str:
    """One error in a word of more than two letters: dropped, swapped, neighbouring or doubled."""
    at = random.randrange(1, len(word) - 1)
    match random.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 2:
            return word[:at] + random.choice(_NEAR.get(word[at].lower()) or word[at]) + word[at + 1 :]
        case _:
            return word[:at] + word[at] + word[at:]


def shorten(random: Random, text: str) -> str:
    """As in a text message: no capitals, some words cut to their sound."""
    words = [_SHORT[w] if w in _SHORT and random.random() < 0.6 else w for w in text.lower().split(" ")]
    return " ".join(words)
