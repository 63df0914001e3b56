"""The map of clusters: where each lies, and a sample of complaints about them; see models.clusters.layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.cluster.keep import clusters_of
from engine.registry.shadow import below
from engine.stages.model import vectors_of
from engine.store import filters
from models.clusters.layout import layout, scatter
from models.clusters.topics import NOISE

#: Complaints on the map; those of the lowest ids, which are hashes, so that most stay from one look to the next.
DOTS = 4_000

_ALL = 2**31 - 1


def chart(complaints: Any, rows: list[dict[str, Any]], most: int = DOTS) -> dict[str, Any]:
    """Positions for the console.

    Args:
        complaints: a reader of serving.complaints.
        rows: of serving.clusters.
        most: complaints on the map, about.

    Returns:
        `clusters`: id, x and y of each active one; `dots`: lists x, y and cluster (-1: none) of the complaints.
    """
    found = clusters_of(rows)
    if found is None:
        return {"clusters": [], "dots": {"x": [], "y": [], "cluster": []}}
    places = layout(found.centroids)
    model, revision = (filters.text(one) for one in found.model)
    where = f"cluster_id IS NOT NULL AND embedding_model = {model} AND embedding_revision = {revision}"
    share = min(1.0, most / max(1, int(complaints.count_rows(where))))
    sampled = f"{where} AND event_id < {filters.text(below(share))}"
    table = complaints.search().where(sampled).select(["event_id", "cluster_id", "vector"]).limit(_ALL).to_arrow()
    table = table.sort_by("event_id")
    ids = np.asarray(table["cluster_id"].to_numpy(), np.int64)
    at = np.clip(np.searchsorted(found.ids, ids), 0, len(found.ids) - 1)
    labels = np.where(found.ids[at] == ids, at, NOISE)
    dots = np.zeros((0, 2), np.float32)
    if len(ids):
        dots = scatter(vectors_of(table["vector"]), labels, found.centroids, places)
    return {
        "clusters": [
            {"cluster_id": int(key), "x": round(float(x), 4), "y": round(float(y), 4)}
            for key, (x, y) in zip(found.ids, places, strict=True)
        ],
        "dots": {
            "x": np.round(dots[:, 0].astype(float), 4).tolist(),
            "y": np.round(dots[:, 1].astype(float), 4).tolist(),
            "cluster": np.where(labels >= 0, ids, NOISE).tolist(),
        },
    }
