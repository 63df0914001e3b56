"""How candidates are ranked: fused, the best ones judged once more, and cut off where relevance ends.

Pure arrays in, arrays out. Weights were chosen on every second dev query of SciFact and Cranfield and measured on the
others, see docs/search.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Shares of the cosine, of BM25, and of the words that stand together (engine.search.coverage) in a score.
VECTOR, WORDS, TOGETHER = 0.75 / 1.3, 0.25 / 1.3, 0.3 / 1.3

#: The best that are judged by their neighbours among them, and the best of those whose texts are read.
HEAD, READ = 100, 50

#: Neighbours of a candidate, and how far its score is drawn to theirs.
_NEIGHBOURS, _DRAWN = 5, 0.2
_ALONE = 1e-3

#: Standard deviations above what unrelated complaints have, from which a cosine is no chance: this share of what the
#: best one has, between these bounds.
_OF_THE_BEST, _LEAST_DEVIATIONS, _MOST_DEVIATIONS = 0.6, 1.5, 2.5
#: A share of the best BM25 from which words alone are enough.
_ENOUGH_WORDS = 0.35


def fuse(cosines: Floats, bm25: Floats) -> Floats:
    """A convex combination of cosine and BM25 over the best BM25 (Bruch et al. 2023, "An analysis of fusion
    functions for hybrid retrieval", ACM TOIS 42(1)).

    Args:
        cosines: (n,).
        bm25: (n,), 0 where no word matches.
    """
    return (VECTOR * cosines + WORDS * _share(bm25)).astype(np.float32)


def draw(scores: Floats, vectors: Floats) -> Floats:
    """Scores drawn to those of the nearest candidates: what is like several good ones is good itself
    (Diaz 2005, "Regularizing ad hoc retrieval scores", CIKM).

    Args:
        scores: (n,).
        vectors: (n, d) float32, unit rows.
    """
    count = min(_NEIGHBOURS, len(scores) - 1)
    if count < 1:
        return scores
    near = vectors @ vectors.T
    np.fill_diagonal(near, -1)
    closest = np.argpartition(-near, count - 1, axis=1)[:, :count]
    weights = np.take_along_axis(near, closest, 1).clip(0) ** 2
    # One with nothing near it stays as it is.
    theirs = ((weights * scores[closest]).sum(1) + _ALONE * scores) / (weights.sum(1) + _ALONE)
    found: Floats = ((1 - _DRAWN) * scores + _DRAWN * theirs).astype(np.float32)
    return found


def relevant(cosines: Floats, bm25: Floats, unrelated: Floats) -> NDArray[np.bool_]:
    """(n,) which candidates are more than chance: near enough in meaning, or with enough of the words.

    Args:
        cosines: (n,), nan where there is none.
        bm25: (n,), 0 where no word matches.
        unrelated: (m,) cosines of the query to rows taken at random; with none every cosine above 0 counts.
    """
    middle = float(np.median(unrelated)) if len(unrelated) else 0.0
    # Of the lower half, which has no relevant ones in it.
    spread = 1.4826 * float(np.median(middle - unrelated[unrelated <= middle])) if len(unrelated) else 0.0
    known = np.nan_to_num(cosines, nan=-1.0)
    enough = 0.0
    if spread > 0 and len(known):
        best = (float(known.max()) - middle) / spread
        enough = middle + spread * min(max(_OF_THE_BEST * best, _LEAST_DEVIATIONS), _MOST_DEVIATIONS)
    near = known >= enough
    worded = (bm25 > 0) & (_share(bm25) >= _ENOUGH_WORDS)
    return np.asarray(near | worded)


def _share(bm25: Floats) -> Floats:
    most = float(bm25.max()) if len(bm25) else 0.0
    return bm25 / most if most > 0 else np.zeros_like(bm25)
