"""Clusters across a change of the embedding model: each keeps its complaints and gets a centroid of new vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.errors import Transient
from engine.cluster.keep import ACTIVE, reader
from engine.settings import Settings
from engine.stages.model import vectors_of
from engine.store.vectors import DUE
from engine.tables import FOLLOWING
from engine.tables import clusters as spec
from models.clusters.assign import of_labels

#: A centroid and its gate are as good from so many complaints of a cluster as from all.
_MOST = 500


def carried(settings: Settings, complaints: Any, model: tuple[str, str]) -> pa.Table | None:
    """Rows of serving.clusters for vectors of the model that follows; None where there are no clusters.

    Args:
        settings: where the tables are.
        complaints: a reader of serving.complaints, whose rows have vectors of both models.
        model: name and revision of the one that follows.
    """
    try:
        rows = reader(settings).search().limit(2**31 - 1).to_list()
    except Transient:  # there is no such table yet
        return None
    if not rows:
        return None
    column = f"vector{FOLLOWING}"
    dimensions = complaints.schema.field(column).type.list_size
    known = [row for row in rows if row["state"] == ACTIVE]
    vectors: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    kept: list[int] = []
    for row in known:
        query = complaints.search().where(f"cluster_id = {int(row['cluster_id'])} AND NOT ({DUE})")
        found = query.select([column]).limit(_MOST).to_arrow()
        if found.num_rows:
            vectors.append(vectors_of(found[column]))
            labels.append(np.full(found.num_rows, len(kept)))
            kept.append(row["cluster_id"])
    made = {}
    if kept:
        clusters = of_labels(np.concatenate(vectors), np.concatenate(labels), model)
        made = {
            key: {
                "centroid": centroid,
                "gate": float(gate),
                "embedding_model": model[0],
                "embedding_revision": model[1],
            }
            for key, centroid, gate in zip(kept, clusters.centroids, clusters.gates, strict=True)
        }
    # One without complaints has no centroid; those of other vectors would not fit.
    whole = [row | made.get(row["cluster_id"], {"centroid": None}) for row in rows]
    return pa.Table.from_pylist(whole, schema=spec(dimensions).schema)
