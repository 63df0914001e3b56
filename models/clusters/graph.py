"""The graph of nearest neighbours: exact, in blocks that matrix multiplication makes cheap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Similarities held at a time, float32: 64 MB.
_BLOCK_VALUES = 16 << 20


@dataclass(frozen=True, slots=True)
class Graph:
    """An undirected weighted graph as compressed rows; each edge stands in both of its ends' rows.

    Args:
        starts: (n + 1,) int64; the edges of node i are starts[i] to starts[i + 1].
        ends: (edges,) int64, the other node.
        weights: (edges,) float64, above 0.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    weights: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Nodes."""
        return len(self.starts) - 1

    @property
    def degrees(self) -> NDArray[np.float64]:
        """(n,) summed weight of each node's edges."""
        return np.bincount(self.origins, weights=self.weights, minlength=self.size).astype(np.float64)

    @property
    def origins(self) -> NDArray[np.int64]:
        """(edges,) the node in whose row an edge stands."""
        return np.repeat(np.arange(self.size), np.diff(self.starts))


def nearest(vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k nearest others of each row, nearest first, equals by their position.

    Args:
        vectors: (n, d) float32, unit rows.
        k: neighbours; fewer where there are not so many others.

    Returns:
        (n, k) positions and (n, k) cosine similarities.
    """
    n = len(vectors)
    k = max(min(k, n - 1), 0)
    found, similarity = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    if k == 0:
        return found, similarity
    step = max(1, _BLOCK_VALUES // n)
    for start in range(0, n, step):
        block = vectors[start : start + step] @ vectors.T
        rows = np.arange(len(block))
        block[rows, rows + start] = -np.inf
        top = np.sort(np.argpartition(-block, k - 1, axis=1)[:, :k], axis=1)
        values = np.take_along_axis(block, top, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        found[start : start + step] = np.take_along_axis(top, order, axis=1)
        similarity[start : start + step] = np.take_along_axis(values, order, axis=1)
    return found, similarity


def neighbour_graph(vectors: NDArray[np.float32], k: int, least: float) -> Graph:
    """Join each row to its k nearest; two that name each other are joined doubly.

    Args:
        vectors: (n, d) float32, unit rows.
        k: neighbours.
        least: similarities below join nothing, so a row far from all stands alone.
    """
    found, similarity = nearest(vectors, k)
    weights = similarity.astype(np.float64).ravel()
    origins = np.repeat(np.arange(len(vectors)), found.shape[1])
    keep = weights >= max(least, 1e-6)
    return from_edges(len(vectors), origins[keep], found.ravel()[keep], weights[keep])


def from_edges(size: int, origins: NDArray[np.int64], ends: NDArray[np.int64], weights: NDArray[np.float64]) -> Graph:
    """A graph of edges named once each, in either direction; weights of the same two nodes add up."""
    from scipy.sparse import coo_array

    one_way = coo_array((weights, (origins, ends)), shape=(size, size)).tocsr()
    both = (one_way + one_way.T).tocsr()
    both.sort_indices()
    return Graph(both.indptr.astype(np.int64), both.indices.astype(np.int64), both.data)
