"""How candidates are ranked: fused, drawn to what is near the best, and cut off where relevance ends.

Pure arrays in, arrays out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Share of the cosine in the fused score; see docs/search.md for how it was chosen.
VECTOR_WEIGHT = 0.6


def fuse(cosines: Floats, bm25: Floats) -> Floats:
    """A convex combination of cosine and BM25 over the best BM25 (Bruch et al. 2023, "An analysis of fusion
    functions for hybrid retrieval", ACM TOIS 42(1)).

    Args:
        cosines: (n,).
        bm25: (n,), 0 where no word matches.
    """
    most = float(bm25.max()) if len(bm25) else 0.0
    share = bm25 / most if most > 0 else np.zeros_like(bm25)
    return (VECTOR_WEIGHT * cosines + (1 - VECTOR_WEIGHT) * share).astype(np.float32)
