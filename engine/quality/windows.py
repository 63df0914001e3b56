"""Completeness, flags, rejections, freshness and volume of a channel's last hours, judged by its own past.

Shares are judged by Wilson's interval (Wilson 1927), so that few complaints prove little. Volume is judged by the
median and the quartiles of like hours, which a single odd day does not move.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.quality.hours import DAY_H, HOUR_S, Hour, Past
from engine.quality.rules import Completeness, Flagged, Freshness, Rejected, Volume
from engine.quality.verdict import State, Verdict, unknown

#: Width of Wilson's interval, standard deviations.
_Z = 3.0

#: Part of the way back to the bound that an incident has to be over before it is closed.
_MARGIN = 0.2

#: Days of the past that have to be there before a share is held against them, and days that are looked at.
_LEAST_DAYS, _MOST_DAYS = 7, 28

#: How far ahead the hours are gone through in which a channel may be silent.
_MOST_SILENT_H = 14 * DAY_H

#: Hours vary by more than chance alone: by this part of their median at least.
_OVERDISPERSION = 0.15


def completeness(name: str, rule: Completeness, past: Past, channel: str, now_h: int) -> Verdict:
    """The share of complaints with a value in the last `window_h` hours."""
    found = past.window(channel, now_h + 1 - rule.window_h, now_h + 1)
    if found.rows < rule.least_rows:
        return unknown(name, channel, f"{found.rows} complaints in {rule.window_h} h, fewer than {rule.least_rows}")
    bounds = [rule.least] if rule.least is not None else []
    if rule.most_fall is not None:
        usual = _usual(past, channel, now_h + 1 - rule.window_h, rule.least_rows, lambda h: h.given[rule.column])
        bounds += [usual - rule.most_fall] if usual is not None else []
    if not bounds:
        return unknown(name, channel, f"fewer than {_LEAST_DAYS} days of its past")
    bound = max(*bounds, 0.0)
    share = found.given[rule.column] / found.rows
    _, high = _wilson(share, found.rows)
    enough = bound + min(_MARGIN * (1 - bound), (rule.most_fall or 1.0) / 2)
    state: State = "bad" if high < bound else "well" if share >= enough else "between"
    why = f"{share:.0%} of {found.rows:,} complaints in {rule.window_h} h have {rule.column}; at least {bound:.0%}"
    return Verdict(name, channel, state, share, bound, why)


def _usual(past: Past, channel: str, before: int, least_rows: int, part: Callable[[Hour], int]) -> float | None:
    """The median of the days' shares before an hour; None with too few days."""
    days = past.days(channel, before, _MOST_DAYS)
    shares = [part(day) / day.rows for day in days if day.rows >= least_rows]
    return float(np.median(shares)) if len(shares) >= _LEAST_DAYS else None


def flagged(name: str, rule: Flagged, past: Past, channel: str, now_h: int) -> Verdict:
    """The share of complaints with a flag in the last `window_h` hours."""
    found = past.window(channel, now_h + 1 - rule.window_h, now_h + 1)
    return _at_most(name, rule, channel, found.flags[rule.flag], found.rows, f"complaints are flagged {rule.flag}")


def rejected(name: str, rule: Rejected, past: Past, channel: str, now_h: int) -> Verdict:
    """The share of records that became dead letters in the last `window_h` hours."""
    found = past.window(channel, now_h + 1 - rule.window_h, now_h + 1)
    whole = found.rows + found.rejected
    return _at_most(name, rule, channel, found.rejected, whole, "records went to the dead letters")


def _at_most(name: str, rule: Flagged | Rejected, channel: str, part: int, whole: int, what: str) -> Verdict:
    if whole < rule.least_rows:
        return unknown(name, channel, f"{whole} records in {rule.window_h} h, fewer than {rule.least_rows}")
    share = part / whole
    low, _ = _wilson(share, whole)
    state: State = "bad" if low > rule.most else "well" if share <= (1 - _MARGIN) * rule.most else "between"
    why = f"{share:.0%} of {whole:,} {what} in {rule.window_h} h; at most {rule.most:.0%}"
    return Verdict(name, channel, state, share, rule.most, why)


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Bounds of a share of n."""
    z2 = _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return middle - half, middle + half


def freshness(name: str, rule: Freshness, past: Past, channel: str, now: float, awake_since: float) -> Verdict:
    """How long a channel is silent, against how long it may be.

    Args:
        name: the rule's.
        rule: itself.
        past: all channels' hours.
        channel: which.
        now: up to here everything that was received is counted, s since the epoch.
        awake_since: the engine takes complaints since then; silence before it is the engine's.
    """
    newest = max((one.newest for one in past.of(channel).values()), default=0.0)
    last = max((one.last for one in past.of(channel).values()), default=0.0)
    if not last:
        return unknown(name, channel, "no complaint that was received soon after it happened")
    fixed = rule.most_age_s.get(channel)
    may: float | None
    if fixed is not None:
        age, may, what = now - max(newest, awake_since), fixed, "nothing that happened lately came for"
    else:
        age, what = now - max(last, awake_since), "no complaint came for"
        may = _may_be_silent(rule, past, channel, max(last, awake_since))
    if may is None:
        return unknown(name, channel, "too little of its past to know how long it may be silent")
    state: State = "bad" if age > may else "well" if age <= (1 - _MARGIN) * may else "between"
    return Verdict(name, channel, state, age, may, f"{what} {_span(age)}; at most {_span(may)}")


def _may_be_silent(rule: Freshness, past: Past, channel: str, since: float) -> float | None:
    """Seconds from `since` until like hours of the past would have brought `missed` complaints."""
    if rule.missed is None:
        return None
    missed, at = 0.0, since
    for hour in range(int(since // HOUR_S), int(since // HOUR_S) + _MOST_SILENT_H):
        counts = sorted(past.alike(channel, hour))
        if not counts and hour - since / HOUR_S > DAY_H and not missed:
            return None  # a day without a like: there is no past to know it by
        rate = sum(counts[:-1]) / (len(counts) - 1) if counts else 0.0  # the largest may be a surge
        end = (hour + 1) * HOUR_S
        brings = rate * (end - at) / HOUR_S
        if missed + brings >= rule.missed:
            return max(rule.least_s, at + (rule.missed - missed) / rate * HOUR_S - since)
        missed, at = missed + brings, end
    return None


def _span(seconds: float) -> str:
    if seconds < 2 * HOUR_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR_S:.1f} h" if seconds < 48 * HOUR_S else f"{seconds / 86_400:.1f} days"


def volume(name: str, rule: Volume, past: Past, channel: str, last_h: int) -> Verdict:
    """Live complaints of the last two complete hours, in spreads off the median of like hours.

    Args:
        name: the rule's.
        rule: itself.
        past: all channels' hours.
        channel: which.
        last_h: the last complete hour.
    """
    sign = -1.0 if rule.direction == "low" else 1.0
    off, seen, usual = [], 0, 0.0
    for hour in (last_h - 1, last_h):
        one, alike = past.of(channel).get(hour), past.alike(channel, hour)
        if one is None or not one.watched or not alike:
            return unknown(name, channel, "too little of its past to know how many an hour brings")
        low, usual, high = np.quantile(alike, (0.25, 0.5, 0.75))
        spread = max((high - low) / 1.349, math.sqrt(max(usual, 1.0)), _OVERDISPERSION * usual)
        seen = one.live
        off.append(sign * (seen - usual) / spread)
    state: State = (
        "bad" if min(off) >= rule.spreads else "well" if off[-1] <= (1 - _MARGIN) * rule.spreads else "between"
    )
    why = f"{seen:,} complaints in the last hour, {usual:,.0f} in like hours; {abs(off[-1]):.1f} spreads off"
    return Verdict(name, channel, state, float(seen), float(usual), why)
