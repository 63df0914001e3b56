"""The versions of the taxonomy that an installation went through, kept as files in its data folder.

The configured file is the first version. Each change that was applied stands in `<data>/taxonomies/<name>/` as
`<version>.json`: the change, how far it is, and the shares that were measured.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from connectors.errors import Terminal
from models.crosswalk import Crosswalk, compose, reverse, same
from models.taxonomy import Taxonomy, TaxonomyError
from models.taxonomy_change import Change, Step, apply_change

#: Scored beside what is visible; visible, and past rows go over; all done.
SCORING, LIVE, DONE = "scoring", "live", "done"


class BadChange(Terminal):
    """A change of the taxonomy that cannot be used."""


class NoVersion(Terminal):
    """The taxonomy has no such version."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A change and how far its application is.

    Attributes:
        data: the change as its file held it.
        step: the version that it makes and the crosswalk to it, with measured shares once it is live.
        state: scoring, live or done.
        about: what is kept beside it: `counts` of each old id before it, `shares` of each split as measured,
            and the times `started_at`, `live_at`, `done_at`.
    """

    data: Mapping[str, Any]
    step: Step
    state: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def back(self) -> Crosswalk:
        """The way back, by the counts before it."""
        return reverse(self.step.crosswalk, self.about.get("counts", {}), self.step.formerly)


@dataclass(frozen=True, slots=True)
class Lineage:
    """All versions of one taxonomy, in order."""

    base: Taxonomy
    applied: tuple[Applied, ...]

    @property
    def live(self) -> tuple[Applied, ...]:
        """Changes that new complaints are classified by."""
        return tuple(one for one in self.applied if one.state != SCORING)

    @property
    def current(self) -> Taxonomy:
        """The version that new complaints are classified by."""
        return self.live[-1].step.taxonomy if self.live else self.base

    @property
    def pending(self) -> Applied | None:
        """The change whose application is not done."""
        return next((one for one in self.applied if one.state != DONE), None)

    @property
    def versions(self) -> list[str]:
        """Their names, the oldest first; one that is only scored yet is not among them."""
        return [self.base.version, *(one.step.taxonomy.version for one in self.live)]

    @property
    def given_up(self) -> frozenset[str]:
        """Leaf ids of earlier versions that are no more."""
        trees = [self.base, *(one.step.taxonomy for one in self.applied)]
        ever = {leaf.id for tree in trees for leaf in tree.leaves(retired=True)}
        return frozenset(ever - {leaf.id for leaf in trees[-1].leaves(retired=True)})

    def at(self, version: str | None = None) -> Taxonomy:
        """A version; the current one for None.

        Raises:
            NoVersion: there is none of this name.
        """
        trees = [self.base, *(one.step.taxonomy for one in self.live)]
        return trees[self._place(version)] if version is not None else self.current

    def crosswalk(self, source: str, target: str) -> Crosswalk:
        """From one version to another, forward or back.

        Raises:
            NoVersion: one of them is not there.
        """
        start, end = self._place(source), self._place(target)
        first = same(source, (leaf.id for leaf in self.at(source).leaves(retired=True)))
        if start <= end:
            return reduce(compose, (one.step.crosswalk for one in self.live[start:end]), first)
        return reduce(compose, (one.back for one in reversed(self.live[end:start])), first)

    def steps(self, version: str) -> list[Step]:
        """What came after a version, for translating a classifier of that version to the current one.

        Raises:
            NoVersion: there is none of this name.
        """
        return [one.step for one in self.live[self._place(version) :]]

    def _place(self, version: str) -> int:
        if version not in self.versions:
            raise NoVersion(
                f"taxonomy {self.base.name!r} has no version {version!r}; there are {', '.join(self.versions)}"
            )
        return self.versions.index(version)


def folder_of(data_dir: Path, name: str) -> Path:
    """Where the changes of a taxonomy are kept."""
    return data_dir / "taxonomies" / name


def lineage(base: Taxonomy, data_dir: Path) -> Lineage:
    """The versions from the configured one on.

    Raises:
        BadChange: a file in the data folder cannot be used.
    """
    records = {}
    for path in sorted(folder_of(data_dir, base.name).glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            records[str(record["change"]["from"])] = (path, record)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadChange(
                f"{path}: cannot be read ({type(error).__name__}); put it back from a backup, or take it out and "
                "apply the change again"
            ) from error
    found = Lineage(base, ())
    tree = base
    while tree.version in records:
        path, record = records.pop(tree.version)
        try:
            change = Change.from_dict(record["change"])
            one = Applied(record["change"], apply_change(tree, change, found.given_up), record["state"], record)
            found = replace(found, applied=(*found.applied, _measured(one)))
        except (ValueError, KeyError) as error:
            raise BadChange(
                f"{path}: {error}; the taxonomy below it was edited after the change was applied"
            ) from error
        tree = one.step.taxonomy
    return found


def parse(data: Mapping[str, Any], found: Lineage) -> tuple[Change, Step]:
    """Check a change for the end of the lineage, or as the one that stands there already.

    Raises:
        BadChange: it cannot be applied, or another change made that version.
    """
    try:
        change = Change.from_dict(data)
        for one in found.applied:
            if one.step.taxonomy.version == change.target:
                if Change.from_dict(one.data) != change:
                    raise BadChange(
                        f"version {change.target} of taxonomy {change.taxonomy!r} was made by another change; give "
                        "this one a new version"
                    )
                return change, one.step
        if change.target in (found.base.version, *found.versions):
            raise BadChange(f"version {change.target} is there already, a cycle of versions; give `to` a new one")
        if found.pending is not None:
            pending = found.pending.step.taxonomy.version
            raise BadChange(f"version {pending} is not done; apply that change again, it goes on where it was")
        return change, apply_change(found.current, change, found.given_up)
    except TaxonomyError as error:
        raise BadChange(str(error)) from error


def put(data_dir: Path, one: Applied) -> None:
    """Keep a change and how far it is: on the disk when this returns, whole or not at all."""
    folder = folder_of(data_dir, one.step.taxonomy.name)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{one.step.taxonomy.version}.json"
    temporary = target.with_suffix(".new")
    record = {**one.about, "state": one.state, "change": dict(one.data)}
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(record, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    for place in (folder, folder.parent, data_dir):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _measured(one: Applied) -> Applied:
    """With the shares of splits as they came out."""
    measured = one.about.get("shares") or {}
    walk = one.step.crosswalk
    crosswalk = Crosswalk(walk.source, walk.target, {**walk.shares, **measured})
    return replace(one, step=replace(one.step, crosswalk=crosswalk))
