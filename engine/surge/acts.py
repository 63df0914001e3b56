"""What people do with an incident: acknowledge, resolve, or archive it until it gets worse.

The writer applies an act to the stored row; the watcher, which judges beside it, keeps what people said.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from connectors.errors import Terminal
from engine.surge.incidents import ACKNOWLEDGED, ARCHIVED, RESOLVED

#: What an act makes of an incident.
ACTS = {"ack": ACKNOWLEDGED, "resolve": RESOLVED, "archive": ARCHIVED}

#: Changes of state that are kept, the newest.
_KEPT = 100


class BadAct(Terminal):
    """An act that the incident's state does not allow; the message says why."""


def acted(row: dict[str, Any], act: str, who: str, reason: str | None, now: datetime) -> dict[str, Any]:
    """The incident's row after an act; the row as it is where it is in that state already.

    Args:
        row: of serving.incidents.
        act: one of ACTS.
        who: the id of the key.
        reason: for people, None where none was given.
        now: UTC.

    Raises:
        BadAct: a resolved incident is acknowledged or archived.
    """
    state = ACTS[act]
    if row["state"] == state:
        return row
    if row["state"] == RESOLVED:
        raise BadAct(f"incident {row['incident_id']}: {act}: it is resolved; only an open incident can be")
    first = act == "ack" or row["acknowledged_at"] is None
    seen = {"acknowledged_by": who, "acknowledged_at": now} if first else {}
    return row | seen | {
        "state": state, "reason": reason, "acted_at": now, "updated_at": now,
        "history": remembered(row, state, now, who, reason),
    }  # fmt: skip


def remembered(
    row: dict[str, Any] | None, state: str, now: datetime, who: str | None = None, reason: str | None = None
) -> str:
    """The history with one more change of state, as JSON: a list of at, state, by and reason, the oldest first."""
    before = json.loads((row or {}).get("history") or "[]")
    change = {"at": now.isoformat(), "state": state, "by": who, "reason": reason}
    return json.dumps([*before, change][-_KEPT:], ensure_ascii=False)


def superseded(stored: dict[str, Any], judged: dict[str, Any]) -> bool:
    """Whether somebody acted after the watcher had read the row that it judged by; it judges again then."""
    return stored["acted_at"] is not None and stored["acted_at"] != judged.get("acted_at")
