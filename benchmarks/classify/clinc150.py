"""CLINC150: accuracy in scope, and how much of what is out of scope is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.classify.data import Embed, Part, by_chance, read
from benchmarks.processing.figure import Figure
from models.classifier import Classifier
from models.classifier.calibrate import calibration_error

_OOS = "oos"
_FALSE_ALARMS = 0.05


def evaluate(data: Path, embed: Embed) -> list[Figure] | None:
    """Figures of `clinc150/train_val.csv.gz`; None without it.

    Trained on train and oos_train, measured on val and oos_val.
    """
    path = data / "clinc150" / "train_val.csv.gz"
    if not path.exists():
        return None
    rows = read(path)
    whole = Part([r["text"] for r in rows], embed([r["text"] for r in rows]), [r["intent"] for r in rows])
    splits = np.array([row["split"] for row in rows])
    learnt, inside, outside = (
        whole.where(np.isin(splits, names)) for names in (("train", "oos_train"), ("val",), ("oos_val",))
    )
    made, _ = Classifier.fit(
        learnt.texts, learnt.vectors, learnt.labels, seed=1, fallback=_OOS, false_alarms=_FALSE_ALARMS
    )
    shares = made.probabilities(inside.texts, inside.vectors)
    allowed = np.array([label != _OOS for label in made.labels])
    truth = np.array(inside.labels)
    best = np.array(made.labels)[np.where(allowed, shares, -1).argmax(axis=1)]
    likely = np.array(made.labels)[shares.argmax(axis=1)] == truth
    familiar, strange = (made.familiarity(part.texts, part.vectors) for part in (inside, outside))
    least = np.quantile(familiar, _FALSE_ALARMS)
    split = (
        f"val ({len(inside.texts)} in scope, {len(outside.texts)} out), trained on train with "
        f"{learnt.labels.count(_OOS)} out of scope"
    )
    return [
        Figure(
            "clinc150.accuracy_in_scope", float((best == truth).mean()), 0.95, split, note="best label that is in scope"
        ),
        Figure(
            "clinc150.oos_recall_at_5pct",
            float((strange < least).mean()),
            0.70,
            split,
            note="at 5 % false alarms on val",
        ),
        Figure(
            "clinc150.oos_recall",
            float((strange < made.parts.scope.least).mean()),
            None,
            split,
            note="limit chosen on train",
        ),
        Figure(
            "clinc150.false_alarms", float((familiar < made.parts.scope.least).mean()), None, split, False, "same limit"
        ),
        Figure(
            "clinc150.calibration_error",
            calibration_error(shares.max(axis=1), likely),
            0.02,
            split,
            False,
            f"perfect probabilities: {by_chance(shares.max(axis=1)):.4f}",
        ),
    ]
