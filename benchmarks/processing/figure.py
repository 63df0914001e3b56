"""One measured figure of quality, with the goal it is held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    Args:
        name: dotted, the step first: `pii.presidio.recall`.
        value: as measured.
        goal: what is aimed at; None where there is no goal.
        split: which part of which data it was measured on, and that nothing was tuned on it.
        higher_is_better: whether a value above the goal is good.
        note: counts behind it, or what the reader should know.
    """

    name: str
    value: float
    goal: float | None
    split: str
    higher_is_better: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.higher_is_better else self.value <= self.goal
