"""Which probable links count at once and which wait for somebody to confirm them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.identity.probable import Probable


def judge(found: Sequence[Probable], link_from: float) -> list[dict[str, Any]]:
    """Rows for `decide`, active or candidate.

    A link is active where it is probable enough and nothing speaks for another: where one end is probably several
    who are not one another, it cannot be told who of them, and all of that end are candidates.

    Args:
        found: at least probable enough to be looked at.
        link_from: probability from which a link may count at once.
    """
    near: dict[str, set[str]] = {}
    for link in found:
        near.setdefault(link.a, set()).add(link.b)
        near.setdefault(link.b, set()).add(link.a)

    def clear(end: str, other: str) -> bool:
        return all(third in near[other] for third in near[end] - {other})

    return [
        {
            "a": link.a,
            "b": link.b,
            "method": "probabilistic",
            "state": "active" if link.probability >= link_from and clear(link.a, link.b) and clear(link.b, link.a)
            else "candidate",
            "score": link.probability,
            "reasons": [f"probability {link.probability:.3f}", *link.reasons],
        }
        for link in found
    ]  # fmt: skip
