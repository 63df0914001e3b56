"""What is looked for, and how its text is read: words, "quoted phrases", +must and -not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from connectors.errors import Terminal
from engine.search.explain import STOP, words_of
from engine.store import filters

Mode = Literal["hybrid", "vector", "text"]

MODES = ("hybrid", "vector", "text")

MOST_CHARS = 2000

#: An operator stands before a letter or a quote, so that "-" and "+234" are what they are in any text.
_PARTS = re.compile(r"""(?:(?<=\s)|^)([+-]?)"([^"]*\w[^"]*)"|(?:(?<=\s)|^)([+-])([^\W\d][\w'’-]*)|(\S+)""")


class BadSearch(Terminal):
    """A search that cannot be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; without `query` the newest come first.

    Attributes:
        query: text in the syntax of `parse`.
        mode: by meaning and words, by meaning, or by words.
        equals: any of these values of a column, all columns; see engine.store.filters.
        since, until: since <= occurred_at < until.
        folded: copies of a text are left out, the first of them stands for all.
        limit: hits of a page, 1 to 200.
        cursor: `next_cursor` of the page before.
    """

    query: str = ""
    mode: Mode = "hybrid"
    equals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 20
    cursor: str | None = None
    folded: bool = False

    def check(self) -> None:
        """Raises BadSearch where the mode, the query's length or the limit cannot be."""
        if self.mode not in MODES:
            raise BadSearch(f"mode {self.mode!r}: expected one of {', '.join(MODES)}")
        if len(self.query) > MOST_CHARS:
            raise BadSearch(f"query: {len(self.query)} characters; at most {MOST_CHARS:,} are taken")
        if not 1 <= self.limit <= 200:
            raise BadSearch(f"limit {self.limit}: expected 1 to 200")

    def condition(self) -> str | None:
        """The filters as the store's SQL, None without any.

        Raises:
            BadFilter: an unknown column, or a value that cannot be.
        """
        return filters.where(self.equals, self.since, self.until, folded=self.folded)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query's parts.

    Attributes:
        words: what may match.
        must, phrases: what every hit has.
        without: words, and `without_phrases`, that no hit has.
    """

    words: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    without_phrases: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """The text to embed: all but what must not be."""
        return " ".join((*self.words, *self.must, *self.phrases))

    @property
    def bound(self) -> bool:
        """Whether there is something that every hit must have, and that an index can tell."""
        return any(map(tells, (*self.must, *self.phrases)))

    def public(self) -> dict[str, Any]:
        """For JSON: what was understood."""
        return {
            "words": list(self.words),
            "must": list(self.must),
            "phrases": list(self.phrases),
            "not": [*self.without, *self.without_phrases],
        }


def tells(text: str) -> bool:
    """Whether a text has a word that is no stop word: of others the index knows nothing."""
    return any(word.casefold() not in STOP for word in words_of(text))


def parse(text: str) -> Parsed:
    """Read a query; whatever is no operator is a word, so every text is a query.

    A phrase in straight double quotes is one that every hit has, also without `+`; one quote alone is nothing.
    """
    words: list[str] = []
    kept: dict[str, list[str]] = {"must": [], "phrases": [], "without": [], "without_phrases": []}
    for sign, phrase, operator, operand, plain in _PARTS.findall(" ".join(text.split())):
        if phrase:
            kept["without_phrases" if sign == "-" else "phrases"].append(phrase.strip())
        elif operand:
            kept["must" if operator == "+" else "without"].append(operand)
        elif plain:
            words.append(plain)
    return Parsed(tuple(words), *(tuple(dict.fromkeys(found)) for found in kept.values()))
