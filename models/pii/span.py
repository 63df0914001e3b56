"""Where personal data stands in a text."""

from __future__ import annotations

from dataclasses import dataclass

#: Stands for a character that is masked already: a private one, neither word, digit, space nor punctuation.
FILLER = "\ue000"


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data of `type` at `start` to `end` (exclusive), character offsets."""

    type: str
    start: int
    end: int
