"""What the console shows, from the same functions as the API's endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from connectors.errors import Transient
from engine.curate.main import ALERTS
from engine.govern.api_keys import Principal
from engine.search import Search
from engine.store import filters
from engine.store.filters import BadFilter
from engine.surge.incidents import OPEN
from serve import alerts, complaints, dead_letters, labels, quality, trace
from serve.admin import overload_state
from serve.problems import Problem
from serve.services import Services, call, iso
from serve.shown import shown

_DAYS = 7
_FACETS = ("category", "priority", "channel", "language")


class ConsoleBackend:
    """The console's data.

    Args:
        services: gives the replica's services once it has started.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._cached: tuple[int, dict[str, Any]] | None = None
        self._lock = threading.Lock()

    async def sign_in(self, key: str) -> Principal | None:
        """Who a key belongs to."""
        return await asyncio.to_thread(self._services().keyring.check, key)

    async def principal(self, session: str) -> Principal | None:
        """Who a session belongs to."""
        return await asyncio.to_thread(self._services().keyring.resume, session)

    def session_for(self, principal: Principal) -> str:
        """A cookie value."""
        return self._services().keyring.session(principal)

    def shown(self, user: Principal, value: Any) -> Any:
        """See serve.shown."""
        return shown(self._services().pii, user.role, value)

    async def search(
        self,
        query: str,
        mode: str,
        filters: dict[str, list[str]],
        since: str | None,
        until: str | None,
        limit: int,
        cursor: str | None,
    ) -> dict[str, Any]:
        """See serve.complaints.find.

        Raises:
            ValueError: a search that cannot be run, with a message for the reader.
        """
        try:
            start, end = complaints.moment("since", since), complaints.moment("until", until)
            wanted = Search(query, mode, filters, start, end, limit, cursor)  # type: ignore[arg-type]
            return await complaints.find(self._services(), wanted)
        except Problem as error:
            raise ValueError(error.detail) from error
        except BadFilter as error:
            raise ValueError(str(error)) from error

    async def complaint(self, event_id: str) -> dict[str, Any] | None:
        """One complaint."""
        return await complaints.one(self._services(), event_id)

    async def trace(self, event_id: str) -> dict[str, Any] | None:
        """A complaint's passport."""
        return await asyncio.to_thread(trace.trace, self._services(), event_id)

    async def incidents(self, limit: int) -> list[dict[str, Any]]:
        """The newest incidents."""
        rows = await asyncio.to_thread(alerts.incidents, self._services().incidents)
        return rows[:limit]

    async def incident(self, incident_id: str) -> dict[str, Any] | None:
        """One incident."""
        return await asyncio.to_thread(alerts.incident, self._services().incidents, incident_id)

    async def alert_position(self) -> int:
        """Sequence of the newest alert."""
        return int((await self._services().reads.stream_info(ALERTS)).state.last_seq)

    async def quality(self) -> dict[str, Any]:
        """See serve.quality.state.

        Raises:
            ValueError: the rules cannot be read, with a message for the reader.
        """
        try:
            return await quality.state(self._services())
        except Problem as error:
            raise ValueError(error.detail) from error

    def form_token(self, session: str) -> str:
        """See Keyring.form_token."""
        return self._services().keyring.form_token(session)

    async def dead_letters(self, state: dict[str, str], limit: int, cursor: str | None) -> dict[str, Any]:
        """See serve.dead_letters.listed.

        Raises:
            ValueError: a filter or cursor that cannot be, with a message for the reader.
        """
        try:
            return await dead_letters.listed(self._services(), _chosen(state), limit, cursor)
        except Problem as error:
            raise ValueError(error.detail) from error
        except BadFilter as error:
            raise ValueError(str(error)) from error

    async def retry_dead_letters(self, state: dict[str, str], event_id: str | None) -> int:
        """Try one dead letter again, or all that `state` chooses; returns how many.

        Raises:
            ValueError: a filter that cannot be, or the stream takes nothing now.
        """
        try:
            done = await dead_letters.retry(self._services(), _chosen(state), [event_id] if event_id else [])
        except Problem as error:
            raise ValueError(error.detail) from error
        except (BadFilter, Transient) as error:
            raise ValueError(str(error)) from error
        return int(done["retried"])

    async def label_choices(self) -> list[dict[str, Any]]:
        """The taxonomy's live categories with their leaves."""
        tree = await asyncio.to_thread(labels.taxonomy, self._services())
        return [
            {
                "id": category.id,
                "name": category.name,
                "leaves": [
                    {"id": leaf.id, "name": leaf.name, "description": leaf.description}
                    for leaf in category.subcategories
                    if not leaf.retired
                ],
            }
            for category in tree.categories
            if not category.retired
        ]

    async def label_next(self, strategy: str | None, skip: list[str]) -> dict[str, Any] | None:
        """The next complaint to label.

        Raises:
            ValueError: no such strategy.
        """
        with _readable():
            found = await labels.upcoming(self._services(), 1, strategy, skip)
        return next(iter(found["items"]), None)

    async def label_one(self, event_id: str) -> dict[str, Any] | None:
        """A complaint to label, by its id.

        Raises:
            ValueError: several ids begin like this.
        """
        with _readable():
            return await labels.one(self._services(), event_id)

    async def label_stats(self) -> dict[str, Any]:
        """See serve.labels.stats."""
        return await labels.stats(self._services())

    async def label_alike(self, event_id: str, least: float) -> list[dict[str, Any]]:
        """Complaints without a label like this one.

        Raises:
            ValueError: there is no such complaint.
        """
        with _readable():
            found = await labels.alike(self._services(), event_id, least, 50)
        rows: list[dict[str, Any]] = found["items"]
        return rows

    async def label_put(self, user: Principal, event_ids: list[str], label: str, kind: str, confirm: bool) -> int:
        """Label complaints; returns how many labels are new.

        Raises:
            ValueError: a label that is not in the taxonomy, or a complaint that cannot have it.
        """
        with _readable():
            wanted = [
                labels.LabelIn.model_validate({"event_id": key, "label": label, "kind": kind, "confirm": confirm})
                for key in event_ids
            ]
            done = await labels.put(self._services(), wanted, user.name)
        return int(done["new"]) + int(done["superseded"])

    async def label_withdraw(self, user: Principal, event_id: str) -> None:
        """Take a label back.

        Raises:
            ValueError: there is none.
        """
        with _readable():
            await labels.withdraw(self._services(), event_id, user.name)

    async def overview(self) -> dict[str, Any]:
        """Figures of the last seven days and totals."""
        status, known = await call("status"), await self.incidents(100_000)
        figures, overload = await asyncio.to_thread(self._figures), await overload_state(self._services())
        return figures | {
            "overload": overload,
            "stored": status["stored"],
            "dead_lettered": status["dead_lettered"],
            "open_incidents": sum(row["state"] in OPEN for row in known),
        }

    def _figures(self) -> dict[str, Any]:
        """Counted again only when the table or the hour has changed."""
        table, now = self._services().complaints, datetime.now(UTC)
        moment = hash((int(table.version), now.replace(minute=0, second=0, microsecond=0)))
        with self._lock:
            if self._cached is None or self._cached[0] != moment:
                self._cached = (moment, _count(table, now))
            return self._cached[1]


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """What an endpoint would refuse, as a ValueError with a message for the reader."""
    try:
        yield
    except Problem as error:
        raise ValueError(error.detail) from error
    except (BadFilter, Transient) as error:
        raise ValueError(str(error)) from error
    except ValidationError as error:
        raise ValueError("The form is not one of ours. Go back, reload the page and try again.") from error


def _chosen(state: dict[str, str]) -> dead_letters.Chosen:
    since = complaints.moment("since", state.get("since"))
    return dead_letters.Chosen(
        state.get("reason") or None, state.get("source") or None, state.get("channel") or None, since
    )


def _count(table: Any, now: datetime) -> dict[str, Any]:
    since = (now - timedelta(days=_DAYS)).replace(minute=0, second=0, microsecond=0)
    condition = f"occurred_at >= {filters.moment(since)}"
    rows = table.search().where(condition).select([*_FACETS, "occurred_at"]).limit(2**31 - 1).to_arrow()
    times = rows["occurred_at"].to_pylist()
    hours = Counter(moment.replace(minute=0, second=0, microsecond=0) for moment in times)
    facets = {
        f"by_{name}": [{"value": v, "count": n} for v, n in Counter(rows[name].to_pylist()).most_common(12)]
        for name in _FACETS
    }
    buckets = [since + timedelta(hours=h) for h in range(_DAYS * 24 + 1)]
    return facets | {
        "last_24h": sum(moment >= now - timedelta(days=1) for moment in times),
        "hourly": [{"bucket": iso(bucket), "count": hours.get(bucket, 0)} for bucket in buckets],
    }
