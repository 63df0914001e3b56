"""Labelled texts in the layouts of docs/evaluation.md, and their vectors, embedded once a run."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.classifier.calibrate import calibration_error

#: Texts to (n, d) float32 unit rows.
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Part:
    """Texts with a label each and their vectors."""

    texts: list[str]
    vectors: NDArray[np.float32]
    labels: list[str]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Part:
        """Some rows, in the order given."""
        return Part([self.texts[row] for row in rows], self.vectors[rows], [self.labels[row] for row in rows])

    def where(self, wanted: NDArray[np.bool_]) -> Part:
        """The rows where `wanted` holds."""
        return self.take(np.flatnonzero(wanted))


def cached(embed: Embed) -> Embed:
    """Embeds each text once in the life of what is returned."""
    known: dict[str, NDArray[np.float32]] = {}

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, embed(new), strict=True))
        return np.stack([known[text] for text in texts])

    return encode


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a csv, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def held(text: str, share: float) -> bool:
    """Whether a text is of the part that is reported on; the same text always is, or is not."""
    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16) / 2**32 < share  # noqa: S324 -- a split, no secret


def by_chance(confidence: NDArray[np.float32]) -> float:
    """The calibration error that perfect probabilities would show on as many texts, mean of 200 draws."""
    drawn = np.random.default_rng(0).random((200, len(confidence))) < confidence
    return float(np.mean([calibration_error(confidence, right) for right in drawn]))
