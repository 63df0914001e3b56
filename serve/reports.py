"""The endpoints of reports."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from engine.report import figures, page, period
from engine.report.figures import BadPeriod
from engine.report.mail import NoMail, send
from serve.auth import require, services
from serve.problems import Problem
from serve.services import Services

router = APIRouter(prefix="/v1/reports", tags=["reports"])

Day = Annotated[date | None, Query(alias="date", description="A day of the period; default the last one that is over")]

_READERS = [Depends(require("analyst", "ml", "ops", "steward"))]


@router.get("/{kind}", dependencies=_READERS)
async def get_report(request: Request, kind: str, day: Day = None) -> dict[str, Any]:
    """The figures of a daily or weekly report, of the table's version that is told in it."""
    return await asyncio.to_thread(_found, services(request), kind, day)


@router.get("/{kind}/html", response_class=HTMLResponse, dependencies=_READERS)
async def get_report_html(request: Request, kind: str, day: Day = None) -> HTMLResponse:
    """The report as one HTML file with its plots."""
    found = await asyncio.to_thread(_found, services(request), kind, day)
    name = f"complaints-{kind}-{found['since'][:10]}.html"
    return HTMLResponse(page(found), headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/{kind}/mail", dependencies=[Depends(require("ops", "steward"))])
async def post_report_mail(request: Request, kind: str, day: Day = None) -> dict[str, Any]:
    """Send a report to `reports.to`."""
    served = services(request)
    found = await asyncio.to_thread(_found, served, kind, day)
    try:
        await asyncio.to_thread(send, served.settings.reports, found)
    except NoMail as error:
        raise Problem(409, str(error)) from error
    return found | {"mailed": list(served.settings.reports.to)}


def _found(served: Services, kind: str, day: date | None) -> dict[str, Any]:
    try:
        since, until = period(kind, day, datetime.now(UTC))
    except BadPeriod as error:
        raise Problem(422, str(error)) from error
    return figures(served.counts, served.incidents, kind, since, until)
