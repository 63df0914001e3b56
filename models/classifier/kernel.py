"""A head that sees more than a linear one: kernel ridge regression on likeness to each labelled text.

Two texts are alike by a Gaussian of their vectors' distance plus a quarter of the products of their TF-IDF blocks
(Rifkin and Klautau 2004, "In Defense of One-Vs-All Classification", section 4). All labels are solved for at once. The
TF-IDF part is linear, so that it is kept as weights of terms; the rest is a weight for each labelled text and label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.classifier.scope import Examples

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Chosen on folds within four fifths of Banking77's training part: of 1, 2, 4 and 8, of 0, .25 and .5, and of .15, .3, .6.
_SHARPNESS, _TERMS, _RIDGE = 2.0, 0.25, 0.3
#: Beyond as many labelled texts the square of them takes too much memory (576 MB) and time; heads are linear there.
MOST_ROWS = 12_000
#: Likeness and weights are multiples of these: in float64 every sum of their products is exact, in whatever order, and so
#: a text's scores do not depend on its batch.
_LIKENESS_STEP, _WEIGHT_STEP = 2.0**-12, 2.0**-14
_CHUNK_ROWS = 256


class Kernel:
    """Weights of labelled texts.

    Args:
        examples: the texts' vectors.
        weights: (m, labels) float32, multiples of 2^-14.
    """

    def __init__(self, examples: Examples, weights: NDArray[np.float32]) -> None:
        self.examples, self.weights = examples, weights
        self._wide = weights.astype(np.float64)

    def __reduce__(self) -> tuple[type[Kernel], tuple[Examples, NDArray[np.float32]]]:
        return Kernel, (self.examples, self.weights)

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, labels) float32, of (n, d) float32, unit rows."""
        found = np.empty((len(vectors), self.weights.shape[1]), np.float32)
        for start in range(0, len(vectors), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            alike = _alike(self.examples.cosines(vectors[rows])).astype(np.float64)
            found[rows] = (np.rint(alike / _LIKENESS_STEP) * _LIKENESS_STEP) @ self._wide
        return found


def fit_kernel(
    rows: csr_matrix, vectors: NDArray[np.float32], truth: NDArray[np.bool_], cost: float
) -> tuple[NDArray[np.float32], Kernel]:
    """Weights of the columns of `rows`, (size, labels), and of the texts.

    Args:
        rows: (n, size) of models.classifier.features, n at most `MOST_ROWS`.
        vectors: (n, d) float32, unit rows, the first d columns of `rows` but for their weight.
        truth: (n, labels).
        cost: of an error beside large weights; 1 is usual.
    """
    from scipy.linalg import cho_factor, cho_solve

    examples = Examples.of(vectors)
    terms = rows[:, vectors.shape[1] :]
    gram = _alike(examples.cosines(vectors))
    gram += np.float32(_TERMS) * (terms @ terms.T).toarray()
    gram[np.diag_indices(len(gram))] += np.float32(_RIDGE / cost)
    wanted = np.where(truth, np.float32(1), np.float32(-1))
    factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    solved = cho_solve(factor, wanted, check_finite=False)
    weights = np.ascontiguousarray(np.rint(solved / _WEIGHT_STEP) * _WEIGHT_STEP, dtype=np.float32)  # as files have it
    columns = np.zeros((rows.shape[1], truth.shape[1]), np.float32)
    columns[vectors.shape[1] :] = _TERMS * (terms.T @ weights)
    return columns, Kernel(examples, weights)


def _alike(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.exp(np.float32(_SHARPNESS) * (cosines - np.float32(1))), dtype=np.float32)
