"""Hold a file's records to the rules of rows through the very stages of the stream, in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.curate.context import build_context
from engine.intake.envelope import Envelope, to_table
from engine.settings import Settings
from engine.stages import pipeline
from engine.stages.quality import QUALITY

_CHUNK = 256
_EXAMPLES = 3


class _NoModel:
    """Stands where the stages that clean need no embedder; it makes no vectors."""

    name, revision = "none", "none"

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32, all zero."""
        return np.zeros((len(texts), self.dimensions), np.float32)

    def windows(self, texts: Sequence[str]) -> list[int]:
        """None is read at all."""
        return [1] * len(texts)


class Tried:
    """Counts over a file.

    Args:
        settings: which rules, and the bounds of a text.
    """

    def __init__(self, settings: Settings) -> None:
        self._context = build_context(settings, _NoModel(settings.embed.dimensions))
        self._records = self._flagged = self._rejected = 0
        self._rules: Counter[str] = Counter()
        self._out: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def run(self, records: Iterable[Envelope]) -> Iterator[int]:
        """Hold the records to the rules; yields how many are done."""
        rest = iter(records)
        while chunk := list(islice(rest, _CHUNK)):
            now = datetime.now(UTC)
            done = pipeline.clean(to_table([(one.event_id, one, 0) for one in chunk]), replace(self._context, now=now))
            rows = done.select(["error_stage", "error_code", "quality_flags"]).to_pylist()
            for one, row in zip(chunk, rows, strict=True):
                self._add(f"row {one.metadata.get('row', one.source_key)}", row)
            yield self._records

    def _add(self, where: str, row: dict[str, Any]) -> None:
        self._records += 1
        stage, reason = row["error_stage"], row["error_code"]
        broken = list(row["quality_flags"] or ())
        if stage == QUALITY.name:
            self._out[reason] += 1
            broken.append(reason)
        elif stage is not None:
            self._rejected += 1
            self._reasons[reason] += 1
        else:
            self._flagged += bool(broken)
        for name in dict.fromkeys(broken):
            self._rules[name] += 1
            examples = self._examples.setdefault(name, [])
            if len(examples) < _EXAMPLES:
                examples.append(where)

    def summary(self) -> dict[str, Any]:
        """For `--json`: records = flagged + quarantined + rejected + those without a fault."""
        return {
            "records": self._records,
            "flagged": self._flagged,
            "quarantined": self._out.total(),
            "rejected": self._rejected,
            "rules": [
                {
                    "rule": name,
                    "action": "quarantine" if name in self._out else "flag",
                    "records": count,
                    "examples": self._examples[name],
                }
                for name, count in self._rules.most_common()
            ],
            "reasons": dict(self._reasons.most_common()),
        }
