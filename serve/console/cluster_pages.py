"""The console's pages of clusters: their map and list, and one with its trend, its events and its complaints."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from engine.govern.api_keys import Principal
from serve.console.label_pages import Site

READERS = ("analyst", "ml", "ops")
_PAGE = 50


class ClusterBackend(Protocol):
    """What the pages show."""

    def shown(self, user: Principal, value: Any) -> Any:
        """A value with the placeholders in its texts as the user's role may see them."""

    async def clusters(self, state: str, emerging: bool, limit: int, offset: int) -> dict[str, Any]:
        """A page of clusters; ValueError with a readable message for a state that cannot be."""

    async def cluster_map(self) -> dict[str, Any]:
        """Positions of clusters and of a sample of complaints; see engine.cluster.chart."""

    async def cluster(self, cluster_id: int) -> dict[str, Any] | None:
        """One cluster with its exemplars, days and facets."""


def add(routes: APIRouter, backend: ClusterBackend, site: Site) -> None:
    """Add the routes."""

    @routes.get("/clusters")
    @site.guarded
    async def clusters(request: Request, state: str = "active", emerging: bool = False, page: int = 1) -> Response:
        user = await site.keeper(request, *READERS)
        here = {"state": "" if state == "active" else state, "emerging": "true" if emerging else ""}
        answer, chart, wrong, start = None, None, None, (max(1, page) - 1) * _PAGE
        try:
            answer = await backend.clusters(state, emerging, _PAGE, start)
            chart = await backend.cluster_map() if state == "active" and answer["total"] else None
        except ValueError as error:
            wrong = str(error)
        more = answer is not None and start + _PAGE < answer["total"]
        return site.page(
            "clusters", request, 422 if wrong else 200, user=user, answer=backend.shown(user, answer),
            chart=chart, wrong=wrong, state=state, emerging=emerging, start=start,
            more=address(here | {"page": max(1, page) + 1}) if more else None,
            first=address(here) if start else None, address=lambda **given: address(here | given),
        )  # fmt: skip

    @routes.get("/clusters/{cluster_id}")
    @site.guarded
    async def cluster(request: Request, cluster_id: int) -> Response:
        user = await site.keeper(request, *READERS)
        found = await backend.cluster(cluster_id)
        if found is None:
            text = "There is no cluster with this id."
            return site.page("message", request, 404, user=user, title="Not found", text=text)
        return site.page("cluster", request, user=user, found=backend.shown(user, found))


def address(state: dict[str, Any]) -> str:
    """The address of the list; what is not set is not in it."""
    query = urlencode({name: value for name, value in state.items() if value})
    return f"/clusters?{query}" if query else "/clusters"
