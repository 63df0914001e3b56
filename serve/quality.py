"""Endpoint of quality: the rules, how each channel stands, and the open incidents."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.compute as pc
from fastapi import APIRouter, Depends, Request

from engine.quality import checks
from engine.quality.rules import load_rules
from engine.settings import BadConfig
from engine.store import filters
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services, plain

router = APIRouter(prefix="/v1", tags=["operations"])

#: The most urgent first.
_ORDER = (checks.OPEN, checks.WELL, checks.UNKNOWN)


@router.get("/quality", dependencies=[Depends(require("ops", "analyst", "ml", "steward"))])
async def get_quality(request: Request) -> dict[str, Any]:
    """Rules of rows with the complaints that broke them in 24 hours, and checks of channels, open ones first."""
    return await state(services(request))


async def state(served: Services) -> dict[str, Any]:
    """See `get_quality`."""
    found = await asyncio.to_thread(standing, served)
    return found | {"rules": await asyncio.to_thread(_rules, served)}


def standing(served: Services) -> dict[str, Any]:
    """The checks of channels, without those whose rule is gone."""
    rows = [plain(row) for row in served.quality.search().limit(100_000).to_list() if row["state"] in _ORDER]
    rows.sort(key=lambda row: (_ORDER.index(row["state"]), row["rule"], row["scope"]))
    return {
        "open": sum(row["state"] == checks.OPEN for row in rows),
        "judged": sum(row["state"] != checks.UNKNOWN for row in rows),
        "judged_at": max((row["judged_at"] for row in rows), default=None),
        "checks": [{name: value for name, value in row.items() if name not in _INTERNAL} for row in rows],
    }


_INTERNAL = ("told", "known_at")


def _rules(served: Services) -> list[dict[str, Any]]:
    try:
        rules = load_rules(served.settings).rows
    except BadConfig as error:
        raise Problem(500, f"{error} The engine goes on with the rules it was started with.") from error
    since = datetime.now(UTC) - timedelta(days=1)
    rows = (
        served.complaints.search()
        .where(f"received_at >= {filters.moment(since)}")
        .select(["quality_flags"])
        .limit(2**31 - 1)
        .to_arrow()
    )
    flagged = Counter(pc.list_flatten(rows["quality_flags"]).to_pylist())
    where = f"stage = 'quality' AND received_at >= {filters.moment(since)}"
    letters = served.dead.search().where(where).select(["event_id", "reason"]).limit(2**31 - 1).to_list()
    kept_out = Counter(reason for _, reason in {(row["event_id"], row["reason"]) for row in letters})
    return [
        {
            "rule": name,
            "action": rule.action,
            "what": _what(rule.model_dump(exclude_unset=True, exclude={"action"})),
            "complaints_24h": rows.num_rows,
            "flagged_24h": _discarded(flagged) if rule.check == "contract" else flagged[name],
            "quarantined_24h": kept_out[name],
        }
        for name, rule in rules.items()
    ]


def _discarded(flagged: Counter[str]) -> int:
    return sum(count for name, count in flagged.items() if name.startswith("discarded:"))


def _what(rule: dict[str, Any]) -> str:
    """`length of text: least 4` for a rule of rows."""
    check, column = rule.pop("check"), rule.pop("column", None)
    given = ", ".join(
        f"{name.replace('_', ' ')} {' '.join(value) if isinstance(value, tuple) else value}"
        for name, value in rule.items()
    )
    return f"{check}{f' of {column}' if column else ''}{f': {given}' if given else ''}"
