"""What every embedder holds to; a test module of an embedder calls `check_embedder` with one."""

import numpy as np

from models.embedder import Embedder
from models.windows import MOST_WINDOWS

TEXTS = [
    "no network since morning", "", "a", "wetin dey happen with my line", "mi o ri owo mi gba", "한국어 불만",
    "my refund is late", "my refund is late", "\ud800 bad half", "الشبكة بطيئة جدا", "\x00\u200b", "🙂" * 5,
    "the agent shouted at my mother and cut the call " * 12, "no signal " * 400, "x" * 100_000, "ab cd " * 20_000,
]  # fmt: skip


def check_embedder(embedder, *, bit_equal=True):
    """Args:
    embedder: the one to hold to it.
    bit_equal: whether a text's vector may not depend on its batch by a single bit, as torch's does.
    """
    given = list(TEXTS)
    together = embedder.encode(given)
    assert isinstance(embedder, Embedder)
    assert given == TEXTS
    assert together.shape == (len(TEXTS), embedder.dimensions) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert embedder.encode([]).shape == (0, embedder.dimensions) and embedder.windows([]) == []

    def same(found, expected):
        return np.array_equal(found, expected) if bit_equal else np.allclose(found, expected, atol=1e-5)

    assert same(np.vstack([embedder.encode([text]) for text in TEXTS]), together)
    assert same(np.vstack([embedder.encode(TEXTS[:5]), embedder.encode(TEXTS[5:])]), together)
    assert same(embedder.encode(TEXTS[::-1])[::-1], together)
    assert np.array_equal(together[6], together[7])

    windows = embedder.windows(TEXTS)
    assert windows[:13] == [1] * 13
    # 800 words of a token each are 3 windows of 254 and a fourth of 38.
    assert windows[13] == 4
    assert windows[14] == windows[15] == MOST_WINDOWS + 1


def check_reload(embedder, again):
    """A copy that was pickled, or read from the same file, gives the same bits."""
    assert (again.name, again.revision, again.dimensions) == (embedder.name, embedder.revision, embedder.dimensions)
    assert np.array_equal(again.encode(TEXTS[:13]), embedder.encode(TEXTS[:13]))
