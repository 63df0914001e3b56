"""The endpoints of exports, and what keeps them going: a process for each, started again until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from connectors.lance import open_reader
from engine import sql
from engine.exports import jobs
from engine.govern.api_keys import Principal
from engine.search import BadSearch, Search
from engine.settings import ROOT
from engine.sql.workers import job_of
from serve.auth import require, services
from serve.complaints import DUPLICATES
from serve.problems import Problem
from serve.services import Services
from serve.sql import READERS, hidden, similar

router = APIRouter(prefix="/v1/exports", tags=["exports"])

log = logging.getLogger("beejan.exports")

#: Exports that are made at once.
_AT_ONCE = 2

_LOOK_S = 1.0

_MEDIA = {"csv": "text/csv", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet"}


class ExportIn(BaseModel):
    """What is to be exported: everything that the filters leave, what a search finds, or what a query gives."""

    model_config = ConfigDict(extra="forbid")

    format: jobs.Format = Field("csv", description="csv, parquet or jsonl")
    q: str = Field("", max_length=2000, description="As in GET /v1/search")
    mode: str = Field("hybrid", description="hybrid, vector or text")
    filters: dict[str, list[str]] = Field({}, description="As in GET /v1/search, e.g. {'channel': ['sms']}")
    duplicates: str = Field("all", description="all, or folded: copies of a text are left out")
    since: AwareDatetime | None = Field(None, description="RFC 3339, included")
    until: AwareDatetime | None = Field(None, description="RFC 3339, not included")
    sql: str | None = Field(None, max_length=20_000, description="A query as in POST /v1/sql, instead of the above")
    columns: list[str] = Field([], max_length=100, description="Of complaints; default all but vectors")
    spreadsheet_safe: bool = Field(True, description="csv: formulas are made texts by a leading apostrophe")


@router.post("", status_code=202)
async def post_export(
    request: Request, who: Annotated[Principal, Depends(require(*READERS))], given: ExportIn
) -> dict[str, Any]:
    """Begin an export of the tables as they are now; it goes on beside, also over a restart of the engine."""
    served = services(request)
    try:
        path = await asyncio.to_thread(begin, served, who, given)
    except (BadSearch, sql.BadSql) as error:
        raise Problem(422, str(error)) from error
    return told(path)


@router.get("/{export_id}")
async def get_export(
    request: Request, who: Annotated[Principal, Depends(require(*READERS))], export_id: str
) -> dict[str, Any]:
    """How an export goes: queued, running, done or failed, rows so far, bytes at last."""
    return await asyncio.to_thread(told, _own(services(request), who, export_id))


@router.get("/{export_id}/data", response_class=FileResponse)
async def get_export_data(
    request: Request, who: Annotated[Principal, Depends(require(*READERS))], export_id: str
) -> FileResponse:
    """The file of an export that is done; a download that broke off can go on (`Range`)."""
    path = await asyncio.to_thread(_own, services(request), who, export_id)
    job, state = jobs.job_of(path), jobs.state_of(path)
    if state.state != "done":
        raise Problem(409, f"export {export_id}: it is {state.state}; its file is there when it is done")
    name = f"complaints-{export_id}.{job.format}"
    return FileResponse(jobs.result(path, job), media_type=_MEDIA[job.format], filename=name)


def begin(served: Services, who: Principal, given: ExportIn) -> Path:
    """Keep what is wanted, pinned to the tables' versions.

    Raises:
        BadSearch, BadSql, BadFilter: it cannot be.
        Problem: 422, an unknown column.
    """
    versions, ranked, query, condition = {"complaints": int(served.complaints.version)}, None, None, None
    if given.sql is not None:
        statement = sql.read(given.sql)
        root, options = f"{served.settings.zones_uri.rstrip('/')}/serving", served.settings.storage_options
        versions = {name: int(open_reader(root, name, options).version) for name in sorted(statement.tables)}
        query = job_of(served.settings, statement, similar(served), hidden(served, who.role))
        query = {key: query[key] for key in ("sql", "similar", "hidden", "vectors", "memory_bytes")}
    else:
        unknown = sorted(set(given.columns) - set(served.complaints.schema.names))
        if unknown:
            raise Problem(422, f"columns: complaints have no {unknown[0][:60]!r}")
        wanted = _search(given)
        condition = wanted.condition()
        if wanted.query.strip():
            found = served.search.candidates(wanted)
            versions = {"complaints": found.version}
            scores = [round(float(score), 6) for score in found.scores]
            ranked = tuple(zip(found.event_ids or [], scores, strict=True))
    job = jobs.Job(
        jobs.new_id(), who.key_id, given.format, f"{served.settings.zones_uri.rstrip('/')}/serving", versions,
        tuple(given.columns), condition, ranked, query, tuple(hidden(served, who.role)), given.spreadsheet_safe,
        jobs.now(),
    )  # fmt: skip
    return jobs.put(served.settings.data_dir, job)


def _search(given: ExportIn) -> Search:
    if given.duplicates not in DUPLICATES:
        raise Problem(422, f"duplicates {given.duplicates[:40]!r}: expected one of {', '.join(DUPLICATES)}")
    names = {"cluster": "cluster_id", "customer": "customer_id"}
    equals = {names.get(name, name): values for name, values in given.filters.items()}
    folded = given.duplicates == "folded"
    wanted = Search(given.q, given.mode, equals, given.since, given.until, folded=folded)  # type: ignore[arg-type]
    wanted.check()
    return wanted


def _own(served: Services, who: Principal, export_id: str) -> Path:
    """The folder of an export of this caller's.

    Raises:
        Problem: 404, there is none, or it is another's.
    """
    try:
        path = jobs.find(served.settings.data_dir, export_id)
        if jobs.job_of(path).owner != who.key_id and who.role != "admin":
            raise jobs.NoExport(f"export {export_id!r}: not found; it is kept for a while only")
    except jobs.NoExport as error:
        raise Problem(404, str(error)) from error
    return path


def told(path: Path) -> dict[str, Any]:
    """An export for JSON."""
    job, state = jobs.job_of(path), jobs.state_of(path)
    return {
        "export_id": job.export_id, "state": state.state, "format": job.format, "rows": state.rows,
        "bytes": state.bytes, "versions": dict(job.versions), "asked_at": job.asked_at,
        "finished_at": state.finished_at, "error": state.error,
    }  # fmt: skip


async def keep_going(served: Services) -> None:
    """Start what waits, also what a restart interrupted, and remove what is old; for ever."""
    running: dict[Path, subprocess.Popen[str]] = {}
    keep = timedelta(seconds=served.settings.exports.keep_s)
    try:
        while True:
            try:
                running = {path: one for path, one in running.items() if one.poll() is None}
                for path in await asyncio.to_thread(jobs.unfinished, served.settings.data_dir):
                    if path not in running and len(running) < _AT_ONCE:
                        running[path] = await asyncio.to_thread(_start, path, served.settings.storage_options)
                await asyncio.to_thread(jobs.remove_old, served.settings.data_dir, keep, datetime.now(UTC))
            except OSError as error:
                log.warning("exports: %s; looked at again", type(error).__name__)
            await asyncio.sleep(_LOOK_S)
    finally:
        for one in running.values():
            one.terminate()


def _start(path: Path, options: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.exports.work", str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None  # it is a pipe
    with contextlib.suppress(BrokenPipeError), process.stdin:
        json.dump(options, process.stdin)
    return process
