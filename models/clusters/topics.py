"""Topics: communities of the neighbour graph, begun from those of the run before, and what is left over by density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.clusters.communities import Labels, louvain
from models.clusters.graph import Graph, neighbour_graph

NOISE = -1


@dataclass(frozen=True, slots=True)
class Params:
    """How clusters are found; the defaults were chosen on half of two labelled sets (docs/clusters.md).

    Args:
        neighbours: edges of each text.
        least_similarity: cosine below which no edge is drawn.
        resolution: higher makes more and smaller topics.
        least_size: texts of a cluster at least.
        reluctance: modularity that a topic of the run before must add by falling apart, as a share of its edges'.
    """

    neighbours: int = 15
    least_similarity: float = 0.3
    resolution: float = 3.0
    least_size: int = 10
    reluctance: float = 0.01


def topics(vectors: NDArray[np.float32], params: Params, before: Labels | None = None) -> Labels:
    """The topic of each text, -1 for one that belongs to none.

    Args:
        vectors: (n, d) float32, unit rows of distinct texts, in an order of their own (by a key), on which alone
            the answer depends beside the vectors.
        params: see Params.
        before: (n,) the topic in the run before, -1 where there was none. Topics are kept where they hold: they
            change by moves of single texts, merge where that adds modularity, and part where it adds enough.

    Returns:
        (n,) labels 0, 1, … and -1.
    """
    graph = neighbour_graph(vectors, params.neighbours, params.least_similarity)
    found = louvain(graph, params.resolution)
    if before is not None and (before >= 0).any():
        kept = louvain(graph, params.resolution, _alone_where_new(before))
        found = _parted(graph, kept, found, params)
    return without_small(found, params.least_size)


def without_small(labels: Labels, least: int) -> Labels:
    """Labels of at least so many members, counted anew from 0; the others -1."""
    counts = np.bincount(labels[labels >= 0], minlength=1)
    number = np.where(counts >= least, np.cumsum(counts >= least) - 1, NOISE)
    return np.where(labels >= 0, number[np.maximum(labels, 0)], NOISE)


def dense_groups(vectors: NDArray[np.float32], least_size: int, seed: int = 0) -> Labels:
    """Groups that stand close together among texts that no topic has, -1 for the rest: HDBSCAN.

    Campello, Moulavi and Sander, "Density-based clustering based on hierarchical density estimates", 2013. It runs
    on the first 15 principal components: on 384 dimensions its time grows with the square of the texts.

    Args:
        vectors: (n, d) float32, unit rows of distinct texts.
        least_size: members of a group at least.
    """
    from hdbscan import HDBSCAN

    if len(vectors) < 2 * least_size:
        return np.full(len(vectors), NOISE, np.int64)
    # A lone group among scattered texts is the root of the tree, which is otherwise never taken.
    trees = HDBSCAN(min_cluster_size=least_size, allow_single_cluster=True, core_dist_n_jobs=1)
    found = np.asarray(trees.fit_predict(_components(vectors)), np.int64)
    for label in range(int(found.max(initial=NOISE)) + 1):
        if np.linalg.norm(vectors[found == label].mean(axis=0)) < _DENSE:
            found[found == label] = NOISE
    return without_small(found, least_size)


_COMPONENTS = 15

#: Length of the mean of a group's unit vectors, which is their mean cosine to their centroid.
_DENSE = 0.6


def _components(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    found: NDArray[np.float64] = centred @ axes[:, ::-1][:, :_COMPONENTS]
    return found


def _alone_where_new(before: Labels) -> Labels:
    new = before < 0
    return np.where(new, int(before.max()) + 1 + np.cumsum(new), before)


def _parted(graph: Graph, kept: Labels, fresh: Labels, params: Params) -> Labels:
    """`kept`, its topics parted as in `fresh` where that adds enough modularity."""
    degrees, total = graph.degrees, float(graph.weights.sum())
    out = kept.copy()
    number = int(kept.max(initial=-1)) + 1
    for topic in range(number):
        members = np.flatnonzero(kept == topic)
        parts = _parts(fresh[members], params.least_size)
        if parts is None:
            continue
        gain = _gain_of_parting(graph, degrees, total, members, parts, params.resolution)
        if gain >= params.reluctance * degrees[members].sum() / total:
            # The largest part keeps the name.
            largest = int(np.bincount(parts).argmax())
            out[members] = np.where(parts == largest, topic, number + parts)
            number += int(parts.max()) + 1
    return out


def _parts(labels: Labels, least: int) -> Labels | None:
    """Parts of a topic by the fresh labels; what is too small a part stays with the largest. None: it is one."""
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    large = counts >= max(least, len(labels) // 10)
    if large.sum() < 2:
        return None
    number = np.where(large, np.cumsum(large) - 1, (np.cumsum(large) - 1)[int(counts.argmax())])
    return np.asarray(number[inverse.reshape(labels.shape)], np.int64)


def _gain_of_parting(
    graph: Graph,
    degrees: NDArray[np.float64],
    total: float,
    members: NDArray[np.int64],
    parts: Labels,
    resolution: float,
) -> float:
    place = np.full(graph.size, NOISE, np.int64)
    place[members] = parts
    origins, ends = place[graph.origins], place[graph.ends]
    cut = float(graph.weights[(origins >= 0) & (ends >= 0) & (origins != ends)].sum()) / total
    sums = np.bincount(parts, weights=degrees[members]) / total
    return float(resolution * (sums.sum() ** 2 - (sums**2).sum()) - cut)
