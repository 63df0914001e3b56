"""How often predictions of each confidence are right: what a calibration plot shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BINS = 10


def reliability(
    confidence: NDArray[np.float32] | NDArray[np.float64], right: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Predictions in ten bins of equal width by their confidence; empty bins are left out.

    Args:
        confidence: (n,) in [0, 1].
        right: (n,) whether each prediction is.

    Returns:
        For each bin `of`, predictions in it, their mean `confidence`, and `accuracy`, the share that is right.
    """
    shares = np.asarray(confidence, dtype=np.float64)
    bins = np.minimum((shares * _BINS).astype(int), _BINS - 1)
    found = []
    for one in np.unique(bins):
        mine = bins == one
        found.append(
            {
                "of": int(mine.sum()),
                "confidence": round(float(shares[mine].mean()), 4),
                "accuracy": round(float(right[mine].mean()), 4),
            }
        )
    return found
