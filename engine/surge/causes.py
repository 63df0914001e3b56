"""What an incident could be but for a real surge: each cause is a check of stored rows, with its figure.

A share is that of the incident's complaints; from half of them on the cause is not ruled out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

Row = Mapping[str, Any]

#: Columns of serving.complaints that are read.
READS = (
    "event_id", "channel", "source", "customer_id", "duplicate_of", "occurred_at", "received_at", "taxonomy_version",
    "classifier_version",
)  # fmt: skip

#: What of a complaint is new where none before the incident had the same values.
NEW = (("channel",), ("source",), ("taxonomy_version", "classifier_version"))

_RULED_OUT_BELOW = 0.5


def checked(inside: Sequence[Row], before: Sequence[Row], counted: int, late_s: float) -> list[dict[str, Any]]:
    """Every cause with its figure, whether it is ruled out (None: too little is stored to say), and in words why.

    Args:
        inside: the incident's complaints.
        before: complaints of before it, of any segment.
        counted: complaints that the detector's counts have for the incident's segment and time.
        late_s: a complaint is late that was received so long after it occurred, s.
    """
    n = len(inside)
    if not n:
        return []
    twice = max(0, counted - len({row["event_id"] for row in inside})) / max(counted, 1)
    late = sum(row["received_at"] - row["occurred_at"] > timedelta(seconds=late_s) for row in inside) / n
    channel, source, version = (_unseen(inside, before, columns) for columns in NEW)
    customers = Counter(row["customer_id"] for row in inside if row["customer_id"])
    letters = Counter(row["duplicate_of"] or row["event_id"] for row in inside)
    known = bool(before)
    return [
        _cause("replay", twice, True, "of the counts are not stored complaints, each once"),
        _cause("late data", late, True, f"of the complaints came more than {late_s:.0f} s after they occurred"),
        _cause("new channel or source", max(channel, source), known, "of the complaints are from one not seen before"),
        _cause("taxonomy or model change", version, known, "of the complaints have versions not seen before"),
        _cause("one customer", _most(customers) / n, bool(customers), "of the complaints are from one customer"),
        _cause("one template letter", _most(letters) / n if n > 1 else 0.0, True, "of the complaints are one text"),
    ]  # fmt: skip


def _cause(name: str, share: float, known: bool, words: str) -> dict[str, Any]:
    return {
        "cause": name,
        "share": round(share, 4) if known else None,
        "ruled_out": share < _RULED_OUT_BELOW if known else None,
        "why": f"{share:.0%} {words}" if known else "too little is stored to say",
    }


def _unseen(inside: Sequence[Row], before: Sequence[Row], columns: tuple[str, ...]) -> float:
    seen = {tuple(row[name] for name in columns) for row in before}
    return sum(tuple(row[name] for name in columns) not in seen for row in inside) / len(inside)


def _most(counts: Counter[str]) -> int:
    return max(counts.values(), default=0)
