"""From verdicts to checks with a life: one incident a failing rule and channel, closed only when it is well again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.quality.hours import HOUR_S
from engine.quality.verdict import Verdict

OPEN, WELL, UNKNOWN, GONE = "open", "well", "unknown", "gone"

#: A check that cannot be judged for so long is no incident any more.
_FORGOTTEN = timedelta(days=1)

#: Points of the trend, one an hour.
_TREND = 48

Row = dict[str, Any]


def check_id(rule: str, scope: str) -> str:
    """The key of a rule's check of a channel."""
    return f"{rule}@{scope}"


def follow(
    verdicts: Iterable[Verdict], before: Mapping[str, Row], kinds: Mapping[str, str], now: datetime
) -> list[Row]:
    """The checks as they are now.

    A verdict that is bad opens an incident; only one that is well closes it, and one in between changes nothing.
    A check that cannot be judged keeps its incident for a day. A check whose rule is gone is closed.

    Args:
        verdicts: one a rule and channel.
        before: the rows of serving.quality, by check_id.
        kinds: the rules' checks, by name; what is not among them is gone.
        now: the time of this look.
    """
    rows = [_followed(one, before.get(check_id(one.rule, one.scope)), kinds[one.rule], now) for one in verdicts]
    seen = {row["check_id"] for row in rows}
    for key, row in before.items():
        if key in seen:
            continue
        gone = row["rule"] not in kinds
        why = "the rule is gone" if gone else "the channel brings nothing any more"
        rows.append(_moved(row, GONE if gone else UNKNOWN, now) | {"why": why, "observed": None, "expected": None})
    return rows


def _followed(verdict: Verdict, before: Row | None, kind: str, now: datetime) -> Row:
    row = before or _new(verdict, kind, now)
    state = row["state"]
    match verdict.state:
        case "bad":
            state = OPEN
        case "well":
            state = WELL
        case "between":
            state = OPEN if state == OPEN else WELL
        case "unknown":
            known = row["known_at"]
            lasts = state == OPEN and known is not None and now - known < _FORGOTTEN
            state = OPEN if lasts else UNKNOWN
    moved = _moved(row, state, now)
    found = {"kind": kind, "observed": verdict.observed, "expected": verdict.expected, "why": verdict.why}
    known_at = row["known_at"] if verdict.state == "unknown" else now
    return moved | found | {"judged_at": now, "known_at": known_at, "trend": _trend(row, verdict, now)}


def _new(verdict: Verdict, kind: str, now: datetime) -> Row:
    return {
        "check_id": check_id(verdict.rule, verdict.scope), "rule": verdict.rule, "kind": kind, "scope": verdict.scope,
        "state": UNKNOWN, "since": now, "incident_id": None, "opened_at": None, "closed_at": None, "observed": None,
        "expected": None, "why": "", "judged_at": now, "known_at": None, "trend": [], "told": None,
    }  # fmt: skip


def _moved(row: Row, state: str, now: datetime) -> Row:
    """The row in another state, with what comes of it."""
    if state == row["state"]:
        return dict(row)
    moved = row | {"state": state, "since": now}
    if state == OPEN:
        moved |= {"incident_id": incident_id(row["check_id"], now), "opened_at": now, "closed_at": None}
    elif row["state"] == OPEN:
        moved["closed_at"] = now
    return moved


def incident_id(check: str, opened_at: datetime) -> str:
    """`qi_` and 16 hex digits."""
    return "qi_" + hashlib.sha256(f"{check}\0{opened_at.isoformat()}".encode()).hexdigest()[:16]


def _trend(row: Row, verdict: Verdict, now: datetime) -> list[float]:
    """The last value observed in each hour."""
    found: list[float] = list(row["trend"] or [])
    if verdict.observed is None:
        return found
    if found and row["known_at"].timestamp() // HOUR_S == now.timestamp() // HOUR_S:
        found.pop()
    return [*found, float(verdict.observed)][-_TREND:]


def to_tell(row: Row) -> str | None:
    """What the alert feed is still to be told of the row's incident: `open`, `closed`, or nothing."""
    if row["incident_id"] is None:
        return None
    now = f"{row['incident_id']}:{'open' if row['state'] == OPEN else 'closed'}"
    if row["told"] == now:
        return None
    # One that was over before it could be told wakes nobody.
    never = not str(row["told"] or "").startswith(row["incident_id"])
    return None if never and row["state"] != OPEN else now.rpartition(":")[2]


def event(row: Row, state: str) -> dict[str, Any]:
    """The alert feed's event."""
    names = ("incident_id", "rule", "scope", "observed", "expected", "why", "opened_at", "closed_at")
    found = {name: row[name].isoformat() if isinstance(row[name], datetime) else row[name] for name in names}
    return {"type": "quality", "check": row["kind"], "state": state, **found}
