"""Clusters as rows of serving.clusters, and back as what assigns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.settings import Settings
from models.clusters.assign import Clusters

#: In the data folder: touched when a clustering has landed, so that the stream takes it.
LANDED = "clusters.landed"

ACTIVE, MERGED, ENDED = "active", "merged", "ended"

#: What happened last to a cluster is kept, so many events.
_EVENTS = 50


def reader(settings: Settings) -> Any:
    """A reader of serving.clusters."""
    return open_reader(f"{settings.zones_uri.rstrip('/')}/serving", "clusters", settings.storage_options)


def load_clusters(settings: Settings) -> Clusters | None:
    """The clusters that new complaints are assigned to; None where there are none yet."""
    try:
        rows = reader(settings).search().where(f"state = '{ACTIVE}'").limit(2**31 - 1).to_list()
    except Transient:  # no writer has made the table yet
        return None
    return clusters_of(rows)


def clusters_of(rows: Sequence[dict[str, Any]]) -> Clusters | None:
    """The active ones of `rows`, those of the newest embedder where there are several; None of none."""
    # After a change of the length of vectors a cluster may have no centroid until it is found anew.
    active = [row for row in rows if row["state"] == ACTIVE and row.get("centroid") is not None]
    if not active:
        return None
    newest = max(active, key=lambda row: (row["updated_at"], row["cluster_id"]))
    model = (newest["embedding_model"], newest["embedding_revision"])
    active = [row for row in active if (row["embedding_model"], row["embedding_revision"]) == model]
    active.sort(key=lambda row: row["cluster_id"])
    return Clusters(
        np.array([row["cluster_id"] for row in active], np.int64),
        np.array([row["centroid"] for row in active], np.float32),
        np.array([row["gate"] for row in active], np.float32),
        model,
    )


def with_event(events: str | None, kind: str, at: datetime, other: int | None = None) -> str:
    """The events of a cluster (JSON) with one more."""
    told: list[dict[str, Any]] = json.loads(events or "[]")
    told.append({"at": at.isoformat().replace("+00:00", "Z"), "event": kind, "other": other})
    return json.dumps(told[-_EVENTS:])
