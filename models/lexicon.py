"""Finds the words and phrases of a lexicon in free text, whatever the spelling of their accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Hausa's hooked letters, the dotless i and the slashed o do not decompose into a letter and a mark.
_LETTERS = str.maketrans({"ɓ": "b", "ɗ": "d", "ƙ": "k", "ƴ": "y", "ı": "i", "ø": "o", "’": "'", "‘": "'", "ʼ": "'"})
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
# What masking leaves behind ("[PHONE]", "<ACCOUNT_2>") is not the customer's own word.
_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_]*\]|<[A-Z][A-Z0-9_]*>")
_STEM_CHARS = 3


def tokens_of(text: str) -> list[str]:
    """Splits text into folded words.

    Args:
        text: any language; placeholders in capitals and brackets are skipped.

    Returns:
        Words in lower case without accents, tone marks or hooks ("Kuɗi" and "kudi" are the same);
        apostrophes inside words stay. Empty for empty text.
    """
    return _TOKEN.findall(fold(without_placeholders(text)))


def without_placeholders(text: str) -> str:
    """Takes out what masking left in place of personal data, such as "[PHONE]" or "<ACCOUNT_2>"."""
    return _PLACEHOLDER.sub(" ", text) if "[" in text or "<" in text else text


def fold(text: str) -> str:
    """Lower-cases text and takes accents, tone marks and hooks off its letters."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase found in a text.

    Attributes:
        phrase: the phrase as the lexicon writes it.
        start: index of its first token.
        end: index after its last token.
    """

    phrase: str
    start: int
    end: int


class Lexicon:
    """A set of phrases, found in a text by one pass over its tokens.

    A word ending in `*` stands for every word that begins with it ("refund*"); it needs at least
    three letters. Matches may overlap.

    Args:
        phrases: words or phrases of any language; folded like the text.

    Raises:
        ValueError: a phrase has no word, or a star where no word of three letters ends.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._words: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        self._stems: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for phrase in dict.fromkeys(phrases):
            words = _pattern(phrase)
            if words[0].endswith("*"):
                self._stems.setdefault(words[0][:_STEM_CHARS], []).append((phrase, words))
            else:
                self._words.setdefault(words[0], []).append((phrase, words))

    def find(self, tokens: Sequence[str]) -> list[Match]:
        """Finds every occurrence of every phrase.

        Args:
            tokens: what `tokens_of` made of the text.

        Returns:
            Matches by where they start; empty for no tokens.
        """
        found = []
        words, stems = self._words, self._stems
        for start, token in enumerate(tokens):
            candidates = words.get(token)
            stemmed = stems.get(token[:_STEM_CHARS])
            if candidates is None and stemmed is None:
                continue
            for phrase, pattern in (*(candidates or ()), *(stemmed or ())):
                end = start + len(pattern)
                if end <= len(tokens) and all(map(_fits, pattern, tokens[start:end])):
                    found.append(Match(phrase, start, end))
        return found


def _pattern(phrase: str) -> tuple[str, ...]:
    words = tuple(fold(phrase).replace("-", " ").split())
    if not words:
        raise ValueError(f"a lexicon phrase is {phrase!r}, expected at least one word: take it out")
    for word in words:
        stem = word.removesuffix("*")
        if not _TOKEN.fullmatch(stem) or (stem != word and len(stem) < _STEM_CHARS):
            raise ValueError(
                f"lexicon phrase {phrase!r} has the word {word!r}; expected letters, digits and inner "
                f"apostrophes, with a final '*' only after {_STEM_CHARS} or more of them: rewrite it"
            )
    return words


def _fits(pattern: str, token: str) -> bool:
    return token.startswith(pattern[:-1]) if pattern[-1] == "*" else token == pattern
