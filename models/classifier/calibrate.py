"""Scores to probabilities that hold, and the confidence below which a label is not given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A label's threshold is its own from this many held-out predictions on; below, that of all labels together.
_ENOUGH_PREDICTIONS = 30


@dataclass(frozen=True, slots=True)
class Calibration:
    """From scores to probabilities, fitted on texts that the scores were not trained on.

    One label a text: softmax(scale × score + cube × score³), temperature scaling (Guo et al. 2017, "On Calibration of
    Modern Neural Networks") with a cube, since scores of kernel heads crowd towards 1; and where there are texts enough a mixture of its logarithms (Kull et al. 2019, "Beyond temperature
    scaling: Dirichlet calibration"), which knows that some labels are given too often, and for which others. Several:
    sigmoid(scale × score + offset) (Platt 1999), the same two numbers for every label, since rare
    labels have too few texts for their own.
    """

    scale: float
    offset: float
    several: bool
    cube: float = 0.0
    #: (labels + 1, labels) float32, multiples of 2^-14: what each logarithm adds to each label's, and at last a constant.
    mix: NDArray[np.float32] | None = field(default=None, compare=False)

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, labels) float32 in [0, 1]; rows add up to 1 where a text has one label."""
        wide = scores.astype(np.float64)
        raised = wide * self.scale
        if self.several:
            return np.asarray(1 / (1 + np.exp(-np.clip(raised + self.offset, -60, 60))), dtype=np.float32)
        shares = _softmax(raised + self.cube * wide**3)
        if self.mix is not None:
            # Both factors are multiples, so that sums are exact and a text's shares do not depend on its batch.
            mixed = np.rint(_logs(shares) / _STEP) * _STEP @ self.mix[:-1].astype(np.float64) + self.mix[-1]
            shares = _softmax(mixed)
        return np.asarray(shares, dtype=np.float32)


def _softmax(raised: Floats) -> Floats:
    powers = np.exp(raised - raised.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def _logs(shares: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(shares, _LEAST)), dtype=np.float64)


def fit_calibration(scores: NDArray[np.float32], truth: NDArray[np.bool_], *, several: bool) -> Calibration:
    """The calibration of least log-loss.

    Args:
        scores: (n, labels), of texts that the heads were not trained on.
        truth: (n, labels), which labels a text has.
        several: whether a text may have several labels.
    """
    fitted = _fit_scale(scores, truth, several=several)
    if several or len(scores) < _ENOUGH_FOR_MIX * truth.shape[1]:
        return fitted
    return replace(fitted, mix=_fit_mix(_logs(fitted.probabilities(scores).astype(np.float64)), truth))


def _fit_scale(scores: NDArray[np.float32], truth: NDArray[np.bool_], *, several: bool) -> Calibration:
    from scipy.optimize import minimize

    start = np.array([0.0, 0.0]) if several else np.array([1.0, 1.0])

    def of(point: Floats) -> Calibration:
        first, second = float(np.exp(point[0])), float(point[1])
        # A cube of no less than nothing keeps the order of scores.
        return Calibration(first, second, several) if several else Calibration(first, 0.0, several, second**2)

    def loss(point: Floats) -> float:
        return _loss(of(point).probabilities(scores), truth, several=several)

    return of(minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-7}).x)


def _fit_mix(logs: Floats, truth: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The mixture of least log-loss with a penalty on what is not the identity."""
    from scipy.optimize import minimize

    rows, labels = logs.shape
    inputs = np.c_[logs, np.ones(rows)]
    identity = np.eye(labels + 1, labels)

    def loss(point: Floats) -> tuple[float, Floats]:
        change = point.reshape(labels + 1, labels)
        shares = _softmax(inputs @ (identity + change))
        value = -np.log(np.maximum(shares[truth], 1e-12)).sum() + _PENALTY * (change**2).sum()
        slope = inputs.T @ (shares - truth) + 2 * _PENALTY * change
        return float(value) / rows, slope.ravel() / rows

    found = minimize(loss, np.zeros(identity.size), jac=True, method="L-BFGS-B").x.reshape(identity.shape)
    return np.asarray(np.rint((identity + found) / _MIX_STEP) * _MIX_STEP, dtype=np.float32)


def fit_share(
    scores: NDArray[np.float32], others: NDArray[np.float32], truth: NDArray[np.bool_], *, several: bool
) -> float:
    """What to multiply other scores by, so that their sum with `scores` has the least log-loss once calibrated.

    Args:
        scores: (n, labels), of texts that neither was trained on.
        others: (n, labels).
        truth: (n, labels).
        several: whether a text may have several labels.
    """
    from scipy.optimize import minimize_scalar

    def loss(power: float) -> float:
        mixed = scores + np.float32(np.exp(power)) * others
        return _loss(_fit_scale(mixed, truth, several=several).probabilities(mixed), truth, several=several)

    start = float(np.log(max(float(scores.std()), 1e-6) / max(float(others.std()), 1e-6)))
    found = minimize_scalar(loss, bounds=(start - 3, start + 3), method="bounded", options={"xatol": 0.05})
    return float(np.exp(found.x))


def _loss(shares: NDArray[np.float32], truth: NDArray[np.bool_], *, several: bool) -> float:
    """Mean log-loss of a text."""
    clipped = np.clip(shares.astype(np.float64), 1e-12, 1 - 1e-12)
    right = np.log(clipped[truth]).sum()
    wrong = np.log1p(-clipped[~truth]).sum() if several else 0.0
    return -float(right + wrong) / len(shares)


def thresholds(
    confidence: NDArray[np.float32], given: NDArray[np.int64], right: NDArray[np.bool_], labels: int, precision: float
) -> NDArray[np.float32]:
    """For each label the confidence from which its predictions are right often enough.

    Args:
        confidence: (n,) of held-out predictions.
        given: (n,) the label each gave.
        right: (n,) whether it was right.
        labels: how many there are.
        precision: share of right predictions wanted among those that are kept.

    Returns:
        (labels,) float32; 0 keeps all. A label with few predictions takes the threshold of all labels together.
    """
    common = _threshold(confidence, right, precision)
    found = np.full(labels, common, dtype=np.float32)
    for label in range(labels):
        mine = given == label
        if mine.sum() >= _ENOUGH_PREDICTIONS:
            found[label] = _threshold(confidence[mine], right[mine], precision)
    return found


def _threshold(confidence: NDArray[np.float32], right: NDArray[np.bool_], precision: float) -> float:
    """The lowest confidence whose kept predictions reach the precision; where none does, just above the best of them."""
    if not len(confidence) or right.mean() >= precision:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    kept = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last = np.r_[confidence[order][1:] < confidence[order][:-1], True]  # equal confidences are kept or left together
    enough = np.flatnonzero((kept >= precision) & last)
    return float(confidence[order][enough[-1]]) if len(enough) else float(np.nextafter(confidence.max(), np.float32(2)))


def calibration_error(confidence: Sequence[float] | Floats | NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 bins of equal width (Naeini et al. 2015), 0 for no predictions."""
    shares = np.asarray(confidence, dtype=np.float64)
    if not len(shares):
        return 0.0
    bins = np.minimum((shares * _BINS).astype(int), _BINS - 1)
    gaps = [abs(shares[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


_BINS = 15
_LEAST, _STEP, _MIX_STEP = 1e-9, 2.0**-20, 2.0**-14

#: Held-out texts for each label from which a mixture is fitted, and its penalty: chosen on folds of seven tenths of the airline
#: tweets, of 3, 10 and 30, where it lowers log-loss by .07 and the calibration error to that of chance.
_ENOUGH_FOR_MIX, _PENALTY = 100, 10.0


def best_f1(shares: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float32]:
    """For each label of texts with several the probability from which giving it has the best F1; .5 for rare ones.

    Args:
        shares: (n, labels) of held-out texts.
        truth: (n, labels) which labels a text has.
    """
    found = np.full(shares.shape[1], 0.5, np.float32)
    for label in range(shares.shape[1]):
        had = int(truth[:, label].sum())
        if had < _ENOUGH_POSITIVES:
            continue
        order = np.argsort(-shares[:, label], kind="stable")
        hits = np.cumsum(truth[order, label])
        found[label] = shares[order[int((2 * hits / (np.arange(1, len(order) + 1) + had)).argmax())], label]
    return found


_ENOUGH_POSITIVES = 10
