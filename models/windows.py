"""Cuts texts that are longer than a model reads into windows, and pools the windows' vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Windows of a text at most: about 1,500 English words. What is beyond is not embedded, and `windows` tells.
MOST_WINDOWS = 8

#: English takes about 4 characters a token and no script we meet takes 16, so this many characters fill a window
#: while a 100,000-character text costs no more than a few pages.
_CHARS_PER_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in the pieces that a model reads.

    Attributes:
        pieces: texts that fit a window each, in order; one for a short text.
        tokens: how many tokens each has.
        windows: windows the whole text takes; more than MOST_WINDOWS where its end is not in the pieces.
    """

    pieces: tuple[str, ...]
    tokens: tuple[int, ...]
    windows: int


def limit_chars(window: int) -> int:
    """Characters that are looked at of a text, for windows of so many tokens."""
    return MOST_WINDOWS * window * _CHARS_PER_TOKEN


def cut(texts: Sequence[str], tokenizer: Any, window: int) -> list[Cut]:
    """Cut texts at starts of words, so that each piece gives at most `window` tokens.

    Args:
        texts: prepared by `models.embedder.prepare`.
        tokenizer: a `tokenizers.Tokenizer` that neither pads nor truncates.
        window: tokens of a piece at most, the model's marks not counted.
    """
    found = tokenizer.encode_batch(list(texts), add_special_tokens=False) if texts else []
    return [_cut(text, one, window) for text, one in zip(texts, found, strict=True)]


def _cut(text: str, encoding: Any, window: int) -> Cut:
    total = len(encoding)
    if total <= window and len(text) < limit_chars(window):
        return Cut((text,), (total,), 1)
    words, offsets = encoding.word_ids, encoding.offsets
    bounds = [0]
    while bounds[-1] < total:
        end = min(bounds[-1] + window, total)
        # A word cut in two is read otherwise; one longer than half a window is cut all the same.
        start = end
        while start < total and start > bounds[-1] + window // 2 and words[start] == words[start - 1]:
            start -= 1
        bounds.append(start if start == total or words[start] != words[start - 1] else end)
    windows = max(len(bounds) - 1, 1)
    bounds = bounds[: MOST_WINDOWS + 1]
    spans = [(low, high) for low, high in pairwise(bounds)] or [(0, 0)]
    # The whole of a text without tokens, and else from each window's first character to its last one's end.
    pieces = tuple(text[offsets[low][0] : offsets[high - 1][1]] if high else "" for low, high in spans)
    beyond = len(text) >= limit_chars(window)
    return Cut(pieces, tuple(high - low for low, high in spans), MOST_WINDOWS + 1 if beyond else windows)


def pool(cuts: Sequence[Cut], row_of: dict[str, int], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of whole texts: the mean of their pieces' vectors, weighted by tokens, at unit length.

    Args:
        cuts: the texts.
        row_of: the row of each piece in `vectors`.
        vectors: (p, d) float32, unit rows.

    Returns:
        (n, d) float32, unit rows; that of a text in one piece is the piece's, to the bit.
    """
    made = vectors[[row_of[one.pieces[0]] for one in cuts]]
    for row, one in enumerate(cuts):
        if len(one.pieces) > 1:
            parts = vectors[[row_of[piece] for piece in one.pieces]].astype(np.float64)
            mean = np.asarray(one.tokens, dtype=np.float64) @ parts
            made[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return made
