"""`beejan mapping`: propose, check and list mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.errors import BadMapping, BeejanError
from connectors.mapping import Mapping, load_mapping
from engine.cli.output import CONFIG, DATA, JSON, REFUSED, console, emit, guarded, notes, table
from engine.intake.envelope import CHANNELS
from engine.settings import CONFIGS, load_settings

mapping = typer.Typer(help="Mappings: which column of a source is what.", no_args_is_help=True)

#: Records that a mapping is proposed from.
_SAMPLE = 2000


def find_mapping(given: str) -> Mapping:
    """The mapping of a file, or of a name in configs/mappings.

    Raises:
        BadMapping: there is none, or it is wrong.
    """
    path = Path(given)
    if not path.exists() and "/" not in given:
        path = CONFIGS / "mappings" / f"{given.removesuffix('.yaml')}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in (CONFIGS / "mappings").glob("*.yaml")))
        raise BadMapping(f"mapping {given}: no such file; shipped ones: {known}")
    return load_mapping(path)


@mapping.command()
@guarded
def infer(
    file: Annotated[Path, typer.Argument(help="A file of the source.", metavar="FILE")],
    out: Annotated[Path | None, typer.Option("--out", help="Write it here; default: print it.", metavar="F")] = None,
    source: Annotated[str | None, typer.Option(help="Name of the source; default: the file's name.")] = None,
    channel: Annotated[str | None, typer.Option(help=f"One of {', '.join(CHANNELS)}.")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Propose a mapping from the first 2,000 records of a file, with the reason for each field.

    Example: beejan mapping infer complaints.csv --out configs/mappings/complaints.yaml --channel call_center
    """
    from connectors.files.records import records
    from connectors.mapping.infer import Sample, infer, to_yaml

    if channel is not None and channel not in CHANNELS:
        raise typer.BadParameter(f"{channel!r}: expected one of {', '.join(CHANNELS)}", param_hint="--channel")
    sample = Sample()
    for record in records(file):
        if record.content_type == "application/json" and record.defect_code is None:
            sample.add(record.payload)
        if sample.records >= _SAMPLE:
            break
    if not sample.records:
        raise BeejanError(f"{file}: no record with named columns in it; texts a line need no mapping")
    found = infer(sample)
    text = to_yaml(found, source or file.name.split(".")[0], channel)
    if out is not None:
        if out.exists():
            raise BeejanError(f"{out}: exists; give another name with --out, or remove it")
        out.write_text(text, encoding="utf-8")
    if as_json:
        emit({"records": sample.records, "fields": found.fields, "reasons": found.reasons, "yaml": text})
    elif out is None:
        typer.echo(text, nl=False)
    else:
        console().print(f"wrote {out}; read it, then: beejan mapping check {out} {file}", markup=False)
    if "text" not in found.fields:
        notes().print("no column looks like the complaint's words; fill in `text` before you use it")


@mapping.command()
@guarded
def check(
    mapping: Annotated[str, typer.Argument(help="Mapping file, or a name in configs/mappings.", metavar="MAPPING")],
    data: Annotated[list[str] | None, typer.Argument(help="Files, folders or globs.", metavar="[DATA]…")] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Check a mapping, and with files what it would make of them; refuses (4) where it freezes what they change.

    Example: beejan mapping check comcast complaints.csv
    """
    from datetime import UTC, datetime

    from connectors.files.discover import discover
    from connectors.files.records import Limits
    from engine.cli.dryrun import show_dry_run, try_files
    from engine.cli.unreadable import fail_on, noting
    from engine.intake.files import FileSource, envelopes

    found = find_mapping(mapping)
    if not data:
        if as_json:
            emit(found.model_dump(mode="json", exclude_defaults=True))
        else:
            _show(found)
        return
    settings = load_settings(config, data_dir=data_dir)
    limits, now = Limits(max_record_bytes=settings.intake.max_complaint_bytes), datetime.now(UTC)

    unreadable: dict[Path, str] = {}

    def read(path: Path) -> Any:
        name = found.source or path.name.split(".")[0]
        return noting(unreadable, path, envelopes(path, FileSource(found.channel or "file", name, found), now, limits))

    tried = try_files(discover(data), read, settings.intake.max_text_chars, quiet=as_json)
    show_dry_run(tried, unreadable, as_json=as_json)
    if tried.frozen():
        raise typer.Exit(REFUSED)
    fail_on(unreadable)


@mapping.command("list")
@guarded
def list_mappings(as_json: Annotated[bool, JSON] = False) -> None:
    """The mappings in configs/mappings.

    Example: beejan mapping list
    """
    rows: list[dict[str, Any]] = []
    for path in sorted((CONFIGS / "mappings").glob("*.yaml")):
        found = load_mapping(path)
        rows.append(
            {"name": path.stem, "source": found.source, "channel": found.channel, "fields": sorted(found.fields)}
        )
    if as_json:
        emit({"mappings": rows})
        return
    names = ["name", "source", "channel", "fields"]
    table(None, names, [[", ".join(r[n]) if n == "fields" else r[n] for n in names] for r in rows])


def _show(found: Mapping) -> None:
    rows = []
    for name in found.fields:
        column = found.column(name)
        where = " + ".join(column.join) if column.join else " or ".join(column.columns)
        rows.append([name, where, column.type, "required" if column.required else ""])
    rows += [[f"keep: {name}", " or ".join(column.columns), column.type, ""] for name, column in found.kept().items()]
    rows += [[name, f"always {value}", "", ""] for name, value in found.constants.items()]
    table(None, ["field", "from", "type", ""], rows)
