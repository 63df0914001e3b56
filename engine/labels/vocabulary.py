"""What complaints may be labelled as: the live ids of the taxonomy, categories and leaves.

Errors:
    UnknownLabel (Terminal)   a label that the taxonomy does not have
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from connectors.errors import Terminal
from models.taxonomy import Taxonomy


class UnknownLabel(Terminal):
    """A label that the taxonomy does not have."""


def labels_of(taxonomy: Taxonomy) -> list[str]:
    """Every id a complaint can be labelled with, a category before its leaves."""
    return [
        label
        for category in taxonomy.categories
        if not category.retired
        for label in (category.id, *(leaf.id for leaf in category.subcategories if not leaf.retired))
    ]


def check(labels: Iterable[str], known: Sequence[str]) -> None:
    """Refuse labels that are not known.

    Raises:
        UnknownLabel: one of them is not; the message names the nearest.
    """
    for label in labels:
        if label not in known:
            raise UnknownLabel(
                f"label {label[:80]!r}: not in the taxonomy; nearest: {', '.join(nearest(label, known))}. "
                "See `beejan label stats` for all"
            )


def nearest(label: str, known: Sequence[str]) -> list[str]:
    """Up to three known labels that are written most alike, the nearest first; at least one."""
    leaves: dict[str, list[str]] = {}
    for name in known:
        leaves.setdefault(name.rpartition(".")[2], []).append(name)
    wanted = label.strip().lower().replace(" ", "_").replace("-", "_")
    alike = difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    short = difflib.get_close_matches(wanted.rpartition(".")[2], list(leaves), n=3, cutoff=0.6)
    found = dict.fromkeys([*alike, *(name for leaf in short for name in leaves[leaf])])
    return list(found)[:3] or difflib.get_close_matches(wanted, known, n=1, cutoff=0.0)


def split(label: str) -> tuple[str, str | None]:
    """(category, leaf or None) of a label."""
    return label.partition(".")[0], label if "." in label else None
