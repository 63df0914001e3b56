"""`beejan taxonomy`: versions of the tree of categories, and changes from one to the next."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from engine.cli.client import Client, EngineAway
from engine.cli.output import CONFIG, DATA, JSON, NotFound, Refused, console, emit, guarded, progress, table

taxonomy = typer.Typer(help="Versions of the tree of categories, and changes of it.", no_args_is_help=True)

#: Past complaints of a split are scored again, and all are written: minutes for millions, s.
_APPLY_PATIENCE_S = 3600.0
_MOST_SEGMENTS = 12

_FILE = typer.Argument(help="A change file, see docs/taxonomy.md.", exists=True, dir_okay=False)
_VERSION = typer.Option("--version", help="Default: the current one.", metavar="VERSION")


@taxonomy.command("show")
@guarded
def show(
    version: Annotated[str | None, _VERSION] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """One version's categories and leaves.

    Example: beejan taxonomy show --version 1
    """
    found = _asked(config_file, data_dir, version or "current", lambda here: here.version(version))
    if as_json:
        emit(found)
        return
    console().print(f"{found['name']} version {found['version']} (versions: {', '.join(found['versions'])})")
    rows = [
        [leaf["id"], leaf["name"], len(leaf["examples"]), "retired" if leaf["retired"] or one["retired"] else ""]
        for one in found["categories"]
        for leaf in one["subcategories"]
    ]
    table(None, ["id", "name", "examples", ""], rows)


@taxonomy.command("crosswalk")
@guarded
def crosswalk(
    source: Annotated[str, typer.Argument(help="The version that ids are of.", metavar="FROM")],
    target: Annotated[str, typer.Argument(help="The version to find them in.", metavar="TO")] = "current",
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """What became of each leaf of a version in another, forward or back.

    Example: beejan taxonomy crosswalk 1 2
    """
    found = _asked(config_file, data_dir, f"{source}/crosswalk", lambda here: here.crosswalk(source, target), to=target)
    rows = [[old, _shares(found["shares"][old])] for old in found["changed"]]
    emit(found) if as_json else table(f"{found['from']} to {found['to']}", ["id", "became"], rows)


@taxonomy.command("trends")
@guarded
def trends(
    by: Annotated[Literal["category", "subcategory"], typer.Option(help="What a series is of.")] = "category",
    version: Annotated[str | None, _VERSION] = None,
    bucket_s: Annotated[int, typer.Option(help="Length of a bucket, s.", min=300)] = 86_400,
    since: Annotated[datetime | None, typer.Option(help="Occurred on this day or later.", formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, typer.Option(help="Occurred before this day.", formats=["%Y-%m-%d"])] = None,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Complaints over time told in one version, whichever they were classified by.

    Example: beejan taxonomy trends --by category --version 1
    """
    times = [day and f"{day:%Y-%m-%d}T00:00:00Z" for day in (since, until)]
    found = _asked(
        config_file,
        data_dir,
        f"{version or 'current'}/trends",
        lambda here: here.trends(version, by, bucket_s, *times),
        by=by,
        bucket_s=bucket_s,
        since=times[0],
        until=times[1],
    )
    emit(found) if as_json else _show_trends(found)


@taxonomy.command("plan")
@guarded
def plan(
    file: Annotated[Path, _FILE],
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """What a change would do: crosswalk, complaints, labels to be redone, breaks in trends. Writes nothing.

    Example: beejan taxonomy plan slow-data.yaml
    """
    from engine.taxonomy.shown import read_change

    change = read_change(file)
    client = _client(config_file, data_dir)
    if client is None:
        found = _Here(config_file, data_dir).plan(change)
    else:
        found = client.post("/v1/taxonomies/changes", {"mode": "plan", "change": change})
    emit(found) if as_json else _show_plan(found)


@taxonomy.command("apply")
@guarded
def apply(
    file: Annotated[Path, _FILE],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: Annotated[Path | None, DATA] = None,
    config_file: Annotated[Path | None, CONFIG] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make a change: score beside what is visible, then take past complaints over. Cut off, it goes on when run again.

    Example: beejan taxonomy apply slow-data.yaml --yes
    """
    from engine.taxonomy.shown import read_change

    change = read_change(file)
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Apply {file.name}?", err=True)):
        raise Refused("nothing was applied; pass --yes to do it, or see `beejan taxonomy plan` first")
    client = _client(config_file, data_dir)
    if client is None:
        found = _Here(config_file, data_dir).apply(change, quiet=as_json)
    else:
        body = {"mode": "apply", "change": change}
        found = client.post("/v1/taxonomies/changes", body, limit_s=_APPLY_PATIENCE_S)
    if as_json:
        emit(found)
        return
    console().print(
        f"{found['taxonomy']} {found['from']} to {found['to']}, {found['state']}: {found['mapped']:,} complaints "
        f"mapped, {found['rescored']:,} scored again, {found['incidents']} incidents renamed."
    )
    if found["shares"]:
        table("splits as measured", ["id", "became"], [[k, _shares(v)] for k, v in found["shares"].items()])


class _Here:
    """The same without an engine, from the data folder."""

    def __init__(self, config: Path | None, data_dir: Path | None) -> None:
        from engine.settings import load_settings

        self._settings = load_settings(config, data_dir=data_dir)

    def _lineage(self) -> Any:
        from engine.curate.context import load_lineage

        return load_lineage(self._settings)

    def version(self, name: str | None) -> dict[str, Any]:
        from engine.taxonomy import shown

        return shown.version(self._lineage(), name)

    def crosswalk(self, source: str, target: str) -> dict[str, Any]:
        from engine.taxonomy import shown

        lineage = self._lineage()
        current = lineage.current.version
        source, target = (current if name == "current" else name for name in (source, target))
        return shown.crosswalk(lineage, source, target)

    def trends(self, name: str | None, by: Any, bucket_s: int, *times: str | None) -> dict[str, Any]:
        from engine.taxonomy import shown
        from engine.taxonomy.stored import Stored

        since, until = (datetime.fromisoformat(one) if one else None for one in times)
        return shown.over_time(Stored.open(self._settings), self._lineage(), name, by, bucket_s, since, until)

    def plan(self, change: dict[str, Any]) -> dict[str, Any]:
        from engine.taxonomy.local import show_plan

        return show_plan(self._settings, change)

    def apply(self, change: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
        from engine.taxonomy.local import apply_here

        with progress(None, "scoring", quiet=quiet) as tell:
            return apply_here(self._settings, change, tell)


def _asked(config: Path | None, data_dir: Path | None, path: str, here: Any, **params: Any) -> dict[str, Any]:
    """From a running engine, or without one.

    Raises:
        NotFound: there is no such version.
    """
    from engine.taxonomy.versions import NoVersion

    client = _client(config, data_dir)
    try:
        found: dict[str, Any] = (
            client.get(f"/v1/taxonomies/{path}", **params) if client else here(_Here(config, data_dir))
        )
    except NoVersion as error:
        raise NotFound(str(error)) from error
    return found


def _client(config: Path | None, data_dir: Path | None) -> Client | None:
    """The way to a running engine; None where none runs."""
    try:
        return Client(config, data_dir)
    except EngineAway:
        return None


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(name if share == 1 else f"{name} {share:.0%}" for name, share in shares.items())


def _show_plan(found: dict[str, Any]) -> None:
    console().print(
        f"{found['taxonomy']} {found['from']} to {found['to']}: {found['affected']:,} of {found['complaints']:,} "
        f"complaints get another leaf, {found['scored_again']:,} of them are scored again."
    )
    for line in found["operations"]:
        console().print(f"  {line}", markup=False)
    names = ["from", "to", "how", "complaints", "labels"]
    rows = [[_shares(row[n]) if n == "to" else row[n] for n in names] for row in found["crosswalk"]]
    table("crosswalk", names, rows)
    names = ["category", "complaints", "affected"]
    table("by category", names, [[row[name] for name in names] for row in found["categories"]])
    redo = sum(found["labels_to_redo"].values())
    console().print(f"labels: {redo:,} to be redone, {found['labels_carried']:,} carried over")
    for what in ("end", "begin"):
        names = found["segments"][what]
        more = f" and {len(names) - _MOST_SEGMENTS} more" if len(names) > _MOST_SEGMENTS else ""
        console().print(f"segments that {what}: {', '.join(names[:_MOST_SEGMENTS]) or 'none'}{more}", markup=False)
    if found["unknown"]:
        console().print(f"{found['unknown']:,} complaints have a leaf that version {found['from']} lacks; they stay")


def _show_trends(found: dict[str, Any]) -> None:
    title = f"{found['taxonomy']} version {found['version']}, complaints by {found['by']}"
    marks = {name: "~" if name in found["estimated"] else "" for name in found["series"]}
    buckets = found["buckets"][-_MOST_SEGMENTS:]
    rows = [
        [name, marks[name], *(f"{count:g}" for count in counts[-_MOST_SEGMENTS:])]
        for name, counts in found["series"].items()
    ]
    table(title, [found["by"], "", *(time[:10] for time in buckets)], rows)
    for one in found["breaks"]:
        ended, begun = (", ".join(one[what]) or "none" for what in ("end", "begin"))
        console().print(
            f"break at {one['at']}: {one['from']} to {one['to']}; end: {ended}; begin: {begun}", markup=False
        )
    if found["estimated"]:
        console().print("~ an estimate: by the shares of a split or merge")
