"""Clusters as they are served: the nearest centroid takes a text, unless it is too far from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.clusters.topics import NOISE

#: A gate is this much of the similarity that all but this share of the cluster's own members have.
_SLACK, _OUTSIDE = 0.9, 0.01

#: A gate is never lower. At .3 94 % of bank messages are in none of the clusters of programmers' questions, and so are
#: 14 % of such questions; at .2 57 and 3 %. Of bank messages' own clusters 99 and .3 %, whatever the floor.
_LEAST_GATE = 0.3

_BLOCK_ROWS = 65_536

#: How a cluster was found: as a community of the neighbour graph, or by density among what these left.
TOPIC, DENSE = "topic", "dense"


@dataclass(frozen=True, slots=True)
class Clusters:
    """Centroids with ids.

    Args:
        ids: (c,) int64.
        centroids: (c, d) float32, unit rows.
        gates: (c,) float32; a text less similar to the centroid than this is noise.
        model: name and revision of the embedder whose vectors they are of.
        kinds: (c,) TOPIC or DENSE.
    """

    ids: NDArray[np.int64]
    centroids: NDArray[np.float32]
    gates: NDArray[np.float32]
    model: tuple[str, str] = ("", "")
    kinds: tuple[str, ...] = ()

    @classmethod
    def none(cls) -> Clusters:
        """No clusters at all."""
        return cls(np.zeros(0, np.int64), np.zeros((0, 1), np.float32), np.zeros(0, np.float32))

    def nearest(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(n,) id of the nearest cluster whose gate it passes, -1 without one, and (n,) similarity to it, -1 without.

        Args:
            vectors: (n, d) float32, unit rows; each row's answer is its own.
        """
        n = len(vectors)
        found, similarity = np.full(n, NOISE, np.int64), np.zeros(n, np.float32)
        if not len(self.ids):
            return found, similarity
        for start in range(0, n, _BLOCK_ROWS):
            scores = vectors[start : start + _BLOCK_ROWS] @ self.centroids.T
            scores[scores < self.gates] = -1
            best = scores.argmax(axis=1)
            top = scores[np.arange(len(best)), best]
            found[start : start + _BLOCK_ROWS] = np.where(top >= 0, self.ids[best], NOISE)
            similarity[start : start + _BLOCK_ROWS] = top
        return found, similarity

    def renamed(self, ids: NDArray[np.int64]) -> Clusters:
        """The same clusters by other ids."""
        return Clusters(ids, self.centroids, self.gates, self.model, self.kinds)


def of_labels(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    model: tuple[str, str] = ("", ""),
    kind: str = TOPIC,
) -> Clusters:
    """The clusters of labelled texts, with the labels as ids.

    Args:
        vectors: (n, d) float32, unit rows.
        labels: (n,) 0, 1, … without a gap, or -1.
        model: see Clusters.
        kind: see Clusters.
    """
    count = int(labels.max(initial=NOISE)) + 1
    sums = np.zeros((count, vectors.shape[1]), np.float64)
    inside = labels >= 0
    np.add.at(sums, labels[inside], vectors[inside])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centroids = (sums / np.maximum(lengths, 1e-12)).astype(np.float32)
    own = np.einsum("ij,ij->i", vectors[inside], centroids[labels[inside]])
    gates = np.array(
        [np.quantile(own[labels[inside] == label], _OUTSIDE) for label in range(count)], np.float32
    ).reshape(count)
    return Clusters(
        np.arange(count), centroids, np.maximum(_SLACK * gates, _LEAST_GATE).astype(np.float32), model, (kind,) * count
    )


def joined(one: Clusters, other: Clusters) -> Clusters:
    """Both, with their positions as ids."""
    return Clusters(
        np.arange(len(one.ids) + len(other.ids)),
        np.concatenate([one.centroids, other.centroids]),
        np.concatenate([one.gates, other.gates]),
        one.model,
        one.kinds + other.kinds,
    )
