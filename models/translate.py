"""Predictions of one taxonomy version told in the next, the same for past rows and for new ones.

What was renamed, merged or moved is mapped. What was split is scored again, among what it was split into alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classify import Prediction, ZeroShotClassifier
from models.crosswalk import Crosswalk
from models.embedder import Embedder
from models.taxonomy import Category, Taxonomy
from models.taxonomy_change import Step


@dataclass(frozen=True, slots=True)
class Translator:
    """From a version to the next; it pickles.

    Attributes:
        crosswalk: what became of each leaf.
        splitters: for each leaf that was split, a classifier that knows nothing but what it was split into.
    """

    crosswalk: Crosswalk
    splitters: Mapping[str, ZeroShotClassifier]

    @classmethod
    def build(cls, step: Step, embedder: Embedder) -> Translator:
        """Embeds the seed phrases of what was split; nothing is embedded where nothing was.

        Args:
            step: from one version to the next.
            embedder: the one that embedded the complaints.
        """
        splitters = {
            old: ZeroShotClassifier.build(_only(step.taxonomy, split.targets, split.otherwise), embedder)
            for old, split in step.splits.items()
        }
        return cls(step.crosswalk, splitters)

    def told(
        self, before: Sequence[Prediction], texts: Sequence[str], vectors: NDArray[np.float32]
    ) -> list[Prediction]:
        """Predictions of the version before as ones of the next.

        An id that the version does not have stays as it is. The confidence of a split complaint is that of before,
        times that in its category among those it was split into.

        Args:
            before: one a text.
            texts: masked texts.
            vectors: (n, d) float32, unit rows.
        """
        found = [self._mapped(prediction) for prediction in before]
        for old, splitter in self.splitters.items():
            rows = [row for row, prediction in enumerate(before) if prediction.subcategory == old]
            if not rows:
                continue
            again = splitter.predict([texts[row] for row in rows], vectors[rows])
            for row, new in zip(rows, again, strict=True):
                sure = before[row].confidence * new.confidence
                reasons = [f"{old} was split in version {self.crosswalk.target}", *new.reasons]
                found[row] = replace(new, confidence=sure, margin=before[row].margin, reasons=reasons)
        return found

    def _mapped(self, prediction: Prediction) -> Prediction:
        new = self.crosswalk.shares.get(prediction.subcategory, {})
        if len(new) != 1 or prediction.subcategory in new:
            return prediction
        (leaf,) = new
        return replace(prediction, category=leaf.partition(".")[0], subcategory=leaf)


@dataclass(frozen=True, slots=True)
class Translated:
    """A classifier of an older version that answers in a newer one.

    Attributes:
        classifier: anything with `predict`.
        translators: from its version to the newer one, in order.
    """

    classifier: Any
    translators: Sequence[Translator]

    def predict(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[Prediction]:
        """As `ZeroShotClassifier.predict`."""
        found: list[Prediction] = self.classifier.predict(texts, vectors)
        for translator in self.translators:
            found = translator.told(found, texts, vectors)
        return found


def _only(taxonomy: Taxonomy, ids: Sequence[str], fallback: str) -> Taxonomy:
    """The taxonomy with these leaves alone."""
    categories = [
        replace(category, subcategories=tuple(leaf for leaf in category.subcategories if leaf.id in ids))
        for category in taxonomy.categories
    ]
    kept: tuple[Category, ...] = tuple(category for category in categories if category.subcategories)
    return Taxonomy(taxonomy.version, taxonomy.name, fallback, kept)
