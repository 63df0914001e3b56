"""Heads, one label against the rest, and scores of texts that a head was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.classifier.features import Features
from models.classifier.kernel import MOST_ROWS, Kernel, fit_kernel

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: What an error costs beside large weights; which of them is chosen on held-out texts. 1 is best on a part of Banking77's
#: training texts; labels that people disagree on, as airline tweets have, want less.
COSTS = (0.15, 1.0)
#: Cost .0006 of Banking77's accuracy beside 1e-4, in a fifth of the time.
_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Heads:
    """A weight for each feature and label.

    Attributes:
        weights: (size, labels) float16, as they are stored.
        bias: (labels,) float32.
        wide: (size, labels) float32, the same weights as they are computed with.
        kernel: adds to their scores; None of linear heads.
    """

    weights: NDArray[np.float16]
    bias: NDArray[np.float32]
    wide: NDArray[np.float32]
    kernel: Kernel | None = None

    @classmethod
    def of(cls, weights: NDArray[Any], bias: NDArray[Any], kernel: Kernel | None = None) -> Heads:
        """Rounds the weights to what a file holds, so that a model reads as it was trained."""
        narrow = np.ascontiguousarray(weights, dtype=np.float16)
        return cls(narrow, bias.astype(np.float32), narrow.astype(np.float32), kernel)

    def __reduce__(self) -> tuple[Any, ...]:
        return Heads.of, (self.weights, self.bias, self.kernel)

    def scores(self, rows: csr_matrix, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, labels) float32. Sparse products add up row by row in one order, so no row's depends on its batch.

        Args:
            rows: (n, size).
            vectors: (n, d) float32, unit rows, of the same texts.
        """
        found = np.asarray(rows @ self.wide + self.bias, dtype=np.float32)
        return found if self.kernel is None else found + self.kernel.scores(vectors)


def fit_heads(
    rows: csr_matrix, vectors: NDArray[np.float32], truth: NDArray[np.bool_], seed: int, cost: float = 1.0
) -> Heads:
    """Kernel heads; linear ones of more than 12,000 texts, or of texts with several labels, where a mixture of two
    texts is to get the labels of both.

    Args:
        rows: (n, size).
        vectors: (n, d) float32, unit rows, of the same texts.
        truth: (n, labels).
        seed: of the order in which rows are visited.
        cost: of an error.
    """
    if len(truth) > MOST_ROWS or (truth.sum(axis=1) != 1).any():
        return fit_linear(rows, truth, seed, cost)
    weights, kernel = fit_kernel(rows, vectors, truth, cost)
    return Heads.of(weights, np.zeros(truth.shape[1], np.float32), kernel)


def fit_linear(rows: csr_matrix, truth: NDArray[np.bool_], seed: int, cost: float = 1.0) -> Heads:
    """Support vector machines with squared hinge loss (Fan et al. 2008, LIBLINEAR), one a label.

    Args:
        rows: (n, size).
        truth: (n, labels); rows of one label each are trained in one go.
        seed: of the order in which rows are visited.
        cost: of an error.
    """
    from sklearn.svm import LinearSVC

    labels = truth.shape[1]
    if labels > 2 and (truth.sum(axis=1) == 1).all() and truth.any(axis=0).all():
        found = LinearSVC(C=cost, tol=_TOLERANCE, random_state=seed).fit(rows, truth.argmax(axis=1))
        return Heads.of(found.coef_.T, found.intercept_)
    weights = np.zeros((rows.shape[1], labels), np.float32)
    bias = np.full(labels, -1.0, np.float32)  # of a label that no row has
    for label in range(labels):
        mine = truth[:, label]
        if mine.all():
            bias[label] = 1.0
        elif mine.any():
            one = LinearSVC(C=cost, tol=_TOLERANCE, random_state=seed).fit(rows, mine)
            weights[:, label], bias[label] = one.coef_[0], one.intercept_[0]
    return Heads.of(weights, bias)


def folds(truth: NDArray[np.bool_], parts: int, seed: int) -> NDArray[np.int64]:
    """(n,) the part each row is held out in, the same mix of labels in each.

    A row whose rarest label no other row has gets -1: it is never held out, or nothing would be left to learn from.
    """
    rng = np.random.default_rng(seed)
    counts = truth.sum(axis=0)
    rarest = np.where(truth, counts, len(truth) + 1).argmin(axis=1)
    part = np.full(len(truth), -1, np.int64)
    turn = 0
    for label in range(truth.shape[1]):
        mine = np.flatnonzero(rarest == label)
        if len(mine) < 2:
            continue
        part[rng.permutation(mine)] = (np.arange(len(mine)) + turn) % parts
        turn += len(mine)
    return part


#: Rows that are held out for calibration at least, where there are as many.
_ENOUGH_ROWS, _PARTS = 3_000, 5


def held_out(
    texts: Sequence[str], vectors: NDArray[np.float32], truth: NDArray[np.bool_], seed: int, turns: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[float, NDArray[np.float32]]]:
    """Scores by vocabularies and heads that did not see the texts they score.

    Args:
        texts: masked texts.
        vectors: (n, d) float32, unit rows.
        truth: (n, labels).
        seed: of the parts.
        turns: how many fifths are held out in turn; default as many as make 3,000 rows.

    Returns:
        The rows that were held out, in order, the part of each, and for each of `COSTS` their scores (held, labels).
    """
    part = folds(truth, _PARTS, seed)
    turns = turns or int(np.clip(-(-_ENOUGH_ROWS * _PARTS // max(len(truth), 1)), 1, _PARTS))
    scores = {cost: np.zeros(truth.shape, np.float32) for cost in COSTS}
    for turn in range(turns):
        mine, rest = np.flatnonzero(part == turn), np.flatnonzero(part != turn)
        if not len(mine):
            continue
        learnt = [texts[int(row)] for row in rest]
        features = Features.fit(learnt, vectors.shape[1])
        rows = features.rows(learnt, vectors[rest])
        asked = features.rows([texts[int(row)] for row in mine], vectors[mine])
        for cost in COSTS:
            scores[cost][mine] = fit_heads(rows, vectors[rest], truth[rest], seed, cost).scores(asked, vectors[mine])
    held = np.flatnonzero((part >= 0) & (part < turns))
    return held, part[held], {cost: found[held] for cost, found in scores.items()}
