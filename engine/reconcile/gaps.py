"""Which accepted records are missing, and how to name them: pure functions over sequences and ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from connectors.nats_stream import StreamState

Kind = Literal["lost", "skipped", "rewound", "stalled", "tables", "volumes"]

#: What each kind of gap means and what to do; docs/operations.md has more.
MEANINGS: dict[Kind, str] = {
    "lost": "accepted records that are neither in the tables nor in the stream; send them again from their source",
    "skipped": "acknowledged messages whose records are in no table; `beejan doctor --repair` sends them through again",
    "rewound": "the stream counts again from a lower sequence: its disk was damaged; `beejan doctor --repair` looks",
    "stalled": "messages wait and none is acknowledged; see `beejan status` and run/stream.log",
    "tables": "raw, curated, serving and dead letters do not agree; `beejan doctor --repair` makes the rows again",
    "volumes": "the counts of volumes are not those of the served rows; `beejan doctor --repair` counts again",
}

_MOST_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that does not add up.

    Args:
        kind: see MEANINGS.
        count: records, messages or rows that are concerned.
        found: what was seen, in words and figures.
        sequences: stream sequences concerned, as ranges.
        ids: event ids or the first 16 digits of them, some of them where there are many.
        sources: records by source, where that is known.
    """

    kind: Kind
    count: int
    found: str
    sequences: tuple[tuple[int, int], ...] = ()
    ids: tuple[str, ...] = ()
    sources: dict[str, int] = field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "count": self.count,
            "found": self.found,
            "todo": MEANINGS[self.kind],
            "sequences": [list(pair) for pair in self.sequences[:_MOST_NAMED]],
            "ids": list(self.ids[:_MOST_NAMED]),
            "sources": self.sources,
        }


def ranges(sequences: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Sequences as inclusive ranges, in order; one given twice counts once."""
    found: list[tuple[int, int]] = []
    for seq in sorted(set(sequences)):
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)


def absent(sequences: NDArray[np.uint64], state: StreamState) -> NDArray[np.bool_]:
    """(n,) bool: which sequences the stream does not hold."""
    gone = (sequences < state.first_seq) | (sequences > state.last_seq)
    if state.deleted:
        gone |= np.isin(sequences, np.fromiter(state.deleted, np.uint64, len(state.deleted)))
    return np.asarray(gone, dtype=bool)


def unexplained(span: tuple[int, int], state: StreamState, in_raw: Iterable[int]) -> list[int]:
    """Sequences within `span`, both ends included, that the stream holds and no row of raw came from.

    Not all are gaps: a record that was sent again has a sequence of its own and one row.
    """
    low, high = max(span[0], state.first_seq), min(span[1], state.last_seq)
    return sorted(set(range(low, high + 1)) - state.deleted - set(in_raw))


def balance(rows: dict[str, int]) -> list[Gap]:
    """Gaps between the tables' sizes, as the writer counts them between two commits."""
    found = []
    expected = rows["raw"] - rows["dead_lettered"]
    if not rows["curated"] == rows["serving"] == expected:
        text = (
            f"raw {rows['raw']} less dead letters {rows['dead_lettered']} is {expected}; curated has "
            f"{rows['curated']}, serving {rows['serving']}"
        )
        worst = max(abs(rows[name] - expected) for name in ("curated", "serving"))
        found.append(Gap("tables", worst, text))
    if rows["counted"] != rows["serving"]:
        text = f"volumes count {rows['counted']} complaints, serving has {rows['serving']}"
        found.append(Gap("volumes", abs(rows["counted"] - rows["serving"]), text))
    return found
