"""How far the stream is behind, what it sheds therefore, and who is told of it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from engine.curate.overload import Signals, State, Step, behind_s, decide
from engine.intake import slow
from engine.settings import Settings
from engine.stages.context import EMBEDDING_STATIC

log = logging.getLogger("beejan.stream")

#: A rate is measured over batches of this many rows: smaller ones say more of their overhead.
_LEAST_ROWS = 256

_LOOK_S = 1.0


class Quicker(Protocol):
    """The context that leaves work out."""

    @property
    def ready(self) -> bool:
        """Whether there is one."""

    def reference(self) -> Any:
        """It, or None where it turns out to be of no use."""


class Overload:
    """Measures the stream, decides, and gives each micro-batch its context.

    Args:
        settings: the ladder.
        context: reference of the context that does everything.
        quicker: the context for `embedding_static`; without one that step is left out.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        settings: Settings,
        context: Any,
        quicker: Quicker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._full, self._quicker, self._clock = settings, context, quicker, clock
        self._least = min(_LEAST_ROWS, settings.intake.max_batch_rows)
        self._rates: dict[bool, float] = {}
        self._running: tuple[int, bool, float] | None = None
        self._per_message = 1.0
        self._arriving, self._before = 0.0, (math.nan, 0.0)
        self.context = context
        self._since: str | None = None
        self.waiting = 0.0
        self._ladder = self._steps()
        # The driver before this one may have handed over in the midst of it.
        told = slow.read(settings.data_dir).shed
        self._state = State(sum(step.name in told for step in self._ladder))

    @property
    def full(self) -> Any:
        """Reference of the context that does everything."""
        return self._full

    def swap(self, context: Any) -> None:
        """Give the micro-batches after this one another context that does everything."""
        self._full = context

    @property
    def shed(self) -> tuple[str, ...]:
        """The steps in force."""
        return tuple(step.name for step in self._ladder[: self._state.rung])

    @property
    def calm(self) -> bool:
        """Whether nothing is shed and nothing waited at the last look."""
        return self._state.rung == 0 and self.waiting == 0

    def opened(self, messages: int, records: int) -> None:
        """Note how many records so many messages held."""
        if messages and records:
            self._per_message += 0.5 * (records / messages - self._per_message)

    @asynccontextmanager
    async def batch(self, rows: int) -> AsyncIterator[None]:
        """Around the work on a micro-batch: sets its context and measures it, unless it raises."""
        reference = None
        if EMBEDDING_STATIC in self.shed and self._quicker is not None:
            reference = await asyncio.to_thread(self._quicker.reference)
        quick = reference is not None
        self.context = reference if quick else self._full
        began = self._clock()
        self._running = (rows, quick, began)
        try:
            yield
            took = self._clock() - began
            if rows >= self._least and took > 0:
                self._rates[quick] = (rows / took + self._rates.get(quick, rows / took)) / 2
        finally:
            self._running = None

    def look(self, pending: int, last_seq: int, held: int) -> None:
        """Decide anew, and tell.

        Args:
            pending: messages that are not delivered yet.
            last_seq: sequence of the stream's last message.
            held: records that are delivered and not done.
        """
        now = self._clock()
        self.waiting = pending * self._per_message + held
        self._note_arrivals(now, last_seq * self._per_message)
        if self._state.rung == 0:
            self._ladder = self._steps()
        rates = [self._rate(rung) for rung in range(len(self._ladder) + 1)]
        signals = Signals(now, self.waiting, self._arriving, rates, self._least)
        before, then_late = self.shed, behind_s(signals, self._state.rung)
        self._state = decide(self._state, signals, self._ladder, self._settings.overload.calm_s)
        late = behind_s(signals, self._state.rung)
        if self.shed != before or self._since is None:
            self._since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if self.shed != before:
            names = ", ".join(self.shed) or "nothing is shed any more"
            log.warning("load: %s (%d records wait, %.1f s behind)", names, self.waiting, then_late or 0.0)
        self._tell(late, rates[self._state.rung])

    def _steps(self) -> tuple[Step, ...]:
        ladder = self._settings.overload.ladder
        return tuple(Step(n, s) for n, s in ladder.items() if n != EMBEDDING_STATIC or self._quick_ready)

    @property
    def _quick_ready(self) -> bool:
        return self._quicker is not None and self._quicker.ready

    def _rate(self, rung: int) -> float | None:
        """Records a second at a rung; a batch that is under way shows when it has become slower."""
        quick = self._quick_ready and EMBEDDING_STATIC in [step.name for step in self._ladder[:rung]]
        rate = self._rates.get(quick)
        if self._running is not None:
            rows, running, began = self._running
            took = self._clock() - began
            if running == quick and rows >= self._least and took > 0:
                rate = min(rate or math.inf, rows / took)
        return rate

    def _note_arrivals(self, now: float, total: float) -> None:
        then, before = self._before
        self._before = (now, total)
        if now > then:  # not at the first look
            share = 1 - math.exp(-(now - then) * 2 / self._settings.overload.calm_s)
            self._arriving += share * (max(0.0, total - before) / (now - then) - self._arriving)

    def _tell(self, late: float | None, rate: float | None) -> None:
        calm_s = self._settings.overload.calm_s
        after_s = self._settings.overload.ladder.get("intake_slowed", 0.0)
        slow.tell(
            self._settings.data_dir,
            slow.Load(
                self.shed,
                _rounded(late),
                round(self.waiting),
                _rounded(rate),
                slow.retry_after(late or 0.0, after_s, calm_s),
                self._since,
                time.time(),
            ),
        )

    async def watch(self, ask: Callable[[], Awaitable[tuple[int, int]]], held: Callable[[], int]) -> None:
        """Look every second, for ever.

        Args:
            ask: gives (pending, last_seq) of `look`.
            held: gives `held` of `look`.
        """
        well = True
        while True:
            try:
                pending, last_seq = await ask()
                self.look(pending, last_seq, held())
                well = True
            except Exception as error:  # NATS or the disk; what was told grows old, and then slows nobody down
                if well:
                    log.warning("load: not known (%s)", type(error).__name__)
                well = False
            await asyncio.sleep(_LOOK_S)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
