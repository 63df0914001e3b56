"""Commands about incidents: one with its evidence, and a replay of the past through the detector."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.lance import open_reader
from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, notes, table
from engine.cli.read import alerts
from engine.settings import load_settings

incidents = typer.Typer(help="Incidents: what surged, and its evidence.", no_args_is_help=True)


@incidents.command("show")
@guarded
def show(
    incident_id: Annotated[str, typer.Argument(help="As `beejan alerts list` names it.", metavar="ID")],
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """One incident with its evidence: words that stand out, complaints to read, counts and what was expected.

    Example: beejan incidents show inc_0123456789abcdef
    """
    found = Client(config, data_dir).get(f"/v1/incidents/{incident_id}")
    if as_json:
        emit(found)
        return
    evidence = found.get("evidence") or {}
    plain = {key: value for key, value in found.items() if not isinstance(value, list | dict)}
    table(None, ["", ""], [[key, value] for key, value in plain.items()])
    if words := ", ".join(f"{one['term']} ({one['count']})" for one in evidence.get("terms", [])):
        console().print(f"words  {words}", markup=False)
    for one in evidence.get("exemplars", []):
        console().print(f"{one['event_id'][:12]}  {one['text']}", markup=False)


@incidents.command("complaints")
@guarded
def complaints(
    incident_id: Annotated[str, typer.Argument(help="As `beejan alerts list` names it.", metavar="ID")],
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The complaints that an incident is made of, the newest first.

    Example: beejan incidents complaints inc_0123456789abcdef --limit 20
    """
    found = Client(config, data_dir).get(f"/v1/incidents/{incident_id}/complaints", limit=limit, offset=offset)
    if as_json:
        emit(found)
        return
    columns = ["occurred_at", "priority", "region", "channel", "text", "event_id"]
    table(None, columns, [[one[name] for name in columns] for one in found["complaints"]])
    notes().print(f"[dim]{found['total']:,} in all[/]")


_REASON = typer.Option(help="For people; personal data in it is masked.")


@alerts.command("ack")
@guarded
def acknowledge(
    incident_id: Annotated[str, typer.Argument(help="As `beejan alerts list` names it.", metavar="ID")],
    reason: Annotated[str | None, _REASON] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Say that somebody sees to an incident: only a worse severity and its end are told from now on.

    Example: beejan alerts ack inc_0123456789abcdef --reason "field team is on it"
    """
    _act("ack", incident_id, reason, data_dir, config, as_json)


@alerts.command("resolve")
@guarded
def resolve(
    incident_id: Annotated[str, typer.Argument(help="As `beejan alerts list` names it.", metavar="ID")],
    reason: Annotated[str | None, _REASON] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Say that an incident is over; it regresses if it gets worse after that, or comes back.

    Example: beejan alerts resolve inc_0123456789abcdef --reason "mast repaired"
    """
    _act("resolve", incident_id, reason, data_dir, config, as_json)


@alerts.command("archive")
@guarded
def archive(
    incident_id: Annotated[str, typer.Argument(help="As `beejan alerts list` names it.", metavar="ID")],
    reason: Annotated[str | None, _REASON] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Hear nothing of an incident until it escalates.

    Example: beejan alerts archive inc_0123456789abcdef --reason "known, harmless"
    """
    _act("archive", incident_id, reason, data_dir, config, as_json)


def _act(
    act: str, incident_id: str, reason: str | None, data_dir: Path | None, config: Path | None, as_json: bool
) -> None:
    found = Client(config, data_dir).post(f"/v1/incidents/{incident_id}/{act}", {"reason": reason})
    if as_json:
        emit(found)
    else:
        console().print(f"{found['incident_id']}  {found['state']}  {found['segment']}", markup=False)


@alerts.command("backtest")
@guarded
def backtest(
    since: Annotated[str, typer.Option(help="RFC 3339; the 28 days before teach the baseline.")],
    until: Annotated[str | None, typer.Option(help="RFC 3339; default now.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="csv with segment, start, end of known surges: delays and false alarms.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Also write backtest.json and backtest.html here.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Replay the stored counts through the detector with these settings: which incidents, when; nothing is stored.

    It reads the tables and needs no running engine. With --config it tries other settings of `surge`.

    Example: beejan alerts backtest --since 2026-01-05 --until 2026-02-02 --labels outages.csv --out out
    """
    from engine.store import filters
    from engine.surge import backtest as past

    settings = load_settings(config, data_dir=data_dir)
    start, end = _moment("--since", since), _moment("--until", until) if until else datetime.now(UTC)
    truths = past.read_truths(labels) if labels else None
    volumes = open_reader(f"{settings.zones_uri.rstrip('/')}/serving", "volumes", settings.storage_options)
    where = f"bucket >= {filters.moment(past.reads_from(start))} AND bucket < {filters.moment(end)}"
    rows = volumes.search().where(where).select(["segment", "bucket", "count"]).limit(2**31 - 1).to_arrow()
    with notes().status("judging"):
        done = past.run(rows, start, end, settings.surge)
    report: dict[str, Any] = {
        "incidents": [past.public(one) for one in done.incidents],
        "since": start.isoformat(),
        "until": end.isoformat(),
        "segments": len(done.counts.segments) if done.counts else 0,
        "buckets": len(done.counts.counts) if done.counts else 0,
    }
    if truths is not None:
        report["labels"] = past.held_against(done.incidents, truths)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "backtest.json").write_text(json.dumps(report, indent=1))
        _plot(done, out / "backtest.html")
    if as_json:
        emit(report)
        return
    columns = ["detected_at", "segment", "observed", "expected", "started_at", "ended_at", "incident_id"]
    table(None, columns, [[one[name] for name in columns] for one in report["incidents"]])
    notes().print(
        f"[dim]{len(done.incidents)} incidents; {report['segments']:,} segments, {report['buckets']:,} buckets "
        f"of {settings.surge.bucket_s} s[/]"
    )
    if truths is not None:
        against = report["labels"]
        delay = against["median_delay_s"]
        told = "" if delay is None else f", half of them within {delay / 3600:.1f} h"
        notes().print(f"{against['found']} of {against['surges']} known surges found{told}")
        notes().print(f"{against['false_alarms']} false alarms")


def _moment(name: str, value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value[:40]!r}: expected a time in RFC 3339", param_hint=name) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


#: Incidents whose counts are drawn.
_DRAWN = 12


def _plot(done: Any, path: Path) -> None:
    """Counts and what was expected of the incidents' segments, as a page that needs no network."""
    import plotly.graph_objects as go  # type: ignore[import-untyped]

    figure = go.Figure()
    largest = sorted(done.incidents, key=lambda one: one.expected - one.observed)[:_DRAWN]
    for segment in dict.fromkeys(one.segment for one in largest):
        column = done.counts.column(segment)
        times = [done.counts.time(n) for n in range(len(done.counts.counts))]
        figure.add_scatter(x=times, y=done.counts.counts[:, column], name=segment, mode="lines")
        figure.add_scatter(x=times, y=done.found.expected[:, column], name=f"{segment}, expected", line_dash="dot")
    for one in largest:
        figure.add_vline(x=one.detected_at.timestamp() * 1000, line_dash="dash", opacity=0.5)
    figure.update_layout(title="Complaints a bucket, and when incidents were detected", template="plotly_white")
    figure.write_html(path, include_plotlyjs=True)
