"""How often the model is right, measured on the audit's labels: complaints that chance has chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

#: 95 % of a normal distribution.
_Z = 1.959964


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share: Wilson (1927), Probable inference, eq. for p; (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    share, z2 = right / of, _Z * _Z
    centre = share + z2 / (2 * of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = (centre - half) / (1 + z2 / of), (centre + half) / (1 + z2 / of)
    return max(0.0, low), min(1.0, high)


def accuracy(
    audited: Iterable[Mapping[str, Any]], served: Mapping[str, Mapping[str, Any]], known: Iterable[str]
) -> dict[str, Any]:
    """The share of audited complaints that the model in service places right.

    Args:
        audited: current labels of the kind audit.
        served: by event id category, subcategory and classifier_version of what is served; the newest version among
            `scored_at` is the one that is judged.
        known: labels of the taxonomy as it is.

    Returns:
        classifier_version; category and leaf, each with right, of, share and the 95 % interval low and high (share is
        None of nothing); outdated: labels that are no longer in the taxonomy; gone: those whose complaint is not
        served; other_version: those that another version has placed.
    """
    live = set(known)
    scored = [row for row in served.values() if row["scored_at"] is not None]
    version = max(scored, key=lambda row: row["scored_at"], default={}).get("classifier_version")
    counts = {"outdated": 0, "gone": 0, "other_version": 0}
    hits: dict[str, list[bool]] = {"category": [], "leaf": []}
    for label in audited:
        row = served.get(label["event_id"])
        if not set(label["labels"]) <= live:
            counts["outdated"] += 1
        elif row is None:
            counts["gone"] += 1
        elif row["classifier_version"] != version:
            counts["other_version"] += 1
        else:
            hits["category"].append(row["category"] in {name.partition(".")[0] for name in label["labels"]})
            if label["subcategory"]:
                hits["leaf"].append(row["subcategory"] in label["labels"])
    return {"classifier_version": version} | {name: _share(found) for name, found in hits.items()} | counts


def _share(found: list[bool]) -> dict[str, Any]:
    low, high = wilson(sum(found), len(found))
    return {
        "right": sum(found),
        "of": len(found),
        "share": round(sum(found) / len(found), 4) if found else None,
        "low": round(low, 4),
        "high": round(high, 4),
    }
