"""Whether a complaint is about anything that the labels are about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Numbers of scale 4,000 in unit rows: every partial sum of a product stays below 2^24, so float32 adds them exactly,
#: in whatever order, and a text's nearest examples do not depend on its batch.
_SCALE = 4_000.0
_CHUNK_ROWS = 512
#: Nearest examples whose mean cosine counts.
NEIGHBOURS = 5


class Examples:
    """The labelled texts' vectors, to find the nearest of.

    Args:
        vectors: (m, d) int16, unit rows times 4,000.
    """

    def __init__(self, vectors: NDArray[np.int16]) -> None:
        self.vectors = vectors
        self._wide = np.ascontiguousarray(vectors.T, dtype=np.float32)

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Examples:
        """Rounds unit rows."""
        return cls(_rounded(vectors))

    @property
    def most(self) -> int:
        """How many are found for a vector: 5, or all where there are fewer."""
        return min(NEIGHBOURS, len(self.vectors))

    def __reduce__(self) -> tuple[type[Examples], tuple[NDArray[np.int16]]]:
        return Examples, (self.vectors,)

    def nearest(
        self, vectors: NDArray[np.float32], but: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest examples of each vector, the nearest first.

        Args:
            vectors: (n, d) float32, unit rows.
            but: (m,) examples that do not count.

        Returns:
            Their positions and cosines, each (n, k); k is `most`.
        """
        most = self.most
        places, cosines = np.empty((len(vectors), most), np.int64), np.empty((len(vectors), most), np.float32)
        for start in range(0, len(vectors), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            found = self._products(vectors[rows])
            if but is not None:
                found[:, but] = -_SCALE * _SCALE
            places[rows], cosines[rows] = _largest(found, most)
        return places, np.asarray(cosines / np.float32(_SCALE * _SCALE), dtype=np.float32)

    def cosines(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, m) float32, of (n, d) float32, unit rows, with every example."""
        found = self._products(vectors)
        found /= np.float32(_SCALE * _SCALE)
        return found

    def _products(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(_rounded(vectors).astype(np.float32) @ self._wide, dtype=np.float32)


def _largest(found: NDArray[np.float32], most: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The largest of each row in order, the first of equal ones first."""
    places = np.empty((len(found), most), np.int64)
    values = np.empty((len(found), most), np.float32)
    row = np.arange(len(found))
    for rank in range(most):
        places[:, rank] = found.argmax(axis=1)
        values[:, rank] = found[row, places[:, rank]]
        found[row, places[:, rank]] = -np.inf
    return places, values


def _rounded(vectors: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.asarray(np.rint(vectors * np.float32(_SCALE)), dtype=np.int16)


@dataclass(frozen=True, slots=True)
class Scope:
    """How familiar a text is, and the value below which it is out of scope.

    Familiarity is the best label's score, plus four times the mean cosine with the five nearest examples, less the
    fallback's score where texts that fit nowhere were labelled so; such an example among the nearest counts as none.

    Attributes:
        least: familiarity below which a text is out of scope.
    """

    least: float

    def familiarity(
        self, scores: NDArray[np.float32], cosines: NDArray[np.float32], inside: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """(n,) float32.

        Args:
            scores: (n, labels).
            cosines: (n, k), of the nearest examples; 0 of those with the fallback.
            inside: (labels,) which of them are not the fallback.
        """
        best = scores[:, inside].max(axis=1).astype(np.float64)
        outside = scores[:, ~inside].sum(axis=1).astype(np.float64)
        near = cosines.astype(np.float64).mean(axis=1)
        return np.asarray(best + _COSINE * near - _OUTSIDE * outside, dtype=np.float32)


#: Chosen on a third of CLINC150's training part: of 0 to 4, the best score alone told .86 of what is out of scope at 5 %
#: false alarms, the cosine alone .93, both so weighed .97.
_COSINE, _OUTSIDE = 4.0, 1.0


def fit_scope(
    scores: NDArray[np.float32], cosines: NDArray[np.float32], inside: NDArray[np.bool_],
    belongs: NDArray[np.bool_], false_alarms: float,
) -> Scope:  # fmt: skip
    """The scope that rejects a given share of the texts that belong.

    Args:
        scores: (n, labels), of held-out texts.
        cosines: (n, k), of the same texts with the examples that they were held out from.
        inside: (labels,) which labels are not the fallback.
        belongs: (n,) which texts have one of those.
        false_alarms: share of them that may be rejected.
    """
    if not belongs.any() or not inside.any():
        return Scope(-1e9)
    familiar = Scope(0.0).familiarity(scores[belongs], cosines[belongs], inside)
    return Scope(float(np.quantile(familiar, false_alarms)))
