"""Two versions of a classifier on the same labelled complaints: which is better, where, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifier.calibrate import calibration_error
from models.classifier.reliability import reliability
from models.classify import Prediction

#: A slice with fewer labels is shown and not judged.
LEAST_ROWS = 30
SLICES = ("language", "channel", "region")

_RESAMPLES, _SEED = 10_000, 20
_MOST_CONFUSIONS = 20


@dataclass(frozen=True, slots=True)
class Labelled:
    """A complaint that somebody labelled.

    Attributes:
        labels: categories or leaves; one of them right is right.
        slices: its language, channel and region, where known.
    """

    labels: tuple[str, ...]
    slices: dict[str, str | None]


def compare(items: Sequence[Labelled], old: Sequence[Prediction], new: Sequence[Prediction]) -> dict[str, Any]:
    """The report of `models compare`.

    Args:
        items: what neither version was trained on.
        old: the champion's predictions, one an item.
        new: the other version's.

    Returns:
        of; accuracy, category, macro_f1, calibration_error, abstained and `reliability` of both; `gain`, the
        difference of accuracy with its 95 % interval; `slices` with theirs; `confusion`, the errors whose number
        changed most; and why it is not to be promoted, if so, in `against`.
    """
    before, after = rights(items, old), rights(items, new)
    gain = gained(before, after)
    slices = [one for column in SLICES for one in _sliced(column, items, before, after)]
    against = _against(gain, slices)
    return {
        "of": len(items),
        "champion": _told(items, old, before),
        "challenger": _told(items, new, after),
        "gain": gain,
        "slices": slices,
        "confusion": _confusion(items, old, new, before, after),
        "against": against,
    }


def rights(items: Sequence[Labelled], predictions: Sequence[Prediction]) -> NDArray[np.bool_]:
    """(n,) whether each prediction is right: its leaf, or its category where the label is no finer."""
    pairs = zip(items, predictions, strict=True)
    return np.array([p.subcategory in i.labels or p.category in i.labels for i, p in pairs], bool)


def gained(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, Any]:
    """The difference of two shares over the same rows with its paired bootstrap interval (Efron 1979, percentiles).

    A resample of rows is a draw of how many of them got better, worse or stayed, so it is drawn as that.
    """
    n = len(before)
    if not n:
        return {"of": 0, "difference": None, "low": None, "high": None, "better": 0, "worse": 0}
    better, worse = int((after & ~before).sum()), int((before & ~after).sum())
    drawn = np.random.default_rng(_SEED).multinomial(
        n, [better / n, worse / n, (n - better - worse) / n], size=_RESAMPLES
    )
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    return {
        "of": n,
        "difference": round((better - worse) / n, 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "better": better,
        "worse": worse,
    }


def _sliced(
    column: str, items: Sequence[Labelled], before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> Iterable[dict[str, Any]]:
    values = [item.slices.get(column) for item in items]
    for value in sorted({value for value in values if value}):
        mine = np.array([one == value for one in values], bool)
        found = gained(before[mine], after[mine])
        judged = found["of"] >= LEAST_ROWS
        yield {
            "column": column,
            "value": value,
            "champion": round(float(before[mine].mean()), 4),
            "challenger": round(float(after[mine].mean()), 4),
            **found,
            "judged": judged,
            "worse_for_sure": judged and found["high"] < 0,
        }


def _against(gain: dict[str, Any], slices: Sequence[dict[str, Any]]) -> list[str]:
    found = []
    if not gain["of"]:
        found.append("there are no held-out labels to compare on")
    elif gain["low"] <= 0:
        found.append(
            f"no gain is shown: accuracy changes by {gain['difference']:+.4f} on {gain['of']} labels, 95 % interval "
            f"{gain['low']:+.4f} to {gain['high']:+.4f}"
        )
    found += [
        f"{one['column']} {one['value']} gets worse: {one['champion']:.4f} to {one['challenger']:.4f} on {one['of']} "
        f"labels, interval {one['low']:+.4f} to {one['high']:+.4f}"
        for one in slices
        if one["worse_for_sure"]
    ]
    return found


def _told(items: Sequence[Labelled], predictions: Sequence[Prediction], right: NDArray[np.bool_]) -> dict[str, Any]:
    n = len(items)
    if not n:
        none = ("accuracy", "category", "macro_f1", "calibration_error", "abstained")
        return dict.fromkeys(none) | {"reliability": []}
    pairs = zip(items, predictions, strict=True)
    category = [p.category in {name.partition(".")[0] for name in i.labels} for i, p in pairs]
    confidence = np.array([p.confidence for p in predictions], np.float64)
    kept = np.array([not abstained(p.reasons) for p in predictions], bool)
    return {
        "accuracy": round(float(right.mean()), 4),
        "category": round(sum(category) / n, 4),
        "macro_f1": round(_macro_f1(items, predictions), 4),
        "calibration_error": round(calibration_error(confidence[kept], right[kept]), 4),
        "abstained": round(float(1 - kept.mean()), 4),
        "reliability": reliability(confidence[kept], right[kept]),
    }


def abstained(reasons: Sequence[str]) -> bool:
    """Whether the classifier gave the fallback for want of a better one."""
    return bool(reasons) and reasons[0].startswith("abstained")


def _macro_f1(items: Sequence[Labelled], predictions: Sequence[Prediction]) -> float:
    """Mean F1 over the labels that the items have; the first label of an item is its own, unless another is given."""
    truth = [_truth(item, prediction) for item, prediction in zip(items, predictions, strict=True)]
    given = [_given(item, prediction) for item, prediction in zip(items, predictions, strict=True)]
    wanted, said = Counter(truth), Counter(given)
    hit = Counter(t for t, g in zip(truth, given, strict=True) if t == g)
    return sum(2 * hit[label] / (wanted[label] + said[label]) for label in wanted) / len(wanted)


def _truth(item: Labelled, prediction: Prediction) -> str:
    for label in (prediction.subcategory, prediction.category):
        if label in item.labels:
            return label
    return item.labels[0]


def _given(item: Labelled, prediction: Prediction) -> str:
    """The prediction, no finer than the label it is compared with."""
    return prediction.subcategory if "." in _truth(item, prediction) else prediction.category


def _confusion(
    items: Sequence[Labelled],
    old: Sequence[Prediction],
    new: Sequence[Prediction],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
) -> list[dict[str, Any]]:
    """Errors, as (label, prediction), by how much their number changed."""
    was, is_ = (
        Counter((_truth(i, p), _given(i, p)) for i, p, right in zip(items, found, rights_, strict=True) if not right)
        for found, rights_ in ((old, before), (new, after))
    )
    changed = sorted(was.keys() | is_.keys(), key=lambda pair: (-abs(is_[pair] - was[pair]), pair))
    return [
        {"label": pair[0], "predicted": pair[1], "champion": was[pair], "challenger": is_[pair]}
        for pair in changed[:_MOST_CONFUSIONS]
        if is_[pair] != was[pair]
    ]
