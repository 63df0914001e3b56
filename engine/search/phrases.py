"""Whether a text has a phrase word for word: the store's index knows stems only, and leaves out stop words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.search.explain import words_of
from engine.search.query import Parsed


def holds(texts: Sequence[str], parsed: Parsed) -> NDArray[np.bool_]:
    """(n,) which texts have all the phrases of a query and none of those that must not be.

    Words are compared without case; what stands between them does not matter.
    """
    wanted, unwanted = ([_joined(one) for one in group] for group in (parsed.phrases, parsed.without_phrases))
    joined = [_joined(text) for text in texts]
    return np.array(
        [all(one in text for one in wanted) and not any(one in text for one in unwanted) for text in joined], bool
    )


def _joined(text: str) -> str:
    return f" {' '.join(words_of(text.casefold()))} "
