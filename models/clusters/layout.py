"""Places clusters and their texts on a plane: near is alike, and the same clusters lie at the same places again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Rounds of stress majorisation; later ones move nothing by more than a dot's width.
_ROUNDS = 60

#: A cluster's dots reach so far, as a share of the way to the nearest cluster.
_REACH = 0.3

#: Clusters that a text of no cluster is placed between.
_BETWEEN = 3


def layout(centroids: Floats) -> Floats:
    """Positions of clusters whose distances are about those of their centroids (1 - cosine).

    Stress majorisation (de Leeuw 1977, SMACOF) from the first two principal components, whose signs are fixed, so the
    same centroids give the same positions.

    Args:
        centroids: (c, d) float32.

    Returns:
        (c, 2) float32; all zero for one cluster.
    """
    count = len(centroids)
    if count < 2:
        return np.zeros((count, 2), np.float32)
    places = (centroids - centroids.mean(axis=0)) @ axes(centroids).T
    units = centroids / np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
    wanted = np.clip(1 - units @ units.T, 0, None)
    for _ in range(_ROUNDS if count > 2 else 0):
        apart = _distances(places)
        ratio = np.divide(wanted, apart, out=np.zeros_like(wanted), where=apart > 1e-9)
        np.fill_diagonal(ratio, 0)
        # The Guttman transform.
        places = (ratio.sum(axis=1, keepdims=True) * places - ratio @ places) / count
    found: Floats = places.astype(np.float32)
    return found


def axes(vectors: Floats) -> Floats:
    """(2, d) float32: the first two principal directions, each with its largest part positive."""
    centred = vectors - vectors.mean(axis=0)
    found = np.zeros((2, vectors.shape[1]), np.float32)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(directions[np.arange(len(directions)), largest] < 0, -1, 1)
    found[: len(directions)] = directions * signs[:, None]
    return found


def scatter(vectors: Floats, labels: NDArray[np.int64], centroids: Floats, places: Floats) -> Floats:
    """Positions of texts: about their cluster's, on the side that they differ to; of none: between the nearest.

    Args:
        vectors: (n, d) float32, unit rows.
        labels: (n,) positions in `centroids`; -1 is none.
        centroids: (c, d) float32, c > 0.
        places: (c, 2), of `layout`.

    Returns:
        (n, 2) float32.
    """
    if not len(vectors):
        return np.zeros((0, 2), np.float32)
    cosines = vectors @ centroids.T
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :_BETWEEN]
    home = np.where(labels >= 0, labels, nearest[:, 0])
    base = places[home].copy()
    stray = labels < 0
    base[stray] = places[nearest[stray]].mean(axis=1)
    offsets = (vectors - centroids[home]) @ axes(centroids).T
    spread = np.maximum(np.abs(offsets).mean(), 1e-9)
    offsets = np.tanh(offsets / spread / 2)
    apart = _distances(places)
    np.fill_diagonal(apart, np.inf)
    reach = np.where(np.isfinite(apart.min(axis=1)), apart.min(axis=1), 1.0) * _REACH
    found: Floats = (base + offsets * reach[home][:, None]).astype(np.float32)
    return found


def _distances(places: Floats) -> Floats:
    found: Floats = np.linalg.norm(places[:, None] - places[None], axis=2)
    return found
