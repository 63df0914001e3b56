"""Places complaints by what labelled ones taught: linear heads with probabilities that hold, abstention and reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.classifier.calibrate import (
    Calibration,
    best_f1,
    calibration_error,
    fit_calibration,
    fit_share,
    thresholds,
)
from models.classifier.errors import ClassifierError
from models.classifier.features import Features, plainer
from models.classifier.heads import COSTS, Heads, fit_heads, held_out
from models.classifier.reliability import reliability
from models.classifier.scope import Examples, Scope, fit_scope
from models.classifier.tuned import Tuned, Tuner
from models.classify import Prediction

_CHUNK_ROWS = 1_024
_MOST_TERMS = 3
_EXCERPT_CHARS = 80
_WORD = re.compile(r"\w")

Labels = Sequence[str] | Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a trained classifier is made of.

    Attributes:
        labels: sorted; the columns of the heads.
        fallback: what a complaint gets for which no label is sure enough; one of the labels or not.
        features: what the heads see.
        heads: the scores.
        calibration: the probabilities.
        thresholds: (labels,) float32, the probability from which a label is given.
        scope: what is like nothing that was labelled.
        examples: the labelled texts' vectors.
        example_labels: (m,) int32, the first label of each example.
        names: what each example is called in reasons.
        tuned: a fine-tuned encoder, whose scores are added to those of the heads; None without.
    """

    labels: tuple[str, ...]
    fallback: str
    features: Features
    heads: Heads
    calibration: Calibration
    thresholds: NDArray[np.float32]
    scope: Scope
    examples: Examples
    example_labels: NDArray[np.int32]
    names: tuple[str, ...]
    tuned: Tuned | None = None


class Classifier:
    """A trained classifier; it pickles, and the same text gets the same answer in whatever batch.

    Args:
        parts: from `Classifier.fit` or `Classifier.load`.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.labels = parts.labels
        self._fallback = parts.labels.index(parts.fallback) if parts.fallback in parts.labels else None

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        labels: Labels,
        *,
        seed: int,
        fallback: str = "other.general",
        precision: float = 0.8,
        false_alarms: float = 0.02,
        names: Sequence[str] | None = None,
        slices: Mapping[str, Sequence[str | None]] | None = None,
        tuner: Tuner | None = None,
        tell: Callable[[str], None] = lambda step: None,
    ) -> tuple[Classifier, dict[str, object]]:
        """Trains on labelled texts; the same input and seed give the same classifier.

        Args:
            texts: masked texts of any language.
            vectors: (n, d) float32, unit rows, in the same order.
            labels: one label a text, or for texts with several a sequence of them each.
            seed: of what is held out, and of the order in which rows are visited.
            fallback: the label of a complaint that fits nowhere.
            precision: share of right answers that a label is given from, on held-out texts.
            false_alarms: share of held-out texts that may be taken for out of scope.
            names: what each text is called in reasons, such as its id; default the beginning of the text.
            slices: by name the value of each text, such as its language; figures are told for each value too.
            tuner: fine-tunes an encoder as well, twice: without what is held out, then with all.
            tell: called with the name of each step.

        Returns:
            The classifier, and figures on the rows that were held out from the heads they are measured with: accuracy, macro_f1,
            calibration_error, abstained, accuracy_when_given and by_label.

        Raises:
            ClassifierError: fewer than two labels, a text without one, or lengths that differ.
        """
        several = any(not isinstance(one, str) for one in labels)
        given = [(one,) if isinstance(one, str) else tuple(one) for one in labels]
        _check(texts, vectors, given, names)
        known = tuple(sorted({label for some in given for label in some}))
        column = {label: at for at, label in enumerate(known)}
        truth = np.zeros((len(given), len(known)), bool)
        for row, some in enumerate(given):
            truth[row, [column[label] for label in some]] = True
        tell("features")
        features = Features.fit(texts, vectors.shape[1])
        rows = features.rows(texts, vectors)
        tell("validation")
        # Fine-tuning takes long, so that it is held against one fifth alone.
        held, part, tried = held_out(texts, vectors, truth, seed, 1 if tuner else None)
        cost = max(COSTS, key=lambda one: int(truth[held, tried[one].argmax(axis=1)].sum()))
        scores = tried[cost]
        examples = Examples.of(vectors)
        tuned, mixed = None, scores
        if tuner is not None:
            tell("tuning")
            others, tuned = tuner(texts, truth, held)
            tuned.share = fit_share(scores, others, truth[held], several=several)
            mixed = scores + np.float32(tuned.share) * others
        tell("calibration")
        calibration = fit_calibration(mixed, truth[held], several=several)
        shares = calibration.probabilities(mixed)
        best = shares.argmax(axis=1)
        right = truth[held, best]
        confidence = shares[np.arange(len(held)), best]
        limits = best_f1(shares, truth[held]) if several else thresholds(confidence, best, right, len(known), precision)
        inside = np.array([label != fallback for label in known])
        first = np.array([column[some[0]] for some in given], np.int32)
        cosines = _cosines(examples, vectors, held, part, inside[first])
        belongs = np.asarray(truth[held][:, inside].any(axis=1), dtype=bool)
        scope = fit_scope(scores, cosines, inside, belongs, false_alarms)
        tell("training")
        parts = Parts(
            known, fallback, features, fit_heads(rows, vectors, truth, seed, cost), calibration, limits, scope, examples,
            first,
            tuple(names) if names is not None else tuple(_excerpt(text) for text in texts), tuned,
        )  # fmt: skip
        figures = _figures(shares, truth[held], limits, known)
        figures["slices"] = {
            name: _by_value([values[at] for at in held], right) for name, values in (slices or {}).items()
        }
        figures["cost"] = cost
        if tuned is not None:
            figures["accuracy_of_heads"] = _accuracy(scores, truth[held])
            figures["accuracy_of_tuned"] = _accuracy(others, truth[held])
        return cls(parts), figures

    def scores(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, labels) float32, what the heads say before calibration."""
        self._check_vectors(texts, vectors)
        parts = [
            self.parts.heads.scores(self.parts.features.rows(texts[at:end], vectors[at:end]), vectors[at:end])
            for at, end in ((at, at + _CHUNK_ROWS) for at in range(0, len(texts), _CHUNK_ROWS))
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), np.float32)

    def probabilities(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, labels) float32 in [0, 1], calibrated; in the order of `labels`."""
        return self._shares(texts, self.scores(texts, vectors))

    def familiarity(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) float32: how like what was labelled each text is; out of scope below `parts.scope.least`."""
        near, cosines = self.parts.examples.nearest(vectors)
        return self._familiarity(self.scores(texts, vectors), near, cosines)

    def labels_of(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[list[tuple[str, float]]]:
        """Every label that is sure enough, the surest first, with its probability; none where all are unsure."""
        found = []
        for row in self.probabilities(texts, vectors):
            kept = [at for at in np.argsort(-row, kind="stable") if row[at] >= self.parts.thresholds[at]]
            found.append([(self.labels[at], float(row[at])) for at in (kept if self.several else kept[:1])])
        return found

    @property
    def several(self) -> bool:
        """Whether a text may have several labels."""
        return self.parts.calibration.several

    def predict(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[Prediction]:
        """Classifies complaints.

        Args:
            texts: masked texts of any language; one without a word gets the fallback.
            vectors: (n, d) float32, unit rows: the texts' vectors by the model that the classifier was trained with.

        Returns:
            One prediction a text, in order. Its confidence is the calibrated probability of the best label.

        Raises:
            ClassifierError: the vectors are not one a text, or of another length.
        """
        self._check_vectors(texts, vectors)
        found: list[Prediction] = []
        for start in range(0, len(texts), _CHUNK_ROWS):
            found += self._predict(texts[start : start + _CHUNK_ROWS], vectors[start : start + _CHUNK_ROWS])
        return found

    def save(self, folder: Path) -> dict[str, str]:
        """Writes the classifier into a folder, durably; returns the sha256 of each file."""
        from models.classifier.files import save

        return save(self.parts, folder)

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Reads what `save` wrote; nothing in it is run.

        Raises:
            ClassifierError: a file is missing, damaged, or of another release.
        """
        from models.classifier.files import load

        return cls(load(folder))

    def _predict(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[Prediction]:
        rows = self.parts.features.rows(texts, vectors)
        scores = self.parts.heads.scores(rows, vectors)
        shares = self._shares(texts, scores)
        near, cosines = self.parts.examples.nearest(vectors)
        familiar = self._familiarity(scores, near, cosines)
        found = []
        for at, text in enumerate(texts):
            row = slice(rows.indptr[at], rows.indptr[at + 1])
            best, second = (int(one) for one in np.argsort(-shares[at], kind="stable")[:2])
            reasons = [
                self._like(best, near[at], cosines[at]), self._terms(best, rows.indices[row], rows.data[row]),
                self._also(best, shares[at]),
            ]  # fmt: skip
            doubt = self._doubt(best, float(shares[at, best]), float(familiar[at]), bool(_WORD.search(plainer(text))))
            chosen = self.parts.fallback if doubt else self.labels[best]
            confidence, other = float(shares[at, best]), float(shares[at, second])
            found.append(
                Prediction(
                    category=chosen.partition(".")[0],
                    subcategory=chosen,
                    confidence=confidence,
                    margin=-confidence if doubt else confidence - other,
                    reasons=[reason for reason in (doubt, *reasons) if reason],
                )
            )
        return found

    def _shares(self, texts: Sequence[str], scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of texts, with the scores that the heads give them."""
        mixed = scores if self.parts.tuned is None else scores + self.parts.tuned.scores(texts)
        return self.parts.calibration.probabilities(mixed)

    def _doubt(self, best: int, share: float, familiar: float, worded: bool) -> str:
        """Why the best label should not be given; empty when it should."""
        if not worded:
            return "abstained: the text has no words"
        if best == self._fallback:
            return ""
        least = float(self.parts.thresholds[best])
        if share < least:
            return f"abstained: best was {self.labels[best]} with probability {share:.2f}, below {least:.2f}"
        if familiar < self.parts.scope.least:
            return (
                f"abstained: like nothing that was labelled (familiarity {familiar:.2f}, below "
                f"{self.parts.scope.least:.2f}); best was {self.labels[best]} with probability {share:.2f}"
            )
        return ""

    def _like(self, best: int, near: NDArray[np.int64], cosines: NDArray[np.float32]) -> str:
        """The nearest example that has the label, among the five nearest, or the nearest with the label it has."""
        mine = np.flatnonzero(self.parts.example_labels[near] == best)
        at = int(mine[0]) if len(mine) else 0
        told = f"like '{self.parts.names[near[at]]}' ({cosines[at]:.2f})"
        return told if len(mine) else f"{told}, labelled {self.labels[self.parts.example_labels[near[at]]]}"

    def _terms(self, best: int, columns: NDArray[np.int32], values: NDArray[np.float32]) -> str:
        """The words that add most to the label's score."""
        first = self.parts.features.dimensions
        words = (columns >= first) & (columns < first + len(self.parts.features.words.terms))
        parts = values[words] * self.parts.heads.wide[columns[words], best]
        top = [at for at in np.argsort(-parts, kind="stable")[:_MOST_TERMS] if parts[at] > 0]
        terms = [self.parts.features.words.terms[columns[words][at] - first] for at in top]
        return "terms: " + ", ".join(f"'{term}'" for term in terms) if terms else ""

    def _also(self, best: int, shares: NDArray[np.float32]) -> str:
        if not self.several:
            return ""
        more = [
            at for at in np.argsort(-shares, kind="stable") if at != best and shares[at] >= self.parts.thresholds[at]
        ]
        return "also: " + ", ".join(f"{self.labels[at]} ({shares[at]:.2f})" for at in more) if more else ""

    def _familiarity(
        self, scores: NDArray[np.float32], near: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        inside = np.arange(len(self.labels)) != self._fallback
        counted = np.where(inside[self.parts.example_labels[near]], cosines, np.float32(0))
        return self.parts.scope.familiarity(scores, counted, inside)

    def _check_vectors(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        expected = (len(texts), self.parts.features.dimensions)
        if vectors.shape != expected:
            raise ClassifierError(
                f"vectors have shape {vectors.shape}, expected {expected}: "
                "embed these texts with the model that the classifier was trained with"
            )


def _cosines(
    examples: Examples,
    vectors: NDArray[np.float32],
    held: NDArray[np.int64],
    part: NDArray[np.int64],
    counts: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Cosines of held-out rows with the nearest examples of the other parts; 0 where `counts` is false of an example."""
    places = np.full(len(vectors), -1, np.int64)
    places[held] = part
    found = np.zeros((len(held), examples.most), np.float32)
    for turn in np.unique(part):
        mine = part == turn
        near, cosines = examples.nearest(vectors[held[mine]], but=places == turn)
        found[mine] = np.where(counts[near], cosines, np.float32(0))
    return found


def _accuracy(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float | None:
    """Share of rows whose best label is right; None without rows."""
    return round(float(truth[np.arange(len(scores)), scores.argmax(axis=1)].mean()), 4) if len(scores) else None


def _figures(
    shares: NDArray[np.float32], truth: NDArray[np.bool_], limits: NDArray[np.float32], known: Sequence[str]
) -> dict[str, object]:
    """Accuracy, macro-F1, calibration error and what is abstained from, of the best label of each held-out row."""
    if not len(shares):
        return {"held_out": 0}
    best = shares.argmax(axis=1)
    row = np.arange(len(shares))
    right, confidence = truth[row, best], shares[row, best]
    kept = confidence >= limits[best]
    wanted = truth.argmax(axis=1)
    by_label = {}
    for at, label in enumerate(known):
        hit = int(((best == at) & truth[:, at]).sum())
        said, had = int((best == at).sum()), int(((wanted == at) if truth.sum() == len(truth) else truth[:, at]).sum())
        if had:
            by_label[label] = {"of": had, "recall": round(hit / had, 4), "f1": round(2 * hit / max(said + had, 1), 4)}
    return {
        "held_out": len(shares),
        "accuracy": round(float(right.mean()), 4),
        "macro_f1": round(float(np.mean([one["f1"] for one in by_label.values()])), 4),
        "calibration_error": round(calibration_error(confidence, right), 4),
        "abstained": round(float(1 - kept.mean()), 4),
        "accuracy_when_given": round(float(right[kept].mean()), 4) if kept.any() else None,
        "by_label": by_label,
        "reliability": reliability(confidence, right),
    }


def _by_value(values: Sequence[str | None], right: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Accuracy on the rows of each value."""
    found = {}
    for value in sorted({value for value in values if value}):
        mine = np.array([one == value for one in values], bool)
        found[value] = {"of": int(mine.sum()), "accuracy": round(float(right[mine].mean()), 4)}
    return found


def _check(
    texts: Sequence[str], vectors: NDArray[np.float32], given: Sequence[Sequence[str]], names: Sequence[str] | None
) -> None:
    if (
        vectors.ndim != 2
        or not len(texts) == len(vectors) == len(given)
        or (names is not None and len(names) != len(texts))
    ):
        raise ClassifierError(
            f"{len(texts)} texts, vectors of shape {vectors.shape}, {len(given)} labels"
            f"{'' if names is None else f', {len(names)} names'}: expected one of each a text"
        )
    bare = next((at for at, some in enumerate(given) if not some or not all(some)), None)
    if bare is not None:
        raise ClassifierError(f"text {bare} has no label, or an empty one; leave it out or label it")
    known = sorted({label for some in given for label in some})
    if len(known) < 2:
        raise ClassifierError(f"labels are {known}, expected two at least: label complaints of other kinds as well")


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT_CHARS else line[: _EXCERPT_CHARS - 1] + "…"
