"""What a change of the taxonomy would do: crosswalk, complaints, labels to be redone, breaks in trends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine.taxonomy.segments import breaks
from engine.taxonomy.stored import Stored
from engine.taxonomy.versions import Lineage, parse
from models.taxonomy_change import Change, Merge, Move, Rename, Retire, Split, Step


def plan(data: Mapping[str, Any], lineage: Lineage, stored: Stored) -> dict[str, Any]:
    """What `apply` would do, for people and as JSON; nothing is written.

    Raises:
        BadChange: the change cannot be applied.
    """
    change, step = parse(data, lineage)
    version = f"{change.taxonomy}/{change.source}"
    counts, labels = stored.counts(version), stored.labelled(version)
    changed = step.crosswalk.changed
    known = step.crosswalk.shares
    return {
        "taxonomy": change.taxonomy,
        "from": change.source,
        "to": change.target,
        "note": change.note,
        "complaints": sum(counts.values()),
        "unknown": sum(count for leaf, count in counts.items() if leaf not in known),
        "crosswalk": [
            {
                "from": old,
                "to": dict(new),
                "how": "scored again" if old in step.splits else "mapped",
                "complaints": counts.get(old, 0),
                "labels": labels.get(old, 0),
            }
            for old, new in sorted(changed.items())
        ],
        "added": sorted(step.formerly),
        "retired": _retired(step, change),
        "categories": _categories(step, counts),
        "affected": sum(counts.get(old, 0) for old in changed),
        "scored_again": sum(counts.get(old, 0) for old in step.splits),
        "labels_carried": sum(labels.get(old, 0) for old in changed if old not in step.splits),
        "labels_to_redo": {old: labels[old] for old in sorted(step.splits) if old in labels},
        "segments": breaks(stored.segments(), step.crosswalk),
        "operations": [_told(one) for one in change.operations],
    }


def _categories(step: Step, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Complaints of each category that the change touches, and how many of them get another leaf."""
    every = Counter[str]()
    changed = Counter[str]()
    for old, new in step.crosswalk.shares.items():
        every[old.partition(".")[0]] += counts.get(old, 0)
        if set(new) != {old}:
            changed[old.partition(".")[0]] += counts.get(old, 0)
    return [{"category": name, "complaints": every[name], "affected": count} for name, count in sorted(changed.items())]


def _retired(step: Step, change: Change) -> list[str]:
    named = {one.retire for one in change.operations if isinstance(one, Retire)}
    return sorted(leaf.id for leaf in step.taxonomy.leaves(retired=True) if leaf.id in named or leaf.category in named)


def _told(one: Any) -> str:
    match one:
        case Split():
            return f"split {one.split} into {', '.join(one.targets)}; otherwise {one.otherwise}"
        case Merge():
            into = one.into if isinstance(one.into, str) else one.into["id"]
            return f"merge {', '.join(one.merge)} into {into}"
        case Rename():
            said = [f"to {one.to}" if one.to else "", f"name {one.name!r}" if one.name else ""]
            return " ".join(["rename", one.rename, *filter(None, said)])
        case Move():
            return f"move {one.move} to {one.to}"
        case Retire():
            return f"retire {one.retire}"
        case _:
            return f"add {one.add['id']}"
