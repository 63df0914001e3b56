"""A rule: a pattern, what stands before it and a check decide that something is personal data.

Every repetition in a pattern is bounded or starts only where a run of its characters starts, and no pattern
consumes FILLER: what was found before is a wall.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from models.pii.span import FILLER


class Finder(Protocol):
    """Finds one type of personal data."""

    @property
    def type(self) -> str:
        """The type of its finds."""

    def spans(self, text: str, lower: str) -> Iterator[tuple[int, int]]:
        """Start and end of each find in `text`, in order, not overlapping; `lower` is the text in lower case."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A type, a pattern whose group 1 (or the whole) is the value, and how much of the value to take."""

    type: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    length: Callable[[str], int] | None = None
    #: Takes a match only where what stands before it (40 characters) ends, or does not end, like this.
    before: re.Pattern[str] | None = None
    unless_before: re.Pattern[str] | None = None
    #: Lower-case strings of which a text must have one; a single "0" stands for any digit.
    needs: tuple[str, ...] = ("0",)

    def spans(self, text: str, lower: str) -> Iterator[tuple[int, int]]:
        """Start and end of each find, in order, not overlapping."""
        if not self._wanted(lower):
            return
        group = 1 if self.pattern.groups else 0
        for match in self.pattern.finditer(text):
            start, value = match.start(group), match.group(group)
            end = start + (self.length(value) if self.length else len(value))
            if (
                end > start
                and (self.check is None or self.check(value))
                and self._placed(text[max(0, start - 40) : start])
            ):
                yield start, end

    def _wanted(self, lower: str) -> bool:
        if self.needs == ("0",):
            return bool(_DIGIT.search(lower))
        return any(need in lower for need in self.needs)

    def _placed(self, before: str) -> bool:
        if self.before and not self.before.search(before):
            return False
        return not (self.unless_before and self.unless_before.search(before))


def words(cues: tuple[str, ...]) -> str:
    """The cues as a pattern, longest first; a space in one stands for up to three spaces or dashes."""
    ordered = sorted(set(cues), key=lambda cue: (-len(cue), cue))
    return "|".join(re.escape(cue).replace(r"\ ", r"[\s-]{1,3}").replace("'", "['’]?") for cue in ordered)


def cued(
    kind: str,
    cues: tuple[str, ...],
    value: str,
    link: str | None = None,
    check: Callable[[str], bool] | None = None,
) -> Rule:
    """A rule that takes `value` only after one of `cues` and what may stand between."""
    pattern = rf"(?i)(?<!\w)(?<!recharge )(?<!scratch )(?<!airtime )(?:{words(cues)})(?!\w){LINK if link is None else link}({value})"
    needs = tuple({cue.casefold().split(" ")[0].split("'")[0] for cue in cues})
    return Rule(kind, re.compile(pattern), check, needs=needs)


_DIGIT = re.compile(r"\d")
#: Words and signs between a cue and its value.
LINK = (
    rf"(?:[^\w{FILLER}]{{0,3}}\b(?:numbers?|num|no|nr|nos|id|is|was|be|na|with|details?|my|bank|ending|the|to|of|for|on|are|ni|mi|ta|tawa|dina|m|ajiya|name|and))"
    r"{0,4}[\s.:=#/(-]{0,4}"
)
#: Anything but digits and another cue, so that a cue reaches over a few words.
GAP = rf"(?:(?!\b(?:nin|bvn|dob|phone)\b)[^\d{FILLER}]){{0,20}}"
