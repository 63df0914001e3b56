"""What the stages need beside the rows: keys, models and reference data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from connectors.mapping import Mapping
from models.embedder import Embedder
from models.pii import STRICT, Policy

if TYPE_CHECKING:
    from engine.govern.crypto import DataKey
    from engine.quality.rules import RowRule
    from models.classify import Prediction
    from models.clusters.assign import Clusters
    from models.places import Gazetteer
    from models.priority import PriorityModel
    from models.products import Catalogue

#: The step of the ladder under which texts are embedded by the static model (docs/overload.md).
EMBEDDING_STATIC = "embedding_static"

#: Part of every curated row; raised whenever a stage gives other results for the same payload.
PIPELINE_VERSION = "3"


#: The `classifier_version` of rows that no trained model has classified.
ZERO_SHOT = "zero-shot/1"


class Classifier(Protocol):
    """What gives complaints their category; it pickles."""

    def predict(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[Prediction]:
        """One prediction a text, of masked texts and their vectors (n, d) float32, unit rows."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the stages need; it pickles, so that Ray can carry it to the workers.

    `now` is the time of the micro-batch: stages never ask the clock, so the same rows and context give
    the same result.
    """

    data_key: DataKey
    pseudonym_key: bytes
    embedder: Embedder
    classifier: Classifier
    priority: PriorityModel
    taxonomy_version: str
    now: datetime
    #: The classifier's `name/version`.
    classifier_version: str = ZERO_SHOT
    max_text_chars: int = 200_000
    mappings: dict[str, Mapping] = field(default_factory=dict)
    #: What rows are held to, by the rule's name.
    quality: dict[str, RowRule] = field(default_factory=dict)
    #: Lower-case words that are right as they are, whatever a dictionary says (models.spelling).
    protected: frozenset[str] = frozenset()
    #: What regions and products are looked up in; None leaves them as they come.
    places: Gazetteer | None = None
    products: Catalogue | None = None
    currency: str = "NGN"
    #: Country of phone numbers without one, ISO 3166.
    phone_region: str = "NG"
    #: What is looked for and done with it, by type of personal data.
    pii: Policy = STRICT
    #: Work that is left out for now, by the names of the ladder's steps.
    shed: frozenset[str] = frozenset()
    #: Embeds while `embedding_static` is shed.
    quick: Embedder | None = None
    #: The model that is to follow `embedder`: new complaints get its vectors, too (engine.reembed).
    following: Embedder | None = None
    #: What new complaints are assigned to; None until complaints were clustered.
    clusters: Clusters | None = None

    @property
    def embeds(self) -> tuple[Embedder, list[str]]:
        """The model that embeds now, and what its rows are degraded by."""
        if self.quick is not None and EMBEDDING_STATIC in self.shed:
            return self.quick, [EMBEDDING_STATIC]
        return self.embedder, []
