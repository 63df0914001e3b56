"""A verdict: what a rule of batches says of a channel now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `between` is neither bad enough to open an incident nor well enough to close one; `unknown` cannot be judged.
State = Literal["well", "between", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Args:
        rule: its name.
        scope: the channel.
        state: see State.
        observed: the figure that was judged, in the unit of the rule's check.
        expected: what it is held against.
        why: for people, without values of complaints.
    """

    rule: str
    scope: str
    state: State
    observed: float | None = None
    expected: float | None = None
    why: str = ""


def unknown(rule: str, scope: str, why: str) -> Verdict:
    """Not to be judged yet."""
    return Verdict(rule, scope, "unknown", why=why)
