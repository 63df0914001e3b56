"""What the console shows, from the same functions as the API's endpoints."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from connectors.errors import Transient
from engine.curate.main import ALERTS
from engine.govern.api_keys import Principal
from engine.search import Search
from engine.search.similar import RELATIONS
from engine.store.filters import BadFilter
from serve import alerts, complaints, counts, dead_letters, labels, quality, trace
from serve.cluster_views import ClusterViews
from serve.model_views import ModelViews
from serve.overview import Overview
from serve.problems import Problem
from serve.services import Services
from serve.shown import shown
from serve.similar import alike

#: Facets beside the hits, and the columns behind filters of another name.
_FACETS = ("category", "subcategory", "priority", "channel", "region", "product", "language", "cluster")
_COLUMNS = {"cluster": "cluster_id", "customer": "customer_id"}


#: Complaints like one that its page shows.
_ALIKE = 12


class ConsoleBackend(Overview, ModelViews, ClusterViews):
    """The console's data.

    Args:
        services: gives the replica's services once it has started.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        Overview.__init__(self)
        ClusterViews.__init__(self)

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
        folded: bool,
    ) -> dict[str, Any]:
        """See serve.complaints.find.

        Raises:
            ValueError: a search that cannot be run, with a message for the reader.
        """
        with _readable():
            wanted = _search(query, mode, filters, since, until, folded, limit, cursor)
            return await complaints.find(self._services(), wanted)

    async def search_counts(
        self,
        query: str,
        mode: str,
        filters: dict[str, list[str]],
        since: str | None,
        until: str | None,
        folded: bool,
        interval: str,
    ) -> dict[str, Any]:
        """Facets and trends beside the hits; one that cannot be counted, such as a trend without time, is None."""
        wanted = _search(query, mode, filters, since, until, folded)
        found: dict[str, Any] = {}
        for name, asked in (
            ("facets", counts.facets(self._services(), wanted, list(_FACETS), 8)),
            ("trends", counts.trends(self._services(), wanted, interval)),
        ):
            try:
                found[name] = await asked
            except (Problem, BadFilter):
                found[name] = None
        return found

    async def similar(self, event_id: str) -> dict[str, list[dict[str, Any]]]:
        """Complaints like this one by what they are to it, the strongest relation first."""
        try:
            found = await alike(self._services(), event_id, _ALIKE)
        except (Problem, Transient):
            return {}  # the complaint itself is shown all the same
        kinds: dict[str, list[dict[str, Any]]] = {}
        for one in found["similar"]:
            kinds.setdefault(one["relation"], []).append(one)
        return {kind: kinds[kind] for kind in RELATIONS if kind in kinds}

    async def complaint(self, event_id: str) -> dict[str, Any] | None:
        """One complaint; None also where several ids begin like this."""
        try:
            return await complaints.one(self._services(), event_id)
        except Problem:
            return None

    async def trace(self, event_id: str) -> dict[str, Any] | None:
        """A complaint's passport; None also where several ids begin like this."""
        try:
            return await asyncio.to_thread(trace.trace, self._services(), event_id)
        except Problem:
            return None

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


def _search(
    query: str,
    mode: str,
    equals: dict[str, list[str]],
    since: str | None,
    until: str | None,
    folded: bool,
    limit: int = 20,
    cursor: str | None = None,
) -> Search:
    start, end = complaints.moment("since", since), complaints.moment("until", until)
    columns = {_COLUMNS.get(name, name): values for name, values in equals.items()}
    return Search(query, mode, columns, start, end, limit, cursor, folded)  # type: ignore[arg-type]


def _chosen(state: dict[str, str]) -> dead_letters.Chosen:
    since = complaints.moment("since", state.get("since"))
    return dead_letters.Chosen(
        state.get("reason") or None, state.get("source") or None, state.get("channel") or None, since
    )
