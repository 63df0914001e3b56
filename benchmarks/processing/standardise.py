"""Standardise: the speed of repair with its map of offsets, beside ftfy, which gives none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.processing.spelling import texts_of
from models.text import repair

_TURNS = 5


def speed(data: Path | None) -> dict[str, Any]:
    """Texts a second on one core, beside `ftfy.fix_text`, in alternating turns.

    Args:
        data: takes the airline tweets from here; without it texts are simulated.
    """
    import ftfy

    texts = texts_of(data)
    repair("warm é &amp;")
    best = [0.0, 0.0]
    for _ in range(_TURNS):
        best[0] = max(best[0], _rate(repair, texts))
        best[1] = max(best[1], _rate(ftfy.fix_text, texts))
    changed = sum(bool(repair(text).edits) for text in texts)
    return {
        "ours_per_s": round(best[0]), "peer": "ftfy.fix_text", "peer_per_s": round(best[1]),
        "ratio": round(best[0] / best[1], 2), "texts": len(texts), "changed_share": round(changed / len(texts), 3),
    }  # fmt: skip


def _rate(work: Callable[[str], object], texts: Sequence[str]) -> float:
    started = time.perf_counter()
    for text in texts:
        work(text)
    return len(texts) / (time.perf_counter() - started)
