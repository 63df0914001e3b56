"""What a change of the taxonomy does to the segments that volumes and incidents are of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.surge.incidents import ARCHIVED, OPEN, RESOLVED
from engine.surge.segments import of, parse
from models.crosswalk import Crosswalk


def successors(segment: str, crosswalk: Crosswalk) -> list[str]:
    """The segments that the complaints of a segment are in afterwards; the segment itself where nothing changes.

    A category that some of its leaves stay in is itself, and those that the others go to.
    """
    values = parse(segment)
    leaf, category = values.get("subcategory"), values.get("category")
    if leaf is not None and leaf in crosswalk.shares:
        new = list(crosswalk.shares[leaf])
        return [_named(values | {"subcategory": name}) for name in new]
    leaves = [name for name in crosswalk.shares if category and name.partition(".")[0] == category]
    if leaf is not None or not leaves:
        return [segment]
    categories = dict.fromkeys(new.partition(".")[0] for name in leaves for new in crosswalk.shares[name])
    return [_named(values | {"category": name}) for name in categories]


def _named(values: dict[str, str]) -> str:
    wanted = set(values)
    return next(name for name in of(dict(values)) if set(parse(name)) == wanted)


def breaks(segments: Iterable[str], crosswalk: Crosswalk) -> dict[str, list[str]]:
    """Which of the segments end, and which begin in their place, sorted."""
    present = set(segments)
    after = {segment: successors(segment, crosswalk) for segment in present}
    reached = {name for new in after.values() for name in new}
    return {"end": sorted(present - reached), "begin": sorted(reached - present)}


def carried(incident: dict[str, Any], crosswalk: Crosswalk, now: datetime) -> dict[str, Any] | None:
    """An incident under the names of afterwards; None where nothing changes.

    One whose segment was divided cannot go on: an open one is resolved, and what lasts is alerted anew.
    """
    new = successors(incident["segment"], crosswalk)
    related = list(dict.fromkeys(name for old in incident["related"] or () for name in successors(old, crosswalk)))
    found = dict(incident)
    if len(new) == 1:
        found["segment"] = new[0]
    elif incident["segment"] not in new and incident["state"] in (*OPEN, ARCHIVED):
        found |= {"state": RESOLVED, "ended_at": now}
    if set(related) != set(incident["related"] or ()):
        found["related"] = related
    return found | {"updated_at": now} if found != incident else None
