"""Stored labels of any version told in the current one, for training and for what is to be labelled again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.taxonomy.versions import Lineage
from models.crosswalk import Crosswalk


def carried_labels(
    rows: Iterable[dict[str, Any]], lineage: Lineage
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Labels as they read in the current version, and those that say nothing in it any more.

    A label holds through rename, merge and move. One of a leaf that was split or retired is to be redone. Labels of
    ids that are of no version of this taxonomy stay as they are.

    Args:
        rows: of governance.labels: `labels`, the first the main one, and `taxonomy_version`.

    Returns:
        (rows in the current version, rows to be redone as they were).
    """
    prefix = f"{lineage.base.name}/"
    current = lineage.current
    live = {leaf.id for leaf in current.leaves()} | {leaf.category for leaf in current.leaves()}
    walks = {prefix + version: lineage.crosswalk(version, current.version) for version in lineage.versions}
    holding, redo = [], []
    for row in rows:
        walk = walks.get(row["taxonomy_version"])
        if walk is None:
            holding.append(row)
            continue
        labels = [_told(label, walk) for label in row["labels"]]
        if all(label is not None and (label in live or label not in _ids(walk)) for label in labels):
            distinct = list(dict.fromkeys(label for label in labels if label is not None))
            holding.append(row | _named(distinct) | {"taxonomy_version": prefix + current.version})
        else:
            redo.append(row)
    return holding, redo


def _told(label: str, walk: Crosswalk) -> str | None:
    """A leaf or category afterwards; None where it was divided."""
    if label in walk.shares:
        return walk.one(label)
    became = {
        new.partition(".")[0]
        for leaf, shares in walk.shares.items()
        if leaf.partition(".")[0] == label
        for new in shares
    }
    if label in became or not became:
        return label
    return became.pop() if len(became) == 1 else None


def _ids(walk: Crosswalk) -> set[str]:
    """Leaves and categories after a crosswalk: what is not among them was never an id of this taxonomy."""
    leaves = {new for shares in walk.shares.values() for new in shares}
    return leaves | {leaf.partition(".")[0] for leaf in leaves}


def _named(labels: list[str]) -> dict[str, Any]:
    if not labels:
        return {"labels": labels}
    leaf = labels[0] if "." in labels[0] else None
    return {"labels": labels, "category": labels[0].partition(".")[0], "subcategory": leaf}
