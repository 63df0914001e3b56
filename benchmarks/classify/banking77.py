"""Banking77: accuracy and calibration with all training data, and a cascade of two embedders."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.classify.data import Embed, Part, read
from benchmarks.processing.figure import Figure
from models.classifier import Classifier
from models.classifier.calibrate import calibration_error

_SPLIT = (
    "a fifth of train.csv that nothing was chosen on (not the standard test split), trained on the other four fifths"
)
_SEEDS = (1, 2, 3)
#: The part of the validation texts that a cascade sends on.
_SENT = 0.3


def evaluate(data: Path, embed: Embed, quick: Embed | None) -> list[Figure] | None:
    """Figures of `banking77/train.csv`; None without it.

    Args:
        data: the folder of labelled data.
        embed: the model that complaints are embedded by.
        quick: the static one; None leaves the cascade out.
    """
    path = data / "banking77" / "train.csv"
    if not path.exists():
        return None
    rows = read(path)
    whole = Part([r["text"] for r in rows], embed([r["text"] for r in rows]), [r["category"] for r in rows])
    order = np.random.default_rng(7).permutation(len(rows))
    report, rest = whole.take(order[: len(rows) // 5]), whole.take(order[len(rows) // 5 :])
    begun = time.perf_counter()
    made = [Classifier.fit(rest.texts, rest.vectors, rest.labels, seed=seed)[0] for seed in _SEEDS]
    seconds = (time.perf_counter() - begun) / len(_SEEDS)
    right, errors = [], []
    for classifier in made:
        shares = classifier.probabilities(report.texts, report.vectors)
        hit = np.array(classifier.labels)[shares.argmax(axis=1)] == np.array(report.labels)
        right.append(float(hit.mean()))
        errors.append(calibration_error(shares.max(axis=1), hit))
    told = ", ".join(f"{one:.4f}" for one in right)
    found = [
        Figure("banking77.accuracy", float(np.mean(right)), 0.94, _SPLIT, note=f"{len(report.texts)} texts; {told}"),
        Figure("banking77.calibration_error", float(np.mean(errors)), 0.02, _SPLIT, False, "mean of three seeds"),
        Figure(
            "banking77.train_s",
            seconds,
            None,
            f"{len(rest.texts)} texts, {len(made[0].labels)} labels",
            False,
            "with validation",
        ),
    ]
    return found + (_cascade(made[0], report, rest, quick) if quick else [])


def _cascade(full: Classifier, report: Part, rest: Part, quick: Embed) -> list[Figure]:
    """The static model first; what it is unsure of goes to the full one. The limit is chosen on the training part."""
    static = Part(rest.texts, quick(rest.texts), rest.labels)
    cut = len(rest.texts) * 4 // 5
    trial = Classifier.fit(static.texts[:cut], static.vectors[:cut], static.labels[:cut], seed=1)[0]
    limit = np.quantile(trial.probabilities(static.texts[cut:], static.vectors[cut:]).max(axis=1), _SENT)
    first = Classifier.fit(static.texts, static.vectors, static.labels, seed=1)[0]
    shares = first.probabilities(report.texts, quick(report.texts))
    truth = np.array(report.labels)
    alone = np.array(first.labels)[shares.argmax(axis=1)]
    sent = shares.max(axis=1) < limit
    joined = alone.copy()
    better = full.probabilities([t for t, s in zip(report.texts, sent, strict=True) if s], report.vectors[sent])
    joined[sent] = np.array(full.labels)[better.argmax(axis=1)]
    return [
        Figure("banking77.static_accuracy", float((alone == truth).mean()), 0.90, _SPLIT, note="static vectors alone"),
        Figure(
            "banking77.cascade_accuracy",
            float((joined == truth).mean()),
            None,
            _SPLIT,
            note="static, then the full model",
        ),
        Figure(
            "banking77.cascade_sent_on", float(sent.mean()), None, _SPLIT, False, "share that the full model embeds"
        ),
    ]
