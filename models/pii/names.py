"""Names of people: a light linear tagger over lists, forms and neighbours, gated by language and by case.

The tagger reads words from left to right and decides each once; a word's features see its last decision. What it finds
with confidence is found again wherever the same text writes it with a capital.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from models.pii.names_features import candidate, cued, features, language, style
from models.pii.names_words import DATA, Token, tokens


@dataclass(frozen=True, slots=True)
class Tagger:
    """Weights of features, and the score from which a word is a name, by manner and language."""

    weights: dict[str, float]
    bias: float
    thresholds: dict[str, float]

    def tags(self, words: Sequence[Token]) -> list[bool]:
        """Whether each word is part of a name."""
        manner, tongue = style(words), language(words)
        least = self.thresholds.get(manner + tongue, self.thresholds["ne"])
        get = self.weights.get
        found, previous = [], False
        for at in range(len(words)):
            if previous and not joins(words, at):
                previous = False
            if candidate(words, at, previous):
                score = self.bias
                for feature in features(words, at, previous, manner, tongue):
                    score += get(feature, 0.0)
                previous = score > least
            else:
                previous = False
            found.append(previous)
        return found


def find_names(text: str) -> list[tuple[int, int]]:
    """Where names of people stand.

    Args:
        text: any text in plain characters; what is masked already is FILLER, and no name crosses it.

    Returns:
        Start and end of each name, in order, not overlapping, without titles and without a final 's.
    """
    words = tokens(text)
    if not words:
        return []
    tags = tagger().tags(words)
    if any(tags):
        _drop_openings(words, tags)
        _again(words, tags)
    return _spans(text, words, tags)


def joins(words: Sequence[Token], at: int) -> bool:
    """Whether a word can go on with the name that the word before belongs to."""
    gap = words[at].gap
    return gap == " " or gap == "-" or (gap == "." and len(words[at - 1].seen.plain) == 1)


def _drop_openings(words: Sequence[Token], tags: list[bool]) -> None:
    """Take back words in no list that only their place made look like names, where the lists know no common words.

    Languages beside English and Nigeria's have none here: "Perdí mi saldo", "L'internet est lent".
    """
    for at, token in enumerate(words[:-1]):
        after = words[at + 1]
        opens = token.gap in "^.n" and after.gap == " " and after.seen.shape == "x"
        bare = not set("nwm") & set(token.seen.flags) and not cued(words, at)
        if tags[at] and opens and bare and not tags[at + 1]:
            tags[at] = False


def _again(words: Sequence[Token], tags: list[bool]) -> None:
    """Tag further mentions, with a capital, of rare words that were found to be names."""
    known = {t.seen.plain for t, tag in zip(words, tags, strict=True) if tag and _rare(t)}
    for at, token in enumerate(words):
        if not tags[at] and token.seen.plain in known and _rare(token) and not token.glued:
            tags[at] = True


def _rare(token: Token) -> bool:
    seen = token.seen
    return len(seen.plain) > 2 and seen.shape in ("Xx", "XxX") and not ({"c", "o"} & set(seen.flags))


def _spans(text: str, words: Sequence[Token], tags: Sequence[bool]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for at, token in enumerate(words):
        if not tags[at]:
            continue
        end = token.end
        if text[token.start : end].lower().endswith(("'s", "’s")):
            end -= 2
        goes_on = at > 0 and tags[at - 1] and joins(words, at) and spans[-1][1] == words[at - 1].end
        if goes_on and token.start - spans[-1][1] <= _WIDEST:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((token.start, end))
    return spans


#: Characters between two words of one name.
_WIDEST = 3


@cache
def tagger() -> Tagger:
    """The shipped tagger; `python -m models.pii.names_train` makes it."""
    held = json.loads(gzip.decompress((DATA / "names_model.json.gz").read_bytes()))
    scale = held["scale"]
    weights = {feature: weight * scale for feature, weight in held["weights"].items()}
    return Tagger(weights, held["bias"], held["thresholds"])
