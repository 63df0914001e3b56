"""Emerging clusters are told to operations: one event on `alerts.clusters` each, however often it is found again.

What was told is kept in `<data>/emerging.json` after it was told. A crash between the two tells again with the same
message id, which JetStream drops within its window.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.errors import BeejanError, Transient
from connectors.nats import publish_retrying
from connectors.nats_server import write_private
from engine.cluster.keep import ACTIVE, reader
from engine.settings import Settings

log = logging.getLogger("beejan.clusters")

SUBJECT = "alerts.clusters"
TYPE = "emerging_cluster"

_FILE = "emerging.json"
_LOOK_S = 5.0


def alerts_of(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the alert list has of clusters that emerged, in the columns that incidents have, and what names them.

    Args:
        rows: of serving.clusters; a cluster that never emerged gives none.

    Returns:
        state is `new` while it grows faster than the rest, then `resolved`; observed: complaints of the recent window
        when it was judged last; expected: had it grown as the rest did.
    """
    found = []
    for row in rows:
        since = next((one["at"] for one in json.loads(row["events"] or "[]") if one["event"] == "emerging"), None)
        if since is None:
            continue
        grows = bool(row["emerging"]) and row["state"] == ACTIVE
        found.append(
            {
                "type": TYPE,
                "incident_id": f"cluster_{row['cluster_id']}",
                "segment": f"cluster={row['cluster_id']}",
                "state": "new" if grows else "resolved",
                "severity": "medium",
                "started_at": since,
                "detected_at": since,
                "ended_at": None if grows else _time(row["updated_at"]),
                "observed": row["recent"],
                "expected": round(row["recent"] / max(row["growth"], 1.0), 3),
                "related": [],
                "cluster_id": row["cluster_id"],
                "name": row["name"],
                "terms": list(row["terms"] or ()),
                "exemplars": list(row["exemplars"] or ()),
                "size": row["size"],
                "growth": row["growth"],
                "updated_at": _time(row["updated_at"]),
            }
        )
    return found


def _time(value: datetime) -> str:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Teller:
    """Tells what emerged since it looked last.

    Args:
        data_dir: where what was told is kept.
        table: a reader of serving.clusters.
        js: JetStream context that may publish alerts.
    """

    def __init__(self, data_dir: Path, table: Any, js: Any) -> None:
        self._path, self._table, self._js = data_dir / _FILE, table, js
        self._told: dict[str, str] = _read(self._path)
        self._seen: int | None = None

    async def step(self) -> int:
        """Look once; returns how many were told.

        Raises:
            Transient: NATS or the store is away; the next look tells.
        """
        version, rows = await asyncio.to_thread(self._rows)
        new = [one for one in alerts_of(rows) if one["state"] == "new" and one["incident_id"] not in self._told]
        for one in new:
            body = json.dumps(one, ensure_ascii=False).encode()
            # A cluster's id is given once, so that it and the time it began name the event.
            await publish_retrying(self._js, SUBJECT, body, f"{one['incident_id']}:{one['started_at']}")
            self._told[one["incident_id"]] = one["started_at"]
            await asyncio.to_thread(write_private, self._path, json.dumps(self._told))
            log.info("alert %s: emerging, %d complaints of late", one["incident_id"], one["observed"])
        self._seen = version
        return len(new)

    def _rows(self) -> tuple[int, list[dict[str, Any]]]:
        version = int(self._table.version)
        if version == self._seen:
            return version, []
        return version, self._table.search().where("emerging").limit(2**31 - 1).to_list()


def _read(path: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):  # never told, or unreadable: what emerges now is told again
        return {}
    return found


async def keep(settings: Settings, js: Any, stopping: asyncio.Event) -> None:
    """Look until `stopping`, inside the surge watcher's process."""
    one: Teller | None = None
    while not stopping.is_set():
        try:
            if one is None:
                one = await asyncio.to_thread(lambda: Teller(settings.data_dir, reader(settings), js))
            await one.step()
        except Transient as error:
            log.debug("emerging clusters are told later: %s", error)
        except BeejanError as error:
            log.warning("emerging clusters are told later: %s", error)
        except Exception:  # a bug here must end neither the surge watcher nor the looks to come
            log.exception("the look at clusters failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LOOK_S)
