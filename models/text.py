"""Text repair, with the way back to the text as given, and the normal form that exact duplicates share."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from models import characters, markup
from models.offsets import Change, Map, apply, compose

#: Of ASCII texts, those with none of this need no repair.
_ODD = re.compile(r"[^ -~\n]|[&<]|  | \n|\n[ \n]|([a-wyzA-WYZ])\1{3}|([^\w ])\2{10}")

_ROUNDS = 4

#: Letters and signs in a row: more says nothing more. Redactions (XXXX, ****) and digits are left alone.
_MOST_LETTERS, _MOST_SIGNS = 3, 10
_LETTER_FLOOD = re.compile(rf"([^\W\d_xX])\1{{{_MOST_LETTERS},}}")
_SIGN_FLOOD = re.compile(rf"([^\w\s*])\1{{{_MOST_SIGNS},}}")
_TOKEN = re.compile(r"\S+")
#: Addresses, handles, tags, file names and codes: another letter would be another one.
_NAMES_SOMETHING = re.compile(r"[\d@#/\\_+=]|[^\W\d_][.:][^\W\d_]")

_ODD_SPACE = re.compile(r"\s\s+|[^\S ]")
_BREAKS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")

#: Placeholders of masked values: the same complaint with another phone number is still the same.
_PLACEHOLDER = re.compile(r"<([A-Z]+)_[0-9a-f]{4}>")
_NOT_WORD = re.compile(r"[^\w<>]+")


@dataclass(frozen=True, slots=True)
class Repaired:
    """A readable text, and the map from it to the text as given (models.offsets)."""

    text: str
    edits: Map = ()


def repair(text: str) -> Repaired:
    """Undo mojibake, entities, tags, compatibility forms, invisible characters, odd spaces and floods.

    Emoji and case stay, and so do redactions (XXXX, {$10.00}). A letter stands three times in a row at most, a sign
    ten times. Repairing twice changes nothing more, but for text made to need more than four rounds.

    Args:
        text: any string, also with lone surrogates.

    Returns:
        NFC text with single spaces, at most one empty line between two lines, and none at the ends.
    """
    if text.isascii() and not _ODD.search(text):
        return _changed(Repaired(text), _ends)
    done = Repaired(text)
    for _ in range(_ROUNDS):
        before = done.text
        for step in _STEPS:
            done = _changed(done, step)
        if done.text == before:
            break
    return done


def _changed(draft: Repaired, step: Callable[[str], Iterable[Change]]) -> Repaired:
    text, edits = apply(draft.text, step(draft.text))
    return Repaired(text, compose(edits, draft.edits)) if edits else draft


def _spaces(text: str) -> Iterator[Change]:
    for match in _ODD_SPACE.finditer(text):
        lines = len(_BREAKS.findall(match.group()))
        new = "\n\n" if lines > 1 else "\n" if lines else " "
        if new != match.group():
            yield *match.span(), new


def _ends(text: str) -> Iterator[Change]:
    bare = text.lstrip()
    if len(bare) < len(text):
        yield 0, len(text) - len(bare), ""
    if bare and bare[-1].isspace():
        yield len(text.rstrip()), len(text), ""


def _floods(text: str) -> Iterator[Change]:
    if not _LETTER_FLOOD.search(text):
        return
    for token in _TOKEN.finditer(text):
        if _NAMES_SOMETHING.search(token.group()):
            continue
        for match in _LETTER_FLOOD.finditer(text, *token.span()):
            yield *match.span(), match[1] * _MOST_LETTERS


def _signs(text: str) -> Iterator[Change]:
    for match in _SIGN_FLOOD.finditer(text):
        yield *match.span(), match[1] * _MOST_SIGNS


_STEPS = (
    markup.unescaped,
    characters.surrogates,
    characters.decoded,
    characters.fixes,
    characters.fewer_marks,
    characters.composed,
    markup.untagged,
    _spaces,
    _ends,
    _floods,
    _signs,
)


def normal_form(text: str) -> str:
    """What two copies of a complaint have in common: case, spaces, punctuation and masked values aside."""
    folded = unicodedata.normalize("NFKC", _PLACEHOLDER.sub(r"<\1>", text)).casefold()
    return _NOT_WORD.sub(" ", folded).strip()


def text_hash(text: str) -> str:
    """sha256 of `normal_form(text)`, in hex; a text without words or digits hashes as it is."""
    return hashlib.sha256((normal_form(text) or text).encode("utf-8", "replace")).hexdigest()
