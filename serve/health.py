"""Health, readiness and metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from engine.reconcile import watch
from serve import models, quality
from serve.admin import overload_state, stream_state
from serve.auth import require_unless_loopback, services
from serve.services import Services, call

router = APIRouter(tags=["health"])

_open = [Depends(require_unless_loopback("ops"))]


@router.get("/healthz", dependencies=_open)
async def healthz() -> dict[str, str]:
    """The API process answers."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=_open)
async def readyz(request: Request, response: Response) -> dict[str, Any]:
    """Every part answers: 200, else 503 with the parts that do not."""
    served = services(request)
    parts = {
        "nats": _checked(stream_state(served)),
        "writer": _checked(call("status")),
        "embedder": _checked(asyncio.to_thread(served.embedder.encode, ["ready"])),
    }
    states = dict(zip(parts, await asyncio.gather(*parts.values()), strict=True))
    ready = all(state == "ok" for state in states.values())
    response.status_code = 200 if ready else 503
    return {"status": "ready" if ready else "not ready", "parts": states}


async def _checked(part: Awaitable[Any]) -> str:
    try:
        await asyncio.wait_for(part, 5)
    except Exception as error:  # whatever it is, the part is not ready and the answer says so
        return type(error).__name__
    return "ok"


class Metrics:
    """OpenTelemetry instruments behind `/metrics`, read by Prometheus."""

    def __init__(self) -> None:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource
        from prometheus_client import REGISTRY

        self._registry = REGISTRY
        resource = Resource.create({"service.name": "beejan-api"})
        meter = MeterProvider(metric_readers=[PrometheusMetricReader()], resource=resource).get_meter("beejan")
        self._seconds = meter.create_histogram(
            "beejan.http.server.duration", unit="s", description="Time to answer, by route"
        )
        self._gauges = {name: meter.create_gauge(f"beejan.{name}", description=text) for name, text in _GAUGES.items()}

    def record(self, route: str, method: str, status: int, seconds: float) -> None:
        """One answered request; the route is the pattern, never the path."""
        self._seconds.record(seconds, {"route": route, "method": method, "status": status})

    async def render(self, served: Services) -> bytes:
        """Prometheus text with fresh gauges."""
        from prometheus_client import generate_latest

        writer, stream, overload = await call("status"), await stream_state(served), await overload_state(served)
        integrity = await asyncio.to_thread(watch.load, served.settings.data_dir)
        checks = await asyncio.to_thread(quality.standing, served)
        scoring = await asyncio.to_thread(models.state, served)
        values = {
            "complaints.stored": writer["stored"],
            "complaints.dead_lettered": writer["dead_lettered"],
            "stream.waiting": stream["waiting"],
            "stream.in_flight": stream["in_flight"],
            "stream.bytes": stream["bytes"],
            "complaints.degraded": overload["degraded"],
            "overload.steps": len(overload["shed"]),
            "overload.seconds_behind": overload["behind_s"] or 0.0,
            "quality.incidents": checks["open"],
            "quality.judged": checks["judged"],
            "models.due": scoring["due"],
            "models.drifts": await asyncio.to_thread(models.drifts, served),
            "integrity.gaps": len(integrity["gaps"]),
            "integrity.lost": sum(gap["count"] for gap in integrity["gaps"] if gap["kind"] == "lost"),
        }
        for name, value in values.items():
            self._gauges[name].set(value)
        return generate_latest(self._registry)


_GAUGES = {
    "complaints.stored": "Complaints stored",
    "complaints.dead_lettered": "Records in the dead letters",
    "stream.waiting": "Messages not yet delivered",
    "stream.in_flight": "Messages delivered and not acknowledged",
    "stream.bytes": "Bytes in the intake stream",
    "complaints.degraded": "Complaints that are to be completed after an overload",
    "overload.steps": "Steps of the ladder of overload in force",
    "overload.seconds_behind": "Seconds until what waits is processed, 0 where not known",
    "quality.incidents": "Open quality incidents",
    "quality.judged": "Checks of channels that have enough of a past to be judged",
    "models.due": "Stored complaints that are to be scored again by the champion",
    "models.drifts": "Measures of the champion that drift and are not explained; see docs/models/registry.md",
    "integrity.gaps": "Kinds of gaps that the reconciler sees",
    "integrity.lost": "Accepted records that are nowhere",
}


@router.get("/metrics", dependencies=_open)
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    body = await request.app.state.metrics.render(services(request))
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


def measure(app: FastAPI, recorded: Metrics) -> None:
    """Record every request of `app`."""

    @app.middleware("http")
    async def timed(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        started = time.perf_counter()
        response = await answer(request)
        route = getattr(request.scope.get("route"), "path", "unmatched")
        recorded.record(route, request.method, response.status_code, time.perf_counter() - started)
        return response
