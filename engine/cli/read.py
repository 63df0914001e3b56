"""Commands that read: search, show, alerts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from connectors.errors import BeejanError, Transient
from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, notes, table

alerts = typer.Typer(help="The alert feed.", no_args_is_help=True)

Many = Annotated[list[str] | None, typer.Option(help="May be given several times.")]


@guarded
def search(
    text: Annotated[str, typer.Argument(help='What to look for; "" lists the newest.')],
    mode: Annotated[str, typer.Option(help="hybrid, vector or text.")] = "hybrid",
    channel: Many = None,
    source: Many = None,
    category: Many = None,
    subcategory: Many = None,
    region: Many = None,
    product: Many = None,
    priority: Many = None,
    language: Many = None,
    cluster: Many = None,
    customer: Many = None,
    folded: Annotated[bool, typer.Option("--folded", help="Without copies of a text.")] = False,
    since: Annotated[str | None, typer.Option(help="RFC 3339, included.")] = None,
    until: Annotated[str | None, typer.Option(help="RFC 3339, not included.")] = None,
    limit: Annotated[int, typer.Option(help="Hits at most.", min=1, max=200)] = 10,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Search complaints by meaning and words.

    "a phrase" in quotes and +word must be in every hit, -word in none; a word that no complaint has is looked for in
    the nearest spelling that some have.

    Example: beejan search "they lost my luggage" --priority P1 --priority P2 --limit 5
    """
    if mode not in ("hybrid", "vector", "text"):
        raise typer.BadParameter(f"{mode!r}: expected hybrid, vector or text", param_hint="--mode")
    found = Client(config, data_dir).get(
        "/v1/search", q=text, mode=mode, channel=channel, source=source, category=category, subcategory=subcategory,
        region=region, product=product, priority=priority, language=language, cluster=cluster, customer=customer,
        duplicates="folded" if folded else None, since=since, until=until, limit=limit, cursor=cursor,
    )  # fmt: skip
    if as_json:
        emit(found)
        return
    if found["corrected"]:
        said = ", ".join(f"{right} for {wrong}" for wrong, right in found["corrected"].items())
        notes().print(f"[dim]looked for {escape(said)}[/]")
    if not found["hits"]:
        console().print("nothing found")
    for hit in found["hits"]:
        score = f"{hit['score']:.3f}" if hit["score"] is not None else "     "
        facts = " · ".join(str(hit[k]) for k in ("priority", "category", "channel", "region", "occurred_at") if hit[k])
        marked = ((" ".join(part["text"].split("\n")), part["match"]) for part in hit["snippet"])
        shown = "".join(f"[bold yellow]{escape(text)}[/]" if match else escape(text) for text, match in marked)
        console().print(f"[bold]{score}[/]  {shown}")
        console().print(f"       [dim]{escape(facts)} · {hit['event_id'][:12]} · {escape('; '.join(hit['why']))}[/]")
    total = f"{found['total']}{' or more' if found['more'] else ''}"
    notes().print(f"[dim]{len(found['hits'])} of {total} in {found['seconds'] * 1000:.0f} ms[/]")


@guarded
def similar(
    event_id: Annotated[str, typer.Argument(help="The id, or the beginning of it (8 digits or more).")],
    relation: Annotated[
        str | None, typer.Option(help="These alone: probable_duplicate, same_incident, same_customer, same_topic.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Complaints at most.", min=1, max=200)] = 20,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Complaints like one complaint: probable duplicates, of the same incident, the same customer, the same topic.

    Example: beejan similar 3f2a91c04b7d --relation same_incident
    """
    found = Client(config, data_dir).get(f"/v1/complaints/{event_id}/similar", relation=relation, limit=limit)
    if as_json:
        emit(found)
        return
    rows = [
        [
            one["relation"].replace("_", " "),
            "; ".join(one["why"]),
            one["event_id"][:12],
            " ".join(one["text"].split())[:120],
        ]
        for one in found["similar"]
    ]
    table(None, ["relation", "why", "id", "text"], rows)
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found["counts"].items())
    notes().print(f"[dim]{counts}[/]")


def _line_of(text: str) -> str:
    return " ".join(text.split())[:120]


@guarded
def show(
    event_id: Annotated[str, typer.Argument(help="The id, or the beginning of it (8 digits or more).")],
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show one complaint with its reasons.

    Example: beejan show 3f2a91c04b7d
    """
    row = Client(config, data_dir).get(f"/v1/complaints/{event_id}")
    if as_json:
        emit(row)
        return
    console().print(row["text"], markup=False)
    rows = [[name, _joined(v)] for name, v in row.items() if name not in _NOT_FACTS]
    table(None, ["", ""], [r for r in rows if r[1] not in (None, "")])
    if row["kept"]:
        table("Kept by the mapping", ["field", "value"], [[name, value] for name, value in row["kept"].items()])


def _joined(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{count} {kind}" for kind, count in value.items())
    return "; ".join(value) if isinstance(value, list) else value


_NOT_FACTS = ("text", "search_text", "text_hash", "kept")


@guarded
def trace(
    event_id: Annotated[str, typer.Argument(help="The id, or the beginning of it (8 digits or more).")],
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show a complaint's passport: what every stage made of it, where it was counted, which incidents it fed.

    Example: beejan trace 3f2a91c04b7d
    """
    found = Client(config, data_dir).get(f"/v1/complaints/{event_id}/trace")
    if as_json:
        emit(found)
        return
    console().print(f"[bold]{found['event_id']}[/]  {found['state']}")
    table("Received", ["", ""], [[k, v] for k, v in found["envelope"].items() if v is not None])
    made = [[step["stage"], name, _said(value)] for step in found["steps"] for name, value in step["made"].items()]
    table("Stages", ["stage", "column", "value"], [row for row in made if row[2]])
    copies = found["duplicates"]
    if copies and (copies["kind"] or copies["others"]):
        table(
            "Duplicates", ["event id", "kind", "score"],
            [[copies["head"], "head", None]]
            + [[o["event_id"], o["duplicate_kind"], o["duplicate_score"]] for o in copies["others"]],
        )  # fmt: skip
    if found["incidents"]:
        table(
            "Incidents", ["id", "state", "segment", "started"],
            [[i["incident_id"], i["state"], i["segment"], i["started_at"]] for i in found["incidents"]],
        )  # fmt: skip
    if found["dead_letters"]:
        table(
            "Dead letters", ["attempt", "stage", "reason", "message"],
            [[d["attempt"], d["stage"], d["reason"], d["message"]] for d in found["dead_letters"]],
        )  # fmt: skip


def _said(value: Any) -> str:
    text = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


@alerts.command("list")
@guarded
def list_alerts(
    state: Annotated[list[str] | None, typer.Option(help="new, ongoing, escalating, resolved …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Incidents and emerging clusters, the newest first.

    Example: beejan alerts list --state new --state ongoing
    """
    found = Client(config, data_dir).get("/v1/alerts", state=state, limit=limit)
    if as_json:
        emit(found)
    elif not found["alerts"]:
        console().print("no alerts")
    else:
        columns = ["detected", "severity", "state", "segment", "observed", "expected", "id"]
        table(None, columns, [_line(row) for row in found["alerts"]])


def _line(row: dict[str, Any]) -> list[Any]:
    if row.get("type") == "integrity":
        return [row["at"], "integrity", row["state"], row["kind"], row["count"], row["found"]]
    expected = f"{row['expected']:.1f}"
    return [
        row["detected_at"],
        row["severity"],
        row["state"],
        row["segment"],
        row["observed"],
        expected,
        row["incident_id"],
    ]


@alerts.command()
@guarded
def tail(
    after: Annotated[int | None, typer.Option(help="Replay what came after this event id; 0 is everything.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print alerts as they are raised, until Ctrl-C; a broken connection goes on where it was.

    Example: beejan alerts tail --after 0 --json
    """
    last = after
    while True:
        try:
            for number, event in Client(config, data_dir).events("/v1/alerts/stream", last):
                last = number
                if as_json:
                    emit({"id": number, **event})
                else:
                    console().print("  ".join(str(v) for v in _line(event)), markup=False)
        except KeyboardInterrupt:
            return
        except Transient as error:
            notes().print(f"[dim]{escape(str(error))}; trying again[/]")
            time.sleep(1)
        except BeejanError:
            raise
