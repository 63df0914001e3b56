"""Trains a classifier and tells how good it is on what was held out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifier.classifier import Classifier, Labels
from models.classifier.tuned import Tuner

#: What `train` tells it is at, in order.
STEPS = ("features", "validation", "tuning", "calibration", "training")


@dataclass(frozen=True, slots=True)
class Trained:
    """A classifier and what is known of it.

    Attributes:
        classifier: ready to predict and to save.
        about: rows, labels, seed, seconds; figures on held-out rows in `metrics`.
    """

    classifier: Classifier
    about: dict[str, Any]


def train(
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    labels: Labels,
    *,
    seed: int = 20,
    fallback: str = "other.general",
    names: Sequence[str] | None = None,
    slices: Mapping[str, Sequence[str | None]] | None = None,
    tuner: Tuner | None = None,
    tell: Callable[[str], None] = lambda step: None,
) -> Trained:
    """Train a classifier; the same input and seed give the same one.

    Args:
        texts: masked texts.
        vectors: (n, d) float32, unit rows.
        labels: one label a text, or a sequence of labels each.
        seed: of what is held out.
        fallback: the label of a complaint that fits nowhere.
        names: what each text is called in reasons; default its beginning.
        slices: by name the value of each text, such as its language; figures are told for each value too.
        tuner: fine-tunes an encoder as well; None leaves that out, and the step "tuning".
        tell: called with each of `STEPS`.

    Raises:
        ClassifierError: fewer than two labels, a text without one, or lengths that differ.
    """
    begun = time.monotonic()
    classifier, metrics = Classifier.fit(
        texts, vectors, labels, seed=seed, fallback=fallback, names=names, slices=slices, tuner=tuner,
        tell=tell,
    )  # fmt: skip
    return Trained(
        classifier,
        {
            "rows": len(texts), "labels": len(classifier.labels), "seed": seed, "several": classifier.several,
            "fallback": fallback, "fine_tuned": tuner is not None, "train_s": round(time.monotonic() - begun, 2), "metrics": metrics,
        },
    )  # fmt: skip
