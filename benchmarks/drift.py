"""How often drift is called where there is none, and where there is some: `python -m benchmarks.drift DATA_DIR`.

Weeks and the four weeks before them are drawn at random from one set of labelled texts, so nothing differs but chance.
Then a share of the week is replaced by texts of labels that the weeks before did not have. The measures are those of
`models show`; confidence and abstention are of a logistic regression on half of the texts.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from engine.registry.drift import Side, judge

#: The bounds were looked at with seed 31; another seed draws other texts, labels and weeks.
_SEED, _WEEKS = 32, 200
#: Complaints of the week; the reference has four times as many.
_SIZES = (200, 500, 800)
_SHARES = (0.05, 0.1, 0.2, 0.4)
#: Texts are abstained on below this confidence.
_LEAST = 0.3
_NEW_LABELS = 8


def measure(folder: Path) -> dict[str, Any]:
    """False alarms by measure and size of the week, and how often a share of new texts is called."""
    vectors, rows, new, judged = _texts(folder)
    random = np.random.default_rng(_SEED)
    common, strange = np.flatnonzero(~new), np.flatnonzero(new)
    weeks = []
    for size in _SIZES:
        called: Counter[str] = Counter()
        some = 0
        for _ in range(_WEEKS):
            found = _week(random, common, strange, size, 0.0, vectors, rows, judged)
            called.update(found)
            some += bool(found)
        weeks.append(
            {"complaints": size, "weeks": _WEEKS, "any": some, **{name: called[name] for name in sorted(called)}}
        )
    shifts = []
    for share in _SHARES:
        seen: Counter[str] = Counter()
        any_ = 0
        for _ in range(_WEEKS // 4):
            found = _week(random, common, strange, _SIZES[1], share, vectors, rows, judged)
            seen.update(found)
            any_ += bool(found)
        shifts.append({"share": share, "weeks": _WEEKS // 4, "any": any_, **dict(seen)})
    return {"machine": machine(), "seed": _SEED, "texts": len(rows), "none": weeks, "new_texts": shifts}


def _week(
    random: np.random.Generator,
    common: NDArray[np.int64],
    strange: NDArray[np.int64],
    size: int,
    share: float,
    vectors: NDArray[np.float32],
    rows: list[dict[str, Any]],
    judged: list[tuple[float, bool]],
) -> list[str]:
    """The measures that are called drift in one drawn week."""
    odd = int(size * share)
    drawn = random.choice(common, 5 * size - odd, replace=False)
    now = np.concatenate([drawn[: size - odd], random.choice(strange, odd, replace=False)]) if odd else drawn[:size]
    sides = [
        Side([rows[row] for row in part], vectors[part], [judged[row] for row in part[:100]])
        for part in (now, drawn[size - odd :])
    ]
    return [one["name"] for one in judge(sides[0], sides[1], {})["measures"] if one["state"] == "drift"]


def _texts(
    folder: Path,
) -> tuple[NDArray[np.float32], list[dict[str, Any]], NDArray[np.bool_], list[tuple[float, bool]]]:
    """Vectors and rows of the half that nothing was trained on, and which texts are of the labels kept apart."""
    from sklearn.linear_model import LogisticRegression

    from engine import embedding
    from engine.curate.static_model import path_of
    from engine.settings import load_settings
    from models.static_embedder import load

    with (folder / "banking77" / "train.csv").open(encoding="utf-8") as lines:
        given = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    settings = load_settings()
    full = embedding.load(settings)
    vectors = load(path_of(settings, full.name, full.revision)).encode([text for text, _ in given])
    random = np.random.default_rng(_SEED)
    labels = np.array([label for _, label in given])
    kept = random.choice(np.unique(labels), _NEW_LABELS, replace=False)
    new = np.isin(labels, kept)
    train = (random.random(len(labels)) < 0.5) & ~new
    model = LogisticRegression(C=30, max_iter=200).fit(vectors[train], labels[train])
    chances = model.predict_proba(vectors[~train])
    best = chances.argmax(axis=1)
    said = model.classes_[best]
    confidence = chances[np.arange(len(best)), best].astype(float)
    rows = [
        {
            "subcategory": str(label), "confidence": float(sure), "taxonomy_version": "banking77/1",
            "category_reasons": ["abstained: too unsure"] if sure < _LEAST else ["nearest"],
        }
        for label, sure in zip(said, confidence, strict=True)
    ]  # fmt: skip
    # Calibrated by construction: a share of the answers is right that the confidence says.
    right = random.random(len(confidence)) < confidence
    judged = [(float(sure), bool(ok)) for sure, ok in zip(confidence, right, strict=True)]
    return vectors[~train], rows, new[~train], judged


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1])), indent=1) + "\n")
