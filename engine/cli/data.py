"""Commands that bring complaints in: simulate, ingest, process."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import BeejanError, UnreadableFile
from engine.cli.client import Client
from engine.cli.dryrun import show_dry_run, try_files
from engine.cli.mapping import find_mapping
from engine.cli.output import CONFIG, DATA, JSON, console, emit, guarded, notes, progress, table
from engine.cli.unreadable import fail_on, listed, noting, show_unreadable
from engine.intake.envelope import CHANNELS, Envelope
from engine.settings import load_settings


@guarded
def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs.", metavar="PATH…")],
    channel: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(CHANNELS)}; default: the mapping's, or file.")
    ] = None,
    mapping: Annotated[str | None, typer.Option(help="Mapping file, or a name in configs/mappings.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the source; default: the mapping's, or the file's name.")
    ] = None,
    wait_: Annotated[bool, typer.Option("--wait", help="Return when all are searchable or dead-lettered.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, send nothing.")] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Longest wait with --wait, s.", min=1)] = 3600,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Send files to the running engine; the same file sent again stores nothing twice.

    A file that cannot be read is told with its reason and the others are sent; the exit code is then 1.

    Example: beejan ingest complaints.csv --channel call_center --mapping configs/mappings/comcast.yaml --wait
    """
    from connectors.files.discover import discover
    from connectors.files.records import Limits
    from engine.intake import direct
    from engine.intake import ingest as sending
    from engine.intake.contract import Reader
    from engine.intake.files import FileSource, envelopes

    if channel is not None and channel not in CHANNELS:
        raise typer.BadParameter(f"{channel!r}: expected one of {', '.join(CHANNELS)}", param_hint="--channel")
    chosen = find_mapping(mapping) if mapping else None
    settings = load_settings(config, data_dir=data_dir)
    limits = Limits(max_record_bytes=settings.intake.max_complaint_bytes)
    files, now = discover(paths), datetime.now(UTC)
    unreadable: dict[Path, str] = {}

    def read(path: Path) -> Iterator[Envelope]:
        name = source or (chosen.source if chosen else None) or path.name.split(".")[0]
        where = channel or (chosen.channel if chosen else None) or "file"
        return noting(unreadable, path, envelopes(path, FileSource(where, name, chosen), now, limits))

    if dry_run or (chosen and Reader(chosen).freezes):
        tried = try_files(files, read, settings.intake.max_text_chars, quiet=as_json)
        if dry_run:
            show_dry_run(tried, unreadable, as_json=as_json)
            fail_on(unreadable)
            return
        tried.refuse_frozen()
    client = Client(config, data_dir)
    with (
        progress(None, "sending", quiet=as_json) as tell,
        direct.opened(settings.data_dir, client.local) as publisher,
    ):
        report = sending.send(client, (one for path in files for one in read(path)), tell, publisher)
    if not as_json:
        show_unreadable(unreadable)
    if wait_:
        with progress(len(report.pending), "processing", quiet=as_json) as tell:
            sending.wait(client, report, timeout_s, tell)
    if as_json:
        emit(report.public() | {"unreadable": listed(unreadable)})
        fail_on(unreadable)
        return
    console().print(f"read {report.read:,}: {report.accepted:,} accepted, {report.duplicates:,} duplicates")
    if wait_:
        console().print(f"stored {report.stored:,}, dead-lettered {report.dead_lettered:,}, in {report.seconds:.1f} s")
        if report.dead_lettered:
            console().print("See `beejan dlq list` for the reasons.")
    else:
        console().print("They are safe in the stream; `beejan status` shows what waits.")
    fail_on(unreadable)


@guarded
def simulate(
    rows: Annotated[int, typer.Option(help="How many complaints.", min=1)] = 1000,
    days: Annotated[float, typer.Option(help="Over how many days up to now.", min=0.01)] = 7,
    seed: Annotated[int, typer.Option(help="The same seed and time give the same complaints.")] = 1,
    until: Annotated[str | None, typer.Option(help="Where the days end, RFC 3339; default now.")] = None,
    outage: Annotated[
        str | None, typer.Option(help="Plant network.outage in this region in the last 40 minutes.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write files and truth.jsonl here.", metavar="DIR")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Send them to the running engine.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Write or publish realistic complaints with known truth.

    Example: beejan simulate --rows 2000 --seed 7 --outage Lagos --out simulated
    """
    from engine.cli.replay import to_envelope
    from engine.intake.ingest import send, wait
    from engine.simulate.generate import Outage, generate
    from engine.simulate.write import write

    if out is None and not publish:
        raise typer.BadParameter("choose --out DIR, --publish, or both", param_hint="--out")
    end = datetime.fromisoformat(until).astimezone(UTC) if until else datetime.now(UTC)
    begin = end - timedelta(minutes=40)
    planted = [Outage("planted", "network.outage", outage, begin, end, max(20, rows // 20))] if outage else []
    complaints = generate(rows, seed=seed, start=end - timedelta(days=days), end=end, outages=planted)
    summary: dict[str, Any] = {"rows": len(complaints)}
    if out is not None:
        summary["files"] = write(complaints, out)
    if publish:
        client, now = Client(config, data_dir), datetime.now(UTC)
        with progress(len(complaints), "sending", quiet=as_json) as tell:
            report = send(client, [to_envelope(c, now) for c in complaints], tell)
        with progress(len(report.pending), "processing", quiet=as_json) as tell:
            summary |= wait(client, report, 3600, tell).public()
    if as_json:
        emit(summary)
        return
    console().print(", ".join(f"{name} {value}" for name, value in summary.items() if name != "files"))
    if out is not None:
        table(str(out), ["file", "rows"], [[name, n] for name, n in summary["files"].items()])


@guarded
def process(
    file: Annotated[
        str, typer.Argument(help="csv, jsonl, or a text a line; - reads standard input.", metavar="FILE|-")
    ],
    text_column: Annotated[str, typer.Option(help="Column or key that holds the text.")] = "text",
    model: Annotated[
        str | None, typer.Option(help="Classify by this model of the registry.", metavar="NAME[@VERSION]")
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="Also write the vectors here, float32.", metavar="OUT.npy")
    ] = None,
    config: Annotated[Path | None, CONFIG] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run texts through the stages without storing anything.

    Example: echo "no network since morning, call 08031234567" | beejan process -
    """
    import numpy as np

    from engine.curate.local import process_texts
    from engine.registry.load import chosen

    texts = _texts(file, text_column)
    settings = load_settings(config, data_dir=data_dir)
    named = None if model is None else chosen(settings, model)
    parts = []
    with progress(len(texts), "processing", quiet=as_json or len(texts) < 50) as tell:
        for done, (rows, found) in enumerate(process_texts(texts, settings, model=named), 1):
            parts.append(found)
            tell(min(done * 256, len(texts)))
            for row in rows:
                if as_json:
                    emit(row)
                elif "error" in row:
                    notes().print(f"[red]{row['error']['reason']}[/] {row['error']['message']}", markup=True)
                else:
                    console().print(
                        f"{row['priority']}  {row['category']:<34} {row['language']:<4} {row['masked'][:100]}",
                        markup=False,
                    )
    if vectors is not None:
        np.save(vectors, np.concatenate(parts) if parts else np.zeros((0, settings.embed.dimensions), np.float32))


def _texts(file: str, column: str) -> list[str]:
    """The texts of a file, in order.

    Raises:
        UnreadableFile: it is missing, not UTF-8, or has no such column.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFile(
            f"{file}: cannot be read ({error.strerror}); give a file, or - for standard input"
        ) from error
    try:
        whole = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{file}: not UTF-8 at byte {error.start}; convert it first") from error
    if file.endswith(".csv"):
        csv.field_size_limit(10**9)
        rows = list(csv.DictReader(whole.splitlines(keepends=True)))
        return [_cell(file, number, row, column) for number, row in enumerate(rows, 2)]
    if file.endswith((".jsonl", ".ndjson")):
        return [_line(file, number, line, column) for number, line in enumerate(whole.split("\n"), 1) if line.strip()]
    return [line.rstrip("\r") for line in whole.split("\n") if line.strip()]


def _cell(file: str, number: int, row: dict[str, Any], column: str) -> str:
    if column not in row:
        raise UnreadableFile(f"{file}: no column {column!r}; it has {', '.join(map(str, row))}. Give --text-column")
    if row[column] is None:
        raise UnreadableFile(f"{file}, row {number}: too few cells for column {column!r}")
    return str(row[column])


def _line(file: str, number: int, line: str, column: str) -> str:
    try:
        value = json.loads(line)
        return value if isinstance(value, str) else str(value[column])
    except (ValueError, KeyError, TypeError) as error:
        raise BeejanError(
            f"{file}, line {number}: expected a JSON object with {column!r} ({type(error).__name__})"
        ) from error
