"""Every rule of batches over every channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from engine.quality.drift import drift
from engine.quality.hours import HOUR_S, Past
from engine.quality.rules import BatchRule, Completeness, Drift, Flagged, Freshness, Rejected, Volume
from engine.quality.verdict import Verdict
from engine.quality.windows import completeness, flagged, freshness, rejected, volume


def judge(rules: Mapping[str, BatchRule], past: Past, now: float, awake_since: float, closed: int) -> Iterator[Verdict]:
    """What each rule says of each channel that has brought anything.

    Args:
        rules: by name.
        past: all channels' hours, the open ones too.
        now: up to here everything that was received is counted, s since the epoch.
        awake_since: the engine takes complaints since then, s since the epoch.
        closed: the last hour that is complete.
    """
    for name, rule in rules.items():
        for channel in past.channels():
            if channel in rule.channels:
                yield _one(name, rule, past, channel, now, awake_since, closed)


def _one(name: str, rule: BatchRule, past: Past, channel: str, now: float, awake_since: float, closed: int) -> Verdict:
    hour = int(now // HOUR_S)
    match rule:
        case Completeness():
            return completeness(name, rule, past, channel, hour)
        case Flagged():
            return flagged(name, rule, past, channel, hour)
        case Rejected():
            return rejected(name, rule, past, channel, hour)
        case Freshness():
            return freshness(name, rule, past, channel, now, awake_since)
        case Volume():
            return volume(name, rule, past, channel, closed)
        case Drift():
            return drift(name, rule, past, channel, hour)
        case _:
            assert_never(rule)
