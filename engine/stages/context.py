"""What the stages need beside the rows: keys, models and reference data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.mapping import Mapping
from models.embedder import Embedder

if TYPE_CHECKING:
    from engine.govern.crypto import DataKey
    from models.classify import ZeroShotClassifier
    from models.priority import PriorityModel

#: Part of every curated row; raised whenever a stage gives other results for the same payload.
PIPELINE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the stages need; it pickles, so that Ray can carry it to the workers.

    `now` is the time of the micro-batch: stages never ask the clock, so the same rows and context give
    the same result.
    """

    data_key: DataKey
    pseudonym_key: bytes
    embedder: Embedder
    classifier: ZeroShotClassifier
    priority: PriorityModel
    taxonomy_version: str
    now: datetime
    max_text_chars: int = 200_000
    mappings: dict[str, Mapping] = field(default_factory=dict)
