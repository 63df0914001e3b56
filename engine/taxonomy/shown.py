"""Versions of the taxonomy and the ways between them, for the command and the API."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from engine.store import filters
from engine.taxonomy.stored import Stored
from engine.taxonomy.trends import By, trends
from engine.taxonomy.versions import BadChange, Lineage
from models.taxonomy import to_dict


def read_change(path: Path) -> dict[str, Any]:
    """What a change file holds.

    Raises:
        BadChange: it cannot be read, or holds no keys and values.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadChange(
            f"{path}: cannot be read ({type(error).__name__}); see docs/taxonomy.md for an example"
        ) from error
    if not isinstance(found, dict):
        raise BadChange(f"{path}: expected keys and values: taxonomy, from, to, operations; see docs/taxonomy.md")
    return found


def listed(lineage: Lineage) -> dict[str, Any]:
    """Every version, the oldest first; one whose change is only scored yet has that state."""
    first = {"version": lineage.base.version, "from": None, "state": "done", "note": "", "live_at": None}
    later = [
        {
            "version": one.step.taxonomy.version,
            "from": one.step.crosswalk.source,
            "state": one.state,
            "note": one.data.get("note", ""),
            "live_at": one.about.get("live_at"),
        }
        for one in lineage.applied
    ]
    return {"taxonomy": lineage.base.name, "current": lineage.current.version, "versions": [first, *later]}


def version(lineage: Lineage, name: str | None) -> dict[str, Any]:
    """One version's tree; the current one for None.

    Raises:
        NoVersion: there is none of this name.
    """
    return to_dict(lineage.at(name)) | {"current": lineage.current.version, "versions": lineage.versions}


def crosswalk(lineage: Lineage, source: str, target: str | None) -> dict[str, Any]:
    """What became of each leaf of a version in another; the current one for None.

    Raises:
        NoVersion: there is none of this name.
    """
    found = lineage.crosswalk(source, target if target is not None else lineage.current.version)
    return {
        "taxonomy": lineage.base.name,
        "from": found.source,
        "to": found.target,
        "shares": {old: dict(new) for old, new in found.shares.items()},
        "changed": sorted(found.changed),
        "estimated": sorted(found.estimated),
    }


def over_time(
    stored: Stored,
    lineage: Lineage,
    name: str | None,
    by: By,
    bucket_s: int,
    since: datetime | None,
    until: datetime | None,
) -> dict[str, Any]:
    """Trends of what is stored; see engine.taxonomy.trends.

    Raises:
        NoVersion: there is none of this name.
    """
    rows = stored.all(["taxonomy_version", "subcategory", "occurred_at"], filters.where({}, since, until))
    return trends(rows, lineage, lineage.at(name).version, by, bucket_s)
