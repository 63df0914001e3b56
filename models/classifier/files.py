"""A trained classifier as two files: `classifier.json`, and `classifier.safetensors` whose sha256 it holds."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.classifier.calibrate import Calibration
from models.classifier.classifier import Parts
from models.classifier.errors import ClassifierError
from models.classifier.features import Features, Vocabulary
from models.classifier.heads import Heads
from models.classifier.scope import Examples, Scope

ABOUT, TENSORS = "classifier.json", "classifier.safetensors"

#: Raised whenever files of an older release would be read wrongly.
_FORMAT = 1


def save(parts: Parts, folder: Path) -> dict[str, str]:
    """Write both files and fsync them; returns the sha256 of each by its name."""
    from safetensors.numpy import save as to_bytes

    tensors = to_bytes(
        {
            "weights": parts.heads.weights, "bias": parts.heads.bias, "thresholds": parts.thresholds,
            "word_idf": parts.features.words.idf, "gram_idf": parts.features.grams.idf,
            "examples": parts.examples.vectors, "example_labels": parts.example_labels,
        }
    )  # fmt: skip
    about = {
        "labels": parts.labels, "fallback": parts.fallback, "dimensions": parts.features.dimensions,
        "calibration": asdict(parts.calibration), "scope": asdict(parts.scope), "names": parts.names,
        "words": parts.features.words.terms, "grams": parts.features.grams.terms,
    }  # fmt: skip
    written = {"format": _FORMAT, "tensors_sha256": _sha(tensors), "about_sha256": _sha(_plain(about)), "about": about}
    content = json.dumps(written, ensure_ascii=True, indent=0).encode()
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in ((TENSORS, tensors), (ABOUT, content)):
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    return {ABOUT: _sha(content), TENSORS: _sha(tensors)}


def load(folder: Path) -> Parts:
    """Read both files.

    Raises:
        ClassifierError: one is missing, damaged, or of another release.
    """
    from safetensors.numpy import load as from_bytes

    try:
        written = json.loads((folder / ABOUT).read_bytes())
        tensors = (folder / TENSORS).read_bytes()
    except (OSError, ValueError) as error:
        raise ClassifierError(f"{folder.name}: cannot be read ({type(error).__name__}); {_REMEDY}") from error
    if not isinstance(written, dict) or written.get("format") != _FORMAT:
        raise ClassifierError(f"{folder.name}/{ABOUT}: expected format {_FORMAT}; {_REMEDY}")
    about: dict[str, Any] = written.get("about", {})
    for name, found, expected in (
        (TENSORS, _sha(tensors), written.get("tensors_sha256")), (ABOUT, _sha(_plain(about)), written.get("about_sha256"))
    ):  # fmt: skip
        if found != expected:
            raise ClassifierError(
                f"{folder.name}/{name}: sha256 {found[:12]}…, expected {str(expected)[:12]}…; {_REMEDY}"
            )
    held = from_bytes(tensors)
    features = Features(
        about["dimensions"], Vocabulary(about["words"], held["word_idf"]), Vocabulary(about["grams"], held["gram_idf"])
    )
    return Parts(
        tuple(about["labels"]), about["fallback"], features, Heads.of(held["weights"], held["bias"]),
        Calibration(**about["calibration"]), np.asarray(held["thresholds"]), Scope(**about["scope"]),
        Examples(held["examples"]), held["example_labels"], tuple(about["names"]),
    )  # fmt: skip


def _plain(about: dict[str, Any]) -> bytes:
    return json.dumps(about, sort_keys=True).encode()


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_REMEDY = "train it again, or put its folder back from a backup"
