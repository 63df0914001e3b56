"""Clusters on labelled texts against their peers, ids over two runs, and growth to a million vectors.

Texts are parted in two by md5: parameters were chosen on the even ones, the odd ones are reported. The peer BERTopic
is measured where it can be imported; k-means is given the true number of clusters, which nobody has.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from models.clusters.assign import of_labels
from models.clusters.match import match
from models.clusters.topics import Params, topics
from models.embedder import Embedder

SETS = {
    "banking77": ("banking77/train.csv", "category"),
    "stackoverflow_titles": ("stackoverflow_titles/titles.csv.gz", "tag"),
}
ROWS = (10_000, 100_000, 1_000_000)
_SAMPLE = 20_000
_SEED = 5


def run(root: Path, embedder: Embedder, rows: Sequence[int] = ROWS, peers: bool = True) -> dict[str, Any]:
    """All of it.

    Args:
        root: labelled data, see docs/evaluation.md.
        embedder: whose vectors are clustered.
        rows: sizes of the growth.
        peers: beside HDBSCAN, k-means and BERTopic.
    """
    found: dict[str, Any] = {"machine": machine(), "embedder": [embedder.name, embedder.revision], "sets": {}}
    largest: NDArray[np.float32] | None = None
    for name, (path, column) in SETS.items():
        texts, labels = read(root / path, column)
        vectors = embedder.encode(texts)
        largest = vectors if largest is None else np.concatenate([largest, vectors])
        found["sets"][name] = judged(texts, vectors, labels, peers)
    if largest is not None:
        found["growth"] = [grown(largest, count) for count in rows]
    return found


def read(path: Path, column: str) -> tuple[list[str], NDArray[np.str_]]:
    """Distinct texts and their labels, in the order of the texts' md5."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        rows = {row["text"]: row[column] for row in csv.DictReader(file)}
    texts = sorted(rows, key=_md5)
    return texts, np.array([rows[text] for text in texts])


def judged(texts: list[str], vectors: NDArray[np.float32], labels: NDArray[np.str_], peers: bool) -> dict[str, Any]:
    """Scores of the half that nothing was chosen on, of all, of the peers on all, and how ids hold."""
    odd = np.array([int(_md5(text), 16) % 2 == 1 for text in texts])
    found: dict[str, Any] = {
        "held_out_half": measured(labels[odd], lambda: ours(vectors[odd])),
        "all": measured(labels, lambda: ours(vectors)),
        "all_by_centroid": measured(labels, lambda: _by_centroid(vectors)),
        "ids": ids_kept(vectors),
    }
    if peers:
        found["peers"] = {
            name: measured(labels, lambda peer=peer: peer(texts, vectors, labels))  # type: ignore[misc]
            for name, peer in _peers().items()
        }
        if "bertopic" not in found["peers"]:
            found["peers"]["bertopic"] = "not installed"
    return found


def measured(labels: NDArray[np.str_], cluster: Callable[[], NDArray[np.int64]]) -> dict[str, Any]:
    """V measure and adjusted Rand index, noise taken for one cluster; clusters, noise and seconds."""
    from sklearn.metrics import adjusted_rand_score, v_measure_score

    began = time.monotonic()
    found = cluster()
    seconds = time.monotonic() - began
    return {
        "v": round(float(v_measure_score(labels, found)), 3),
        "ari": round(float(adjusted_rand_score(labels, found)), 3),
        "clusters": int(found.max()) + 1,
        "noise": round(float((found < 0).mean()), 3),
        "texts": len(found),
        "seconds": round(seconds, 1),
    }


def ours(vectors: NDArray[np.float32], params: Params | None = None) -> NDArray[np.int64]:
    """What a run gives each text of its sample: its topic, else the nearest cluster whose gate it passes."""
    return _served(vectors, topics(vectors, params or Params()))


def _served(vectors: NDArray[np.float32], own: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(own >= 0, own, of_labels(vectors, own).nearest(vectors)[0])


def _by_centroid(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """What texts beyond the sample get."""
    return of_labels(vectors, topics(vectors, Params())).nearest(vectors)[0]


def ids_kept(vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Two runs, the second with 10 % new texts: how many of the texts in both keep their id.

    Returns:
        kept: of all texts in both that were in a cluster which survives; survived: clusters of the first run that do.
    """
    new = np.random.default_rng(_SEED).random(len(vectors)) < 1 / 11
    own = topics(vectors[~new], Params())
    first = of_labels(vectors[~new], own)
    before = np.full(len(vectors), -1, np.int64)
    before[~new] = _served(vectors[~new], own)
    own = topics(vectors, Params(), before)
    second, now = of_labels(vectors, own), _served(vectors, own)
    matched = match(before, now, dict(enumerate(first.centroids)), second.centroids, len(first.ids))
    named = np.append(matched.ids, -1)[now]
    surviving = np.isin(before, matched.kept)
    return {
        "kept": round(float((named == before)[surviving].mean()), 4),
        "survived": f"{len(matched.kept)} of {len(first.ids)}",
        "texts_of_survivors": round(float(surviving.sum() / (before >= 0).sum()), 4),
        "events": [event.kind for event in matched.events],
    }


def grown(vectors: NDArray[np.float32], count: int) -> dict[str, Any]:
    """Seconds for `count` vectors, real ones a little turned: topics of a sample, then all assigned in blocks."""
    random = np.random.default_rng(_SEED)
    sample = _turned(vectors, min(count, _SAMPLE), random)
    began = time.monotonic()
    found = of_labels(sample, topics(sample, Params()))
    topics_s = time.monotonic() - began
    assign_s, noise, done = 0.0, 0, 0
    while done < count:
        block = _turned(vectors, min(50_000, count - done), random)
        began = time.monotonic()
        noise += int((found.nearest(block)[0] < 0).sum())
        assign_s += time.monotonic() - began
        done += len(block)
    return {
        "vectors": count,
        "clusters": len(found.ids),
        "topics_s": round(topics_s, 1),
        "assign_s": round(assign_s, 1),
        "noise": round(noise / count, 3),
    }


def _turned(vectors: NDArray[np.float32], count: int, random: np.random.Generator) -> NDArray[np.float32]:
    size = vectors.shape[1]
    noise = random.standard_normal((count, size), dtype=np.float32) * np.float32(0.3 / np.sqrt(size))
    turned = vectors[random.integers(len(vectors), size=count)] + noise
    return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True), np.float32)


Peer = Callable[[list[str], NDArray[np.float32], NDArray[np.str_]], NDArray[np.int64]]


def _peers() -> dict[str, Peer]:
    found: dict[str, Peer] = {
        "hdbscan on 15 components": _hdbscan,
        "k-means, true k": _kmeans,
    }
    try:
        import bertopic  # noqa: F401
    except ImportError:
        return found
    return found | {"bertopic": _bertopic}


def _hdbscan(texts: list[str], vectors: NDArray[np.float32], labels: NDArray[np.str_]) -> NDArray[np.int64]:
    from hdbscan import HDBSCAN
    from sklearn.decomposition import PCA

    reduced = PCA(15, random_state=_SEED).fit_transform(vectors)
    return np.asarray(HDBSCAN(min_cluster_size=10, core_dist_n_jobs=1).fit_predict(reduced), np.int64)


def _kmeans(texts: list[str], vectors: NDArray[np.float32], labels: NDArray[np.str_]) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    found = KMeans(len(set(labels.tolist())), n_init=3, random_state=_SEED).fit_predict(vectors)
    return np.asarray(found, np.int64)


def _bertopic(texts: list[str], vectors: NDArray[np.float32], labels: NDArray[np.str_]) -> NDArray[np.int64]:
    from bertopic import BERTopic

    found, _ = BERTopic().fit_transform(texts, vectors)
    return np.asarray(found, np.int64)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
