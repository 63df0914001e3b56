"""`beejan saved`: searches that new complaints are held against."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from connectors.errors import Transient
from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, notes, table

saved = typer.Typer(help="Saved searches: new complaints that match are told.", no_args_is_help=True)

Filters = Annotated[
    list[str] | None, typer.Option("--filter", help="COLUMN=VALUE, e.g. channel=sms; several times.", metavar="C=V")
]
Cutoff = Annotated[float | None, typer.Option(help="Least cosine; default: above what is unrelated.")]
Mode = Annotated[str, typer.Option(help="hybrid or vector: by meaning; text: every word must be there.")]
Folded = Annotated[bool, typer.Option("--folded", help="Copies of a text do not match.")]


def _asked(text: str, mode: str, given: list[str] | None, folded: bool, cutoff: float | None) -> dict[str, Any]:
    filters: dict[str, list[str]] = {}
    for one in given or []:
        column, sign, value = one.partition("=")
        if not sign:
            raise typer.BadParameter(f"{one!r}: expected COLUMN=VALUE", param_hint="--filter")
        filters.setdefault(column, []).append(value)
    duplicates = "folded" if folded else "all"
    return {"q": text, "mode": mode, "filters": filters, "duplicates": duplicates, "cutoff": cutoff}


@saved.command()
@guarded
def add(
    name: Annotated[str, typer.Argument(help="For people.")],
    text: Annotated[str, typer.Argument(help="What to look for; without, the filters alone.")] = "",
    mode: Mode = "hybrid",
    filter: Filters = None,
    folded: Folded = False,
    cutoff: Cutoff = None,
    webhook: Annotated[str | None, typer.Option(help="Where matches are sent, signed.", metavar="URL")] = None,
    digest_s: Annotated[float, typer.Option(help="Send together, at most this often, s; 0: at once.", min=0)] = 0,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Save a search.

    Example: beejan saved add "lost luggage" "they lost my luggage" --filter channel=sms
    """
    wanted = _asked(text, mode, filter, folded, cutoff) | {"name": name, "webhook": webhook, "digest_s": digest_s}
    found = Client(config, data_dir).post("/v1/saved-searches", wanted)
    if as_json:
        emit(found)
        return
    console().print(f"{found['search_id']}  cut-off {found['cutoff']:.2f}", markup=False)
    if "secret" in found:
        notes().print(f"its calls are signed with {found['secret']}, which is told this once", markup=False)


@saved.command()
@guarded
def preview(
    text: Annotated[str, typer.Argument(help="What to look for; without, the filters alone.")] = "",
    days: Annotated[int, typer.Option(help="How far back.", min=1, max=366)] = 30,
    mode: Mode = "hybrid",
    filter: Filters = None,
    folded: Folded = False,
    cutoff: Cutoff = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Tell what a search would have matched in the past days, before saving it.

    Example: beejan saved preview "they lost my luggage" --days 30
    """
    wanted = _asked(text, mode, filter, folded, cutoff) | {"days": days}
    found = Client(config, data_dir).post("/v1/saved-searches/preview", wanted, limit_s=300)
    if as_json:
        emit(found)
        return
    table(None, ["day", "matches"], [[day, count] for day, count in found["by_day"].items()])
    least = "at least " if found["more"] else ""
    notes().print(f"would have matched {least}{found['matches']} in {days} days, cut-off {found['cutoff']:.2f}")


@saved.command("list")
@guarded
def list_saved(
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """List saved searches.

    Example: beejan saved list --json
    """
    found = Client(config, data_dir).get("/v1/saved-searches")
    if as_json:
        emit(found)
        return
    rows = [[s["search_id"], s["name"], s["query"], s["cutoff"], s["webhook"]] for s in found["saved_searches"]]
    table(None, ["id", "name", "query", "cut-off", "webhook"], rows)


@saved.command()
@guarded
def matches(
    search_id: Annotated[str, typer.Argument(help="Its id.")],
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """List what a saved search has matched, the newest first.

    Example: beejan saved matches 3f2a91c04b7d5e60
    """
    found = Client(config, data_dir).get(f"/v1/saved-searches/{search_id}/matches", limit=limit)
    if as_json:
        emit(found)
        return
    table(None, ["matched", "score", "event id", "category"],
          [[m["matched_at"], m["score"], m["event_id"][:12], m["category"]] for m in found["matches"]])  # fmt: skip


@saved.command()
@guarded
def remove(
    search_id: Annotated[str, typer.Argument(help="Its id.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Remove a saved search and what it matched.

    Example: beejan saved remove 3f2a91c04b7d5e60
    """
    found = Client(config, data_dir).delete(f"/v1/saved-searches/{search_id}")
    if as_json:
        emit(found)
    else:
        notes().print(f"removed {search_id}", markup=False)


@saved.command()
@guarded
def tail(
    after: Annotated[int | None, typer.Option(help="Replay what came after this event id; 0 is everything.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print matches as they are found, until Ctrl-C; a broken connection goes on where it was.

    Example: beejan saved tail --after 0 --json
    """
    last = after
    while True:
        try:
            for number, event in Client(config, data_dir).events("/v1/saved-searches/stream", last):
                last = number
                if as_json:
                    emit({"seq": number, **event})
                else:
                    console().print(f"{event['name']}  {event['score']}  {event['event_id'][:12]}", markup=False)
        except KeyboardInterrupt:
            return
        except Transient as error:
            notes().print(f"[dim]{escape(str(error))}; trying again[/]")
            time.sleep(1)
