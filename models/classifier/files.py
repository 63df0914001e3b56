"""A trained classifier as files: `classifier.json`, and those whose sha256 it holds.

They are `classifier.safetensors` and, of a fine-tuned one, `encoder.onnx`.
"""

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
from models.classifier.kernel import Kernel
from models.classifier.scope import Examples, Scope
from models.classifier.tuned import Tuned

ABOUT, TENSORS, ENCODER = "classifier.json", "classifier.safetensors", "encoder.onnx"

#: Raised whenever a release would read files of another one wrongly; those of 1 have linear heads alone.
_FORMAT, _READABLE = 2, (1, 2)


def save(parts: Parts, folder: Path) -> dict[str, str]:
    """Write the files and fsync them; returns the sha256 of each by its name."""
    from safetensors.numpy import save as to_bytes

    tuned = parts.tuned
    kernel = parts.heads.kernel
    more: dict[str, Any] = {} if kernel is None else {"kernel": kernel.weights}
    more |= {} if parts.calibration.mix is None else {"mix": parts.calibration.mix}
    more |= {} if tuned is None else {"tuned_weights": tuned.heads.weights, "tuned_bias": tuned.heads.bias}
    tensors = to_bytes(
        {
            "weights": parts.heads.weights, "bias": parts.heads.bias, "thresholds": parts.thresholds,
            "word_idf": parts.features.words.idf, "gram_idf": parts.features.grams.idf,
            "examples": parts.examples.vectors, "example_labels": parts.example_labels, **more,
        }
    )  # fmt: skip
    about = {
        "labels": parts.labels, "fallback": parts.fallback, "dimensions": parts.features.dimensions,
        "calibration": {key: getattr(parts.calibration, key) for key in _NUMBERS}, "scope": asdict(parts.scope), "names": parts.names,
        "words": parts.features.words.terms, "grams": parts.features.grams.terms,
    } | ({} if tuned is None else {"tuned": {"share": tuned.share, "sha256": tuned.sha256}})  # fmt: skip
    written = {"format": _FORMAT, "tensors_sha256": _sha(tensors), "about_sha256": _sha(_plain(about)), "about": about}
    content = json.dumps(written, ensure_ascii=True, indent=0).encode()
    folder.mkdir(parents=True, exist_ok=True)
    files = ({} if tuned is None else {ENCODER: tuned.model}) | {TENSORS: tensors, ABOUT: content}
    for name, data in files.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    return {name: _sha(data) for name, data in files.items()}


def load(folder: Path) -> Parts:
    """Read the files.

    Raises:
        ClassifierError: one is missing, damaged, or of another release.
    """
    from safetensors.numpy import load as from_bytes

    try:
        written = json.loads((folder / ABOUT).read_bytes())
        tensors = (folder / TENSORS).read_bytes()
    except (OSError, ValueError) as error:
        raise ClassifierError(f"{folder.name}: cannot be read ({type(error).__name__}); {_REMEDY}") from error
    if not isinstance(written, dict) or written.get("format") not in _READABLE:
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
    examples = Examples(held["examples"])
    kernel = Kernel(examples, held["kernel"]) if "kernel" in held else None
    tuned = None
    if "tuned" in about:
        heads = Heads.of(held["tuned_weights"], held["tuned_bias"])
        tuned = Tuned(
            _encoder(folder, about["tuned"]["sha256"]), about["tuned"]["sha256"], heads, about["tuned"]["share"]
        )
    features = Features(
        about["dimensions"], Vocabulary(about["words"], held["word_idf"]), Vocabulary(about["grams"], held["gram_idf"])
    )
    return Parts(
        tuple(about["labels"]), about["fallback"], features, Heads.of(held["weights"], held["bias"], kernel),
        Calibration(**about["calibration"], mix=held.get("mix")), np.asarray(held["thresholds"]), Scope(**about["scope"]),
        examples, held["example_labels"], tuple(about["names"]), tuned,
    )  # fmt: skip


def _encoder(folder: Path, expected: str) -> bytes:
    try:
        model = (folder / ENCODER).read_bytes()
    except OSError as error:
        raise ClassifierError(f"{folder.name}/{ENCODER}: cannot be read ({type(error).__name__}); {_REMEDY}") from error
    if _sha(model) != expected:
        raise ClassifierError(
            f"{folder.name}/{ENCODER}: sha256 {_sha(model)[:12]}…, expected {expected[:12]}…; {_REMEDY}"
        )
    return model


def _plain(about: dict[str, Any]) -> bytes:
    return json.dumps(about, sort_keys=True).encode()


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


#: Of a calibration, what is no array.
_NUMBERS = ("scale", "offset", "several", "cube")

_REMEDY = "train it again, or put its folder back from a backup"
