"""Airline tweets by reason: zero-shot, a learning curve, and active learning beside random choice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.classify.data import Embed, Part, by_chance, held, read
from benchmarks.processing.figure import Figure
from models.classifier import Classifier
from models.classifier.calibrate import calibration_error
from models.classifier.features import Features
from models.classifier.heads import fit_linear
from models.classify import ZeroShotClassifier, seed_texts
from models.taxonomy import Taxonomy

_SHARE = 0.3
_SEEDS = (1, 2, 3)
_FOLDS = 5
_A_CLASS = (10, 50, 200)
_START, _STEP, _ROUNDS = 50, 50, 9
#: Of the most uncertain, this many times what is chosen are looked at for what differs.
_WIDER = 4

#: Written from the names of the ten reasons alone; no tweet was looked at.
_REASONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Bad Flight": (
        "The flight itself was bad: seats, food, entertainment, comfort.",
        ("the seat was broken and uncomfortable", "no wifi or entertainment on board", "worst flight ever"),
    ),
    "Can't Tell": ("Unhappy, and no reason is given.", ("you are terrible", "never flying with you again")),
    "Cancelled Flight": (
        "A flight was cancelled.",
        ("my flight was cancelled", "you cancelled my flight and I am stuck"),
    ),
    "Customer Service Issue": (
        "Nobody answers or helps: phone lines, hold times, agents, replies.",
        (
            "on hold for two hours",
            "nobody answers the phone",
            "your customer service is horrible",
            "please reply to my message",
        ),
    ),
    "Damaged Luggage": ("A bag arrived damaged.", ("my suitcase arrived broken", "you damaged my bag")),
    "Flight Attendant Complaints": (
        "Cabin crew or gate staff were rude.",
        ("the flight attendant was rude", "unprofessional crew", "rude gate agent"),
    ),
    "Flight Booking Problems": (
        "Booking, website, app, fares, seats and points do not work.",
        (
            "I cannot book on your website",
            "the site is down and I can't change my reservation",
            "problem with my booking",
        ),
    ),
    "Late Flight": (
        "A flight is delayed.",
        (
            "my flight is delayed for three hours",
            "we are sitting on the runway waiting",
            "delayed again, missed my connection",
        ),
    ),
    "Lost Luggage": (
        "A bag is missing or delayed.",
        ("you lost my bag", "where is my suitcase"),
    ),
    "longlines": ("Long queues at the airport.", ("the line at check-in is huge", "waiting in line for an hour")),
}


def evaluate(data: Path, embed: Embed) -> tuple[list[Figure], dict[str, Any]] | None:
    """Figures of `airline_tweets/tweets.csv.gz`, and the points of the curves; None without the file."""
    path = data / "airline_tweets" / "tweets.csv.gz"
    if not path.exists():
        return None
    found = {row["text"]: row["negativereason"] for row in read(path) if row["negativereason"]}
    texts = list(found)
    whole = Part(texts, embed(texts), list(found.values()))
    mine = np.array([held(text, _SHARE) for text in texts])
    report, pool = whole.where(mine), whole.where(~mine)
    split = f"{len(report.texts)} distinct tweets, three tenths by md5 of the text; learnt from the others"
    zero = _zero_shot(report, embed)
    figures = [Figure("airline.zero_shot.macro_f1", zero, None, split, note="no label used")]
    curve: list[tuple[float, float]] = []
    for count in _A_CLASS:
        scores = [_trained(_a_class(pool, count, seed), report, seed)[0] for seed in _SEEDS]
        curve.append((count, float(np.mean(scores))))
        note = ", ".join(f"{one:.3f}" for one in scores)
        figures.append(
            Figure(f"airline.{count}_a_class.macro_f1", curve[-1][1], None, split, note=f"three draws: {note}")
        )
    score, right, error, chance = _trained(pool, report, 1)
    figures += [
        Figure("airline.all.macro_f1", score, None, split, note=f"{len(pool.texts)} tweets"),
        Figure("airline.all.accuracy", right, None, split),
        Figure("airline.all.calibration_error", error, None, split, False, f"perfect probabilities: {chance:.4f}"),
        _calibration_of_folds(whole),
    ]
    runs = {
        name: np.mean([_queried(pool, report, name, seed) for seed in _SEEDS], axis=0) for name in ("active", "random")
    }
    sizes = [_START + _STEP * turn for turn in range(_ROUNDS + 1)]
    for name, line in runs.items():
        figures.append(
            Figure(
                f"airline.{name}.macro_f1",
                float(line[-1]),
                None,
                split,
                note=f"{sizes[-1]} labels, mean of three seeds",
            )
        )
    figures.append(
        Figure(
            "airline.active_gain",
            float((runs["active"] - runs["random"]).mean()),
            None,
            split,
            note="mean over the curve",
        )
    )
    return figures, {
        "zero_shot": zero,
        "a_class": curve,
        "labels": sizes,
        **{name: [float(one) for one in line] for name, line in runs.items()},
    }


def _calibration_of_folds(whole: Part) -> Figure:
    """The calibration error of all tweets, each by a classifier of the other folds: of fewer, chance hides it."""
    fold = np.array([sum(held(text, part / _FOLDS) for part in range(1, _FOLDS)) for text in whole.texts])
    confidence, right = [], []
    for one in range(_FOLDS):
        asked, learnt = whole.where(fold == one), whole.where(fold != one)
        made, _ = Classifier.fit(learnt.texts, learnt.vectors, learnt.labels, seed=1)
        shares = made.probabilities(asked.texts, asked.vectors)
        confidence.append(shares.max(axis=1))
        right.append(np.array(made.labels)[shares.argmax(axis=1)] == np.array(asked.labels))
    joined = np.concatenate(confidence)
    split = f"{len(whole.texts)} distinct tweets in {_FOLDS} folds by md5 of the text, each by what the others taught"
    note = f"perfect probabilities: {by_chance(joined):.4f}; accuracy {np.concatenate(right).mean():.4f}"
    return Figure(
        "airline.folds.calibration_error", calibration_error(joined, np.concatenate(right)), 0.02, split, False, note
    )


def _zero_shot(report: Part, embed: Embed) -> float:
    ids = {f"reasons.{name.lower().replace(' ', '_').replace(chr(39), '')}": name for name in _REASONS}
    taxonomy = Taxonomy.from_dict(
        {
            "version": "1",
            "name": "airline",
            "fallback": "reasons.cant_tell",
            "categories": [
                {
                    "id": "reasons",
                    "name": "Reasons",
                    "description": "Why somebody complains.",
                    "subcategories": [
                        {"id": key, "name": name, "description": _REASONS[name][0], "examples": list(_REASONS[name][1])}
                        for key, name in ids.items()
                    ],
                }
            ],
        }
    )
    zero = ZeroShotClassifier(taxonomy, embed(seed_texts(taxonomy)))
    given = [ids[one.subcategory] for one in zero.predict(report.texts, report.vectors)]
    return macro_f1(report.labels, given)


def _a_class(pool: Part, count: int, seed: int) -> Part:
    """Up to `count` texts of each label, by chance."""
    order = np.random.default_rng(seed).permutation(len(pool.texts))
    seen: dict[str, int] = {}
    rows = []
    for row in order:
        label = pool.labels[row]
        if seen.get(label, 0) < count:
            seen[label] = seen.get(label, 0) + 1
            rows.append(int(row))
    return pool.take(rows)


def _trained(part: Part, report: Part, seed: int) -> tuple[float, float, float, float]:
    """Macro-F1, accuracy, calibration error and that of perfect probabilities, of a classifier that never abstains."""
    made, _ = Classifier.fit(part.texts, part.vectors, part.labels, seed=seed)
    shares = made.probabilities(report.texts, report.vectors)
    given = np.array(made.labels)[shares.argmax(axis=1)]
    right = given == np.array(report.labels)
    return (
        macro_f1(report.labels, list(given)),
        float(right.mean()),
        calibration_error(shares.max(axis=1), right),
        by_chance(shares.max(axis=1)),
    )


def _queried(pool: Part, report: Part, how: str, seed: int) -> NDArray[np.float64]:
    """Macro-F1 after each round of asking for labels, from the same beginning for each way of asking."""
    features = Features.fit(pool.texts, pool.vectors.shape[1])
    rows, asked_of = features.rows(pool.texts, pool.vectors), features.rows(report.texts, report.vectors)
    names = sorted(set(pool.labels))
    truth = np.array([[label == name for name in names] for label in pool.labels])
    rng = np.random.default_rng(seed)
    known = list(rng.permutation(len(pool.texts))[:_START])
    line = []
    for _ in range(_ROUNDS + 1):
        heads = fit_linear(rows[known], truth[known], seed)
        given = [names[at] for at in heads.scores(asked_of, report.vectors).argmax(axis=1)]
        line.append(macro_f1(report.labels, given))
        rest = np.setdiff1d(np.arange(len(pool.texts)), known)
        if how == "random":
            known += list(rng.permutation(rest)[:_STEP])
        else:
            top = np.sort(heads.scores(rows[rest], pool.vectors[rest]), axis=1)
            known += list(rest[spread(top[:, -1] - top[:, -2], pool.vectors[rest], _STEP)])
    return np.array(line)


def spread(margin: NDArray[np.float32], vectors: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Uncertain texts that differ: of the least sure, each time the one farthest from those chosen (Gonzalez 1985)."""
    least = np.argsort(margin, kind="stable")[: _WIDER * count]
    chosen = [0]
    nearest = vectors[least] @ vectors[least[0]]
    while len(chosen) < min(count, len(least)):
        at = int(np.argmin(np.where(np.isin(np.arange(len(least)), chosen), np.inf, nearest)))
        chosen.append(at)
        nearest = np.maximum(nearest, vectors[least] @ vectors[least[at]])
    return np.asarray(least[chosen], dtype=np.int64)


def macro_f1(truth: Sequence[str], given: Sequence[str]) -> float:
    """Mean F1 over the labels of `truth`."""
    wanted, said = np.array(truth), np.array(given)
    scores = [
        2 * ((wanted == name) & (said == name)).sum() / ((wanted == name).sum() + (said == name).sum())
        for name in sorted(set(truth))
    ]
    return float(np.mean(scores))
