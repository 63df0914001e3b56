"""`beejan label`: what complaints are, said by people, and what to ask them next."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import Terminal
from engine.cli.client import Client
from engine.cli.output import CONFIG, DATA, JSON, Refused, console, emit, guarded, progress, table
from engine.labels.queue import STRATEGIES
from engine.labels.vocabulary import UnknownLabel, check

label = typer.Typer(help="Labels: what to label next, giving labels, and what they say.", no_args_is_help=True)

_CHUNK = 1000
_COLUMNS = ("event_id", "text_hash", "label", "also", "kind", "labeller", "taxonomy_version", "created_at")


class BadLabels(Terminal):
    """A file of labels that cannot be read."""


@label.command("next")
@guarded
def show_next(
    limit: Annotated[int, typer.Option(help="Complaints at most.", min=1, max=200)] = 10,
    strategy: Annotated[str | None, typer.Option(help=f"One alone: {', '.join(STRATEGIES)}.")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """What to label next, and why each.

    Example: beejan label next --limit 5 --strategy uncertain
    """
    if strategy and strategy not in STRATEGIES:
        raise typer.BadParameter(f"{strategy!r}: expected one of {', '.join(STRATEGIES)}", param_hint="--strategy")
    found = Client(config_file, data_dir).get("/v1/labels/next", limit=limit, strategy=strategy)
    if as_json:
        emit(found)
        return
    rows = [[r["event_id"][:12], r["strategy"], r["reason"], _short(r["text"])] for r in found["items"]]
    table(None, ["complaint", "strategy", "why", "text"], rows)


@label.command()
@guarded
def add(
    event_id: Annotated[str, typer.Argument(help="The complaint's id, or at least 8 digits of it.")],
    name: Annotated[str, typer.Argument(metavar="LABEL", help="A category or a leaf of the taxonomy.")],
    also: Annotated[list[str] | None, typer.Option(help="A further label it has.")] = None,
    audit: Annotated[bool, typer.Option("--audit", help="The queue asked for it as the audit's.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="A suspected label was looked at and is right.")] = False,
    alike: Annotated[
        float | None, typer.Option(help="Show complaints without a label whose cosine is at least this.", min=0, max=1)
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Label what --alike shows the same.")] = False,
    limit: Annotated[int, typer.Option(help="Complaints that --alike shows at most.", min=1, max=200)] = 50,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Label a complaint; an older label of it is superseded. An unknown label is refused.

    Example: beejan label add 3f2a91c05be1 network.outage --alike 0.9
    """
    if accept and alike is None:
        raise typer.BadParameter("needs --alike, which says how alike", param_hint="--accept")
    client = Client(config_file, data_dir)
    _check(client, [name, *(also or [])])
    one = {"event_id": event_id, "label": name, "also": also or []}
    found = client.post("/v1/labels", one | {"kind": "audit" if audit else "human", "confirm": confirm})
    near = client.get("/v1/labels/alike", event_id=event_id, least=alike, limit=limit)["items"] if alike else []
    if accept and near:
        same = [one | {"event_id": row["event_id"], "kind": "bulk"} for row in near]
        found["accepted"] = client.post("/v1/labels", {"labels": same})["new"]
    if alike:
        found["alike"] = near
    if as_json:
        emit(found)
        return
    console().print(f"{found['labels'][0]['state']}: {name}")
    if near:
        told = f"{found['accepted']} labelled the same" if accept else "like it, without a label; --accept labels them"
        rows = [[row["event_id"][:12], f"{row['similarity']:.2f}", _short(row["text"])] for row in near]
        table(told, ["complaint", "cosine", "text"], rows)


@label.command()
@guarded
def withdraw(
    event_id: Annotated[str, typer.Argument(help="The complaint's id, or at least 8 digits of it.")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Take a complaint's label back; what it superseded stands again.

    Example: beejan label withdraw 3f2a91c05be1
    """
    found = Client(config_file, data_dir).post("/v1/labels/withdraw", {"event_id": event_id})
    emit(found) if as_json else console().print(f"now: {', '.join(found['labels']) or 'no label'}")


@label.command("withdraw-bulk")
@guarded
def withdraw_bulk(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Take back together what you accepted last with --accept; what was labelled anew since then stays.

    Example: beejan label withdraw-bulk
    """
    found = Client(config_file, data_dir).post("/v1/labels/withdraw-bulk", {})
    emit(found) if as_json else console().print(f"taken back: {found['withdrawn']} labels")


@label.command("import")
@guarded
def import_labels(
    file: Annotated[Path, typer.Argument(help="csv or jsonl with event_id and label, perhaps also (further labels).")],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Keep the labels of a file, as `export` writes it; doing it again changes nothing. Nothing is kept of a file
    with an unknown label; complaints that are not stored are counted and left out.

    Example: beejan label import labels.csv
    """
    rows = list(_read(file))
    client = Client(config_file, data_dir)
    _check(client, [name for row in rows for name in (row["label"], *row["also"])])
    total = {"read": len(rows), "new": 0, "superseded": 0, "unchanged": 0, "unknown": 0}
    with progress(len(rows), "labels", quiet=as_json) as done:
        for start in range(0, len(rows), _CHUNK):
            found = client.post("/v1/labels", {"labels": rows[start : start + _CHUNK]})
            for state in ("new", "superseded", "unchanged", "unknown"):
                total[state] += found[state]
            done(start + _CHUNK)
    emit(total) if as_json else console().print(", ".join(f"{count:,} {name}" for name, count in total.items()))


@label.command("export")
@guarded
def export_labels(
    file: Annotated[Path, typer.Argument(help="csv or jsonl, by its ending.")],
    training: Annotated[bool, typer.Option("--training", help="Without the audit's and copies of them.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Write the current labels to a file; without texts.

    Example: beejan label export labels.csv
    """
    kind = _kind(file)
    client, rows, cursor = Client(config_file, data_dir), [], None
    while True:
        page = client.get("/v1/labels", limit=1000, training=training or None, cursor=cursor)
        rows += page["labels"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    _write(file, kind, rows)
    emit({"written": len(rows)}) if as_json else console().print(f"{len(rows):,} labels in {file}")


@label.command()
@guarded
def stats(
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """How many labels there are of what, and how often the model is right where the audit looked.

    Example: beejan label stats
    """
    found = Client(config_file, data_dir).get("/v1/labels/stats")
    if as_json:
        emit(found)
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in found["by_kind"].items())
    console().print(f"{found['labelled']:,} complaints labelled ({kinds}); {found['suspected']} labels suspected wrong")
    for level in ("category", "leaf"):
        one = found["audit"][level]
        share = (
            "no audit yet" if one["share"] is None else f"{one['share']:.1%} ({one['low']:.1%} to {one['high']:.1%})"
        )
        console().print(f"audit, {level} right: {share}, of {one['of']:,}")
    table(f"taxonomy {found['taxonomy_version']}", ["label", "labels"], [[n, c] for n, c in found["by_label"].items()])


@label.command()
@guarded
def concept(
    name: Annotated[str, typer.Argument(help="What the label would be called: category.leaf.")],
    event_ids: Annotated[list[str], typer.Argument(help="Two examples or more, by id.")],
    limit: Annotated[int, typer.Option(help="Matches to show.", min=0, max=200)] = 20,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """What a label made of a few examples would be and match: an entry for the taxonomy's file; nothing is kept.

    Example: beejan label concept network.esim 3f2a91c05be1 77b1c0a4d2e9
    """
    import yaml

    body = {"name": name, "event_ids": event_ids, "limit": limit}
    found = Client(config_file, data_dir).post("/v1/labels/concept", body)
    if as_json:
        emit(found)
        return
    console().print(yaml.safe_dump([found["proposal"]], sort_keys=False, allow_unicode=True), markup=False)
    share = f"{found['share']:.1%}" if found["share"] is not None else "none"
    console().print(f"From cosine {found['least_cosine']:.2f} it matches {share} of {found['of']:,} complaints.")
    now = ", ".join(f"{leaf} {count}" for leaf, count in list(found["matched_now"].items())[:5])
    rows = [
        [r["event_id"][:12], f"{r['similarity']:.2f}", r["subcategory"], _short(r["text"])] for r in found["matches"]
    ]
    table(f"now called: {now or 'nothing'}", ["complaint", "cosine", "now", "text"], rows)


def _check(client: Client, names: Sequence[str]) -> None:
    try:
        check(names, list(client.get("/v1/labels/stats")["by_label"]))
    except UnknownLabel as error:
        raise Refused(str(error)) from error


def _kind(file: Path) -> str:
    kind = file.suffix.lower()
    if kind not in (".csv", ".jsonl"):
        raise BadLabels(f"{file}: expected a name that ends in .csv or .jsonl")
    return kind


def _read(file: Path) -> Iterator[dict[str, Any]]:
    """Labels as the API takes them; whatever else stands in the file is left out."""
    kind = _kind(file)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream) if kind == ".csv" else (json.loads(line) for line in stream if line.strip())
            for number, row in enumerate(rows, 1):
                if not isinstance(row, dict) or not row.get("event_id") or not row.get("label"):
                    raise BadLabels(f"{file}, record {number}: expected event_id and label; give both, or leave it out")
                also = row.get("also") or []
                yield {
                    "event_id": str(row["event_id"]).strip(),
                    "label": str(row["label"]).strip(),
                    "also": also.split() if isinstance(also, str) else also,
                    # An audit is what this installation's queue has drawn; of another it is a label like any other.
                    "kind": "import",
                }
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise BadLabels(f"{file}: cannot be read ({type(error).__name__}); expected UTF-8 csv or jsonl") from error


def _write(file: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    made = [
        {n: row[n] for n in _COLUMNS if n in row} | {"label": row["labels"][0], "also": row["labels"][1:]}
        for row in rows
    ]
    with file.open("w", encoding="utf-8", newline="") as stream:
        if kind == ".jsonl":
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
            return
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        writer.writerows(row | {"also": " ".join(row["also"])} for row in made)


def _short(text: str | None) -> str:
    flat = " ".join((text or "").split())
    return flat if len(flat) <= 80 else flat[:79] + "…"
