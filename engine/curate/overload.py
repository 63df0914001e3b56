"""The ladder of overload: which rung the stream stands on, decided from how far it is behind.

Up as soon as the stream is too late at the rate of its rung, one rung at a time: the next rung's own rate is to be
measured first. Down one rung when the queue is short and the rung below could carry what arrives, for `calm_s`. Where
it could not, by what was measured there last, it is tried all the same after a longer time, twice as long after each
try that had to be taken back: no rung is kept for ever, and constant load does not make it swing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

#: A rung is left when the queue is this part of what began it, and arrivals this part of the rate below.
_SHORT, _CARRIED = 0.5, 0.8

#: Without being sure, `calm_s` times two to the power of this and of the tries taken back; at most 2^8.
_DOUBT, _MOST_DOUBT = 2, 8


@dataclass(frozen=True, slots=True)
class Step:
    """A rung: its name, and how many seconds behind it begins."""

    name: str
    after_s: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What is measured.

    Args:
        at_s: of a monotonic clock.
        waiting: records that are not committed yet.
        arriving: records a second that come in.
        rates: records a second that each rung gets through, from rung 0 on; None where it was not measured.
        least: fewer records waiting than this are no overload, as one micro-batch takes them.
    """

    at_s: float
    waiting: float
    arriving: float
    rates: Sequence[float | None]
    least: int = 256


@dataclass(frozen=True, slots=True)
class State:
    """Where the stream stands.

    Args:
        rung: 0 for none, else the number of steps that are in force.
        calm_since_s: since when it could step down.
        lowered_at_s: when it last did.
        taken_back: steps down in a row that did not last.
    """

    rung: int = 0
    calm_since_s: float | None = None
    lowered_at_s: float | None = None
    taken_back: int = 0


def behind_s(signals: Signals, rung: int) -> float | None:
    """Seconds until what waits is done at the rate of `rung`; None where that is not known."""
    rate = signals.rates[rung]
    if signals.waiting <= 0:
        return 0.0
    return None if rate is None or rate <= 0 else signals.waiting / rate


def decide(state: State, signals: Signals, ladder: Sequence[Step], calm_s: float) -> State:
    """The next state; see the module."""
    rung = min(state.rung, len(ladder))
    if rung < len(ladder) and _late(signals, rung, ladder[rung]):
        return _up(state, rung, signals.at_s, calm_s)
    if rung == 0 or not _short(signals, rung, ladder[rung - 1]):
        return replace(state, rung=rung, calm_since_s=None)
    since = signals.at_s if state.calm_since_s is None else state.calm_since_s
    below = signals.rates[rung - 1]
    carried = below is None or signals.arriving <= _CARRIED * below
    wait_s = calm_s if carried else calm_s * 2 ** min(_DOUBT + state.taken_back, _MOST_DOUBT)
    if signals.at_s - since < wait_s:
        return replace(state, rung=rung, calm_since_s=since)
    return State(rung - 1, None, signals.at_s, state.taken_back)


def _late(signals: Signals, rung: int, step: Step) -> bool:
    late = behind_s(signals, rung)
    return signals.waiting >= signals.least and late is not None and late >= step.after_s


def _short(signals: Signals, rung: int, step: Step) -> bool:
    if signals.waiting < signals.least:
        return True
    # By the rate below where it is known: that is what the queue will be worked off with.
    late = behind_s(signals, rung - 1)
    if late is None:
        late = behind_s(signals, rung)
    return late is not None and late < _SHORT * step.after_s


def _up(state: State, rung: int, at_s: float, calm_s: float) -> State:
    soon = state.lowered_at_s is not None and at_s - state.lowered_at_s < calm_s * 2**_DOUBT
    return State(rung + 1, None, None, state.taken_back + 1 if soon else 0)
