"""Communities of a graph: Louvain's moves from any start, so that a known partition is kept where it still holds.

Modularity with resolution: Reichardt and Bornholdt, "Statistical mechanics of community detection", 2006. Moves and
aggregation: Blondel et al., "Fast unfolding of communities in large networks", 2008; the queue of nodes whose
neighbourhood changed: Traag, Waltman and van Eck, "From Louvain to Leiden", 2019, section "fast local move".
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from models.clusters.graph import Graph, from_edges

#: A gain of modularity below this is rounding.
_LEAST_GAIN = 1e-12

Labels = NDArray[np.int64]


def louvain(graph: Graph, resolution: float, start: Labels | None = None) -> Labels:
    """A partition to which no move of a node, and no merge of two communities, adds modularity.

    Args:
        graph: what to part.
        resolution: higher makes more and smaller communities.
        start: (n,) a partition to go on from; default: each node alone.

    Returns:
        (n,) labels 0, 1, … in the order of their first nodes. The same graph and start give the same labels.
    """
    labels = _numbered(np.arange(graph.size) if start is None else start)
    labels = _moved(graph, labels, resolution)
    while True:
        small, sums = _aggregated(graph, labels)
        merged = _moved(small, np.arange(small.size), resolution, sums)
        if len(np.unique(merged)) == small.size:
            return labels
        labels = _moved(graph, _numbered(merged[labels]), resolution)


def modularity(graph: Graph, labels: Labels, resolution: float) -> float:
    """Modularity of a partition; 0 of a graph without edges."""
    total = float(graph.weights.sum())
    if total == 0:
        return 0.0
    inside = graph.weights[labels[graph.origins] == labels[graph.ends]].sum()
    sums = np.bincount(labels, weights=graph.degrees)
    return float(inside / total - resolution * ((sums / total) ** 2).sum())


def _moved(graph: Graph, labels: Labels, resolution: float, sums: NDArray[np.float64] | None = None) -> Labels:
    """Move nodes one by one to the neighbouring community that adds most, until none does.

    Args:
        graph: without loops.
        labels: the start.
        resolution: see louvain.
        sums: (n,) degrees, where they are more than the edges say (loops of an aggregated graph).
    """
    degree_of = graph.degrees if sums is None else sums
    total = float(degree_of.sum())
    if total == 0:
        return _numbered(labels)
    # Lists: one number at a time they are several times faster than arrays.
    label, degrees = labels.tolist(), degree_of.tolist()
    community = np.bincount(labels, weights=degree_of, minlength=graph.size).tolist()
    starts, ends, weights = graph.starts.tolist(), graph.ends.tolist(), graph.weights.tolist()
    factor = resolution / total
    queue, waiting = deque(range(graph.size)), [True] * graph.size
    while queue:
        node = queue.popleft()
        waiting[node] = False
        here, degree = label[node], degrees[node]
        links: dict[int, float] = {here: 0.0}
        row = range(starts[node], starts[node + 1])
        for edge in row:
            other = label[ends[edge]]
            links[other] = links.get(other, 0.0) + weights[edge]
        community[here] -= degree
        best, most = here, links[here] - factor * degree * community[here] + _LEAST_GAIN * total
        for other, link in links.items():
            gain = link - factor * degree * community[other]
            if gain > most:
                best, most = other, gain
        community[best] += degree
        if best != here:
            label[node] = best
            for edge in row:
                neighbour = ends[edge]
                if label[neighbour] != best and not waiting[neighbour]:
                    waiting[neighbour] = True
                    queue.append(neighbour)
    return _numbered(np.array(label, np.int64))


def _aggregated(graph: Graph, labels: Labels) -> tuple[Graph, NDArray[np.float64]]:
    """(a node a community, without loops; the degrees with them)."""
    origins, ends = labels[graph.origins], labels[graph.ends]
    between = origins < ends
    size = int(labels.max(initial=-1)) + 1
    small = from_edges(size, origins[between], ends[between], graph.weights[between])
    return small, np.bincount(labels, weights=graph.degrees, minlength=size).astype(np.float64)


def _numbered(labels: Labels) -> Labels:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
