"""Mask personal data: find it by pattern, cue and checksum, put a typed placeholder in its place.

A placeholder is `<TYPE_xxxx>` with four hex digits of a keyed hash, so that the same value reads the same and
nobody can go back. Every pattern is bounded and every rule reads the text a fixed number of times: the time is
linear in the text, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from models.pii.checks import canonical
from models.pii.cues import CUE_WORDS
from models.pii.names import find_names
from models.pii.policy import STRICT, Policy
from models.pii.rule import Finder
from models.pii.span import FILLER, Span


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without personal data, and where it stood in the original, in order, not overlapping."""

    text: str
    spans: tuple[Span, ...]


def mask(text: str, key: bytes, policy: Policy = STRICT, channel: str | None = None) -> Masked:
    """Replace personal data; masking what is masked changes nothing.

    Args:
        text: any text, in any language; placeholders in it stay as they are.
        key: the installation's pseudonym key.
        policy: what is looked for, and what is done with each type.
        channel: the complaint's channel, which the policy may name.

    Returns:
        The masked text and the spans in `text`. Equal values, however written, get equal placeholders.
    """
    actions = policy.for_channel(channel)
    spans = [span for span in find(text, policy) if actions[span.type] != "keep"]
    parts, position = [], 0
    for span in spans:
        coarse = actions[span.type] == "generalise"
        value = text[span.start : span.end]
        parts += [text[position : span.start], f"<{span.type}_0000>" if coarse else placeholder(span.type, value, key)]
        position = span.end
    return Masked("".join(parts) + text[position:], tuple(spans))


def placeholder(kind: str, value: str, key: bytes) -> str:
    """`<KIND_xxxx>` over the value's canonical form: its separators, case and trunk prefix do not matter."""
    plain = canonical(kind, _folded(value)[0])
    digest = hmac.new(key, f"{kind}|{plain}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return f"<{kind}_{digest[:4]}>"


def find(text: str, policy: Policy = STRICT) -> list[Span]:
    """Where personal data of the types that are on stands, in order; where finds overlap, the earlier rule wins."""
    folded, origin = _folded(text)
    work = _PLACEHOLDER.sub(lambda match: FILLER * len(match.group()), folded)
    found: list[Span] = []
    # A find changes what stands beside its neighbours, so the rules run until none finds more.
    for _ in range(_ROUNDS):
        before = len(found)
        for rule in policy.rules:
            work = _apply(rule, work, found)
        if "PERSON" not in policy.ignore:
            people = (at for at in find_names(work) if work[slice(*at)].casefold().rstrip(".") not in CUE_WORDS)
            work = _blot(work, "PERSON", people, found)
        work = _repeats(folded, work, found)
        if len(found) == before:
            break
    found.sort(key=lambda span: span.start)
    if origin is None:
        return found
    return [Span(span.type, origin[span.start], origin[span.end - 1] + 1) for span in found]


def _apply(rule: Finder, work: str, found: list[Span]) -> str:
    """The text with the rule's finds blotted out; they are added to `found`."""
    return _blot(work, rule.type, rule.spans(work, work.lower()), found)


def _blot(work: str, kind: str, spans: Iterator[tuple[int, int]], found: list[Span]) -> str:
    parts, position = [], 0
    for start, end in spans:
        found.append(Span(kind, start, end))
        parts += [work[position:start], FILLER * (end - start)]
        position = end
    return "".join(parts) + work[position:] if parts else work


def _repeats(folded: str, work: str, found: list[Span]) -> str:
    """Blot out what repeats a found value in a form that no rule takes by itself."""
    numbers: dict[str, str] = {}
    names: set[str] = set()
    for span in found:
        value = folded[span.start : span.end]
        if span.type == "PERSON" and len(names) < _MOST_NAMES and len(value) > 2 and value[0].isupper():
            names.add(value)
        elif span.type in _NUMERIC:
            numbers.setdefault(canonical("PHONE", value), span.type)
    for kind in sorted(set(numbers.values())):
        matches = (
            match.span() for match in _NUMBER.finditer(work) if numbers.get(canonical("PHONE", match.group())) == kind
        )
        work = _blot(work, kind, matches, found)
    if names:
        known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        pattern = re.compile(rf"(?<!\w)(?:{known})(?!\w)")
        work = _blot(work, "PERSON", (match.span() for match in pattern.finditer(work)), found)
    return work


def _folded(text: str) -> tuple[str, list[int] | None]:
    """The text in plain characters without invisible ones, and where each stood (None: nowhere else)."""
    if text.isascii():
        return text, None
    plain = [c if c.isascii() else _plain(c) for c in text]
    folded = "".join(plain)
    if len(folded) == len(text):
        return folded, None
    return folded, [at for at, c in enumerate(plain) if c]


@lru_cache(maxsize=8192)
def _plain(character: str) -> str:
    """One character for one, so that offsets hold; none for what cannot be seen."""
    if character in _PLAIN:
        return _PLAIN[character]
    if character in _INVISIBLE or unicodedata.category(character) == "Cf":
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


_PLAIN = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-") | dict.fromkeys(
    "\u00b7\u2022\u2024\u30fb", "."
)
#: Beside format characters (Cf): joiners, variation selectors, the frame of a keycap, blank letters.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u20e3\u3164\ufe0e\ufe0f\uffa0")
_ROUNDS = 10
_MOST_NAMES = 20
_NUMERIC = frozenset({"PHONE", "CARD", "ACCOUNT", "NIN", "BVN", "SSN", "TIN"})
_PLACEHOLDER = re.compile(r"<[A-Z]{2,12}_[0-9a-f]{4}>")
_NUMBER = re.compile(r"(?<!\d)\+?\(?\d(?:[ .()/_-]{0,2}\d){6,19}(?!\d)")
