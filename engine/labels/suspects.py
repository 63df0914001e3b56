"""Labels that are probably wrong, by confident learning.

Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70 (2021), section 3.1
(thresholds and confident joint) and 3.2 (pruning by the off-diagonal, ranked by normalized margin).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Labelled neighbours that a complaint is judged by; fewer complaints than this plus one are not judged.
_NEIGHBOURS = 10
#: Of a class with fewer examples it is not known what belongs to it.
_LEAST_EXAMPLES = 5
#: A neighbour counts by exp(cosine / this): one at .9 as much as seven at .7.
_TEMPERATURE = 0.1
_CHUNK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Suspect:
    """A labelled example that is probably another class.

    Attributes:
        row: its place among the examples.
        label: what it is labelled.
        rather: the class it is confidently counted to.
        margin: probability of its label less that of `rather`, -1 to 0; the lower, the surer.
    """

    row: int
    label: str
    rather: str
    margin: float


def suspects(labels: Sequence[str], vectors: NDArray[np.float32]) -> list[Suspect]:
    """Examples whose label is probably wrong, the surest first.

    Args:
        labels: of each example.
        vectors: (n, d) float32, unit rows, in the same order.

    Returns:
        Nothing where there are too few examples to judge by, or a single class.
    """
    sizes = Counter(labels)
    classes = sorted(label for label, size in sizes.items() if size >= _LEAST_EXAMPLES)
    rows = [row for row, label in enumerate(labels) if sizes[label] >= _LEAST_EXAMPLES]
    if len(rows) <= _NEIGHBOURS or len(classes) < 2:
        return []
    given = np.array([classes.index(labels[row]) for row in rows])
    shares = neighbour_shares(given, len(classes), vectors[rows])
    found = [
        Suspect(rows[row], classes[given[row]], classes[other], float(shares[row, given[row]] - shares[row, other]))
        for row, other in confidently_other(given, shares)
    ]
    return sorted(found, key=lambda one: (one.margin, one.row))


def confidently_other(given: NDArray[np.int64], shares: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(row, class) of the examples that the confident joint counts off its diagonal.

    An example is counted to the class of the highest probability among those whose threshold it reaches: the mean
    probability of that class over the examples that are labelled so.

    Args:
        given: (n,) int, the class each is labelled; every class occurs.
        shares: (n, classes) float, out-of-sample probabilities.
    """
    sizes = np.bincount(given, minlength=shares.shape[1])
    own = shares[np.arange(len(given)), given]
    thresholds = np.bincount(given, weights=own, minlength=shares.shape[1]) / sizes
    confident = np.where(shares >= thresholds, shares, -1.0)
    counted = confident.argmax(axis=1)
    off = (confident.max(axis=1) > 0) & (counted != given)
    # Where label and class are equally probable nothing speaks against the label.
    off &= shares[np.arange(len(given)), counted] > own
    return [(int(row), int(counted[row])) for row in np.flatnonzero(off)]


def neighbour_shares(given: NDArray[np.int64], classes: int, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, classes) float: each class's share among the nearest other examples, so that none is judged by itself."""
    shares = np.zeros((len(given), classes))
    for start in range(0, len(given), _CHUNK_ROWS):
        rows = np.arange(start, min(start + _CHUNK_ROWS, len(given)))
        cosines = vectors[rows] @ vectors.T
        cosines[np.arange(len(rows)), rows] = -np.inf
        near = np.argpartition(-cosines, _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
        weights = np.exp(np.take_along_axis(cosines, near, axis=1).astype(float) / _TEMPERATURE)
        np.add.at(shares, (np.repeat(rows, _NEIGHBOURS), given[near].ravel()), weights.ravel())
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
