"""`beejan report`: a day or a week as one HTML file with its plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connectors.errors import BeejanError
from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, emit, guarded, notes

report = typer.Typer(help="Daily and weekly reports.", no_args_is_help=True)

Day = Annotated[
    str | None, typer.Option("--date", help="A day of the period; default the last that is over.", metavar="YYYY-MM-DD")
]
Out = Annotated[Path | None, typer.Option("--out", help="Where to; default complaints-KIND-DATE.html.", metavar="F")]
Mail = Annotated[bool, typer.Option("--mail", help="Also send it to reports.to.")]


@report.command()
@guarded
def daily(
    day: Day = None,
    out: Out = None,
    mail: Mail = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make the report of a day.

    Example: beejan report daily --date 2026-03-01 --out monday.html
    """
    _make("daily", day, out, mail, data_dir, config, as_json)


@report.command()
@guarded
def weekly(
    day: Day = None,
    out: Out = None,
    mail: Mail = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make the report of a week, from Monday.

    Example: beejan report weekly --mail
    """
    _make("weekly", day, out, mail, data_dir, config, as_json)


def _make(
    kind: str, day: str | None, out: Path | None, mail: bool, data_dir: Path | None, config: Path | None, as_json: bool
) -> None:
    from engine.report import page

    client = Client(config, data_dir)
    if mail:
        found = client.post(f"/v1/reports/{kind}/mail{f'?date={day}' if day else ''}", {}, limit_s=120)
    else:
        found = client.get(f"/v1/reports/{kind}", date=day)
    path = out or Path(f"complaints-{kind}-{found['since'][:10]}.html")
    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise BeejanError(f"{path}: cannot be written ({error.strerror})") from error
    if as_json:
        emit(found | {"path": str(path)})
    else:
        notes().print(f"{found['all']['total']} complaints, version {found['version']}: {path}", markup=False)
