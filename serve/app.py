"""The API and the console as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from serve import (
    admin,
    alerts,
    clusters,
    complaints,
    counts,
    customers,
    dead_letters,
    embedding,
    exports,
    forms,
    health,
    identity,
    incidents,
    intake,
    labels,
    maintenance,
    models,
    problems,
    quality,
    repairs,
    replays,
    reports,
    saved,
    similar,
    sources,
    sql,
    taxonomies,
    trace,
    webhooks,
)
from serve.backend import ConsoleBackend
from serve.console.pages import router as console_router
from serve.hooks import Hooks
from serve.services import Services

_ABOUT = """Complaints in once, useful within seconds. Send `Authorization: Bearer <key>`; roles: intake, analyst,
ml, ops, steward, admin. Errors are RFC 9457 problem details; times are RFC 3339 in UTC."""

_MODULES = (
    intake, complaints, counts, trace, alerts, incidents, clusters, dead_letters, quality, identity, labels, models,
    admin, embedding, replays, repairs, similar,
    maintenance, sources, sql, exports, saved, reports, customers, taxonomies, webhooks, forms, health,
)  # fmt: skip


def create_app(data_dir: Path) -> FastAPI:
    """The application of the engine that runs on `data_dir`."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = await Services.open(data_dir)
        app.state.hooks = Hooks(app.state.services)
        sweep = asyncio.create_task(app.state.hooks.sweep())
        exporting = asyncio.create_task(exports.keep_going(app.state.services))
        yield
        sweep.cancel()
        exporting.cancel()
        await app.state.services.close()

    app = FastAPI(title="Beejan", version="0.1.0", description=_ABOUT, lifespan=life)
    app.state.metrics = health.Metrics()
    problems.install(app)
    health.measure(app, app.state.metrics)
    for module in _MODULES:
        app.include_router(module.router)
    app.include_router(console_router(ConsoleBackend(lambda: app.state.services)))
    return app
