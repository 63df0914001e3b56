"""The dry run of files, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.cli.output import console, emit, progress, table
from engine.cli.unreadable import listed, show_unreadable
from engine.intake.dryrun import DryRun
from engine.intake.envelope import Envelope


def try_files(
    files: Sequence[Path], read: Callable[[Path], Iterator[Envelope]], max_text_chars: int, *, quiet: bool
) -> DryRun:
    """Count what would become of the files' records."""
    tried = DryRun(max_text_chars)
    with progress(len(files), "checking", quiet=quiet) as tell:
        for done, path in enumerate(files, 1):
            tried.file(path.name, read(path))
            tell(done)
    return tried


def show_dry_run(tried: DryRun, unreadable: Mapping[Path, str], *, as_json: bool) -> None:
    """Print what was counted, and the files that could not be read."""
    found = tried.summary() | {"unreadable": listed(unreadable)}
    if as_json:
        emit(found)
        return
    show_unreadable(unreadable)
    console().print(
        f"{found['files']} files, {found['read']:,} records: {found['would_store']:,} would be stored, "
        f"{found['would_dead_letter']:,} dead-lettered, {found['repeated']:,} are repeated, "
        f"{found['would_flag']:,} would lose a value and be flagged. Nothing was sent."
    )
    if found["frozen"]:
        console().print("[bold red]The mapping freezes what these files change: `beejan ingest` would send nothing.[/]")
    for report in found["by_file"]:
        _file(report)
    # A new column that is taken as it is stands in its file's table already.
    told = [r for r in found["rules"] if (r["rule"], r["policy"]) != ("unknown", "evolve")]
    if told:
        rows = [[r["rule"], r["field"], r["policy"], r["count"], r["example"]] for r in told]
        table("Departures from the mapping", ["rule", "field", "what happens", "records", "first one"], rows)
    if found["reasons"]:
        rows = [[r["reason"], r["count"], r["example"]] for r in found["reasons"]]
        table("Would be dead-lettered", ["reason", "records", "first one"], rows)
    if found["flags"]:
        table("Flags", ["flag", "records"], [[name, count] for name, count in found["flags"].items()])


def _file(report: dict[str, Any]) -> None:
    title = (
        f"{report['file']}: {report['records']:,} records, {report['defects']:,} of them unreadable, "
        f"{report['would_dead_letter']:,} would be dead-lettered"
    )
    rows = []
    for name, kinds in report["columns"].items():
        mark = "new" if name in report["new_fields"] else ""
        rows.append([name, ", ".join(f"{kind} {count:,}" for kind, count in kinds.items()), mark])
    rows += [[name, "missing", f"{count:,}"] for name, count in report["missing_fields"].items()]
    table(title, ["column", "values", ""], rows)
