"""Trains a classifier from a file or from the stored labels, and puts it into the registry as the challenger."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.errors import BeejanError, StoreFull
from connectors.lance import StoreAway, open_reader
from engine.registry.aliases import Aliases, decide, folder_of
from engine.registry.store import publish, workshop
from engine.settings import ROOT, Settings
from engine.taxonomy.labels import carried_labels
from models.classifier import Classifier, ClassifierError, Trained
from models.classifier import train as fit

#: Steps that `train` tells, in order.
STEPS = ("reading", "features", "validation", "tuning", "calibration", "training", "writing")

_SLICES = ("language", "channel", "region")
_ALL, _CHUNK = 2**31 - 1, 1000


class CannotTrain(BeejanError):
    """There is nothing that a classifier can be trained on; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a classifier is trained on.

    Attributes:
        texts: masked.
        vectors: (n, d) float32, unit rows.
        labels: of each text, the first the one it is mainly of.
        embedding: name and revision of the model that the vectors are of.
        source: where it comes from, in words.
        names: what each text is called in reasons; None calls it by its beginning.
        slices: values of language, channel and region, where known.
        left_out: rows that could not be used.
    """

    texts: list[str]
    vectors: NDArray[np.float32]
    labels: list[tuple[str, ...]]
    embedding: tuple[str, str]
    source: str
    names: list[str] | None = None
    slices: dict[str, list[str | None]] = field(default_factory=dict)
    left_out: int = 0

    @property
    def tag(self) -> str:
        """A digest of texts and labels, in order."""
        return hashlib.sha256(json.dumps([self.texts, self.labels]).encode("utf-8", "replace")).hexdigest()[:16]


def train(
    settings: Settings,
    name: str,
    file: Path | None = None,
    *,
    seed: int = 20,
    epochs: int = 0,
    tell: Callable[[str], None] = lambda step: None,
) -> dict[str, Any]:
    """Train a version of a model and make it the challenger; the champion stays.

    Args:
        settings: where the registry, the labels and the taxonomy are.
        name: the model.
        file: a csv with `text` and `label`; None takes the stored labels.
        seed: of what is held out for validation.
        epochs: how often each text is seen when the encoder is fine-tuned; 0 leaves that out.
        tell: called with each of `STEPS`; "tuning" only where the encoder is fine-tuned.

    Returns:
        The manifest of the version.

    Raises:
        CannotTrain: the file cannot be read, or there are too few labels.
        NoModel: no model can have this name.
        TuningFailed: the encoder could not be fine-tuned.
    """
    from engine.curate.context import load_lineage
    from engine.registry.tuning import RayTuner

    folder_of(settings.data_dir, name)
    tell("reading")
    corpus = from_file(settings, file) if file is not None else from_labels(settings)
    taxonomy = load_lineage(settings).current
    known = {leaf.id for leaf in taxonomy.leaves()} | {leaf.category for leaf in taxonomy.leaves()}
    several = any(len(some) > 1 for some in corpus.labels)
    labels = corpus.labels if several else [some[0] for some in corpus.labels]
    try:
        made = fit(
            corpus.texts, corpus.vectors, labels, seed=seed, fallback=taxonomy.fallback, names=corpus.names,
            slices=corpus.slices, tuner=RayTuner(settings, epochs, seed) if epochs else None, tell=tell,
        )  # fmt: skip
    except ClassifierError as error:
        raise CannotTrain(f"{corpus.source}: {error}") from error
    tell("writing")
    ours = all(label in known for some in corpus.labels for label in some)
    about = _about(corpus, made, f"{taxonomy.name}/{taxonomy.version}" if ours else "")
    with workshop(settings.data_dir) as folder:
        try:
            made.classifier.save(folder)
            manifest = publish(settings.data_dir, name, folder, about)
        except OSError as error:
            raise StoreFull(f"model {name}: cannot be written ({error}); make room and train again") from error
    decide(
        settings.data_dir, name, "challenger", lambda before: _challenge(before, manifest["version"]), by="train"
    )  # fmt: skip
    return manifest


def _challenge(before: Aliases, version: str) -> Aliases:
    return replace(before, challenger=version)


def from_file(settings: Settings, path: Path) -> Corpus:
    """Labelled texts of a csv; they go through the stages that complaints go through, so they are masked as those are.

    Raises:
        CannotTrain: the file cannot be read, or has no columns `text` and `label`.
    """
    from engine.curate.local import process_texts

    rows = _read(path)
    texts: list[str] = []
    labels: list[tuple[str, ...]] = []
    languages: list[str | None] = []
    vectors: list[NDArray[np.float32]] = []
    at = 0
    for results, found in process_texts([text for text, _ in rows], settings):
        kept = [row for row, result in enumerate(results) if "error" not in result]
        texts += [results[row]["masked"] for row in kept]
        languages += [results[row]["language"] for row in kept]
        labels += [(rows[at + row][1],) for row in kept]
        vectors.append(found[kept])
        at += len(results)
    if not texts:
        raise CannotTrain(f"{path}: none of its {len(rows)} rows has a text and a label")
    return Corpus(
        texts, np.concatenate(vectors), labels, _embedding(settings), path.name,
        slices={"language": languages}, left_out=len(rows) - len(texts),
    )  # fmt: skip


def _read(path: Path) -> list[tuple[str, str]]:
    csv.field_size_limit(2**27)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not {"text", "label"} <= set(reader.fieldnames or ()):
                raise CannotTrain(f"{path}: columns {reader.fieldnames}; expected text and label")
            rows = [((row["text"] or "").strip(), (row["label"] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotTrain(f"{path}: cannot be read ({type(error).__name__}); expected CSV in UTF-8") from error
    return [(text, label) for text, label in rows if text and label]


def _embedding(settings: Settings) -> tuple[str, str]:
    from engine import embedding

    found = embedding.load(settings)
    return found.name, found.revision


def from_labels(settings: Settings) -> Corpus:
    """The stored labels but for the audit's, with the texts and vectors of their complaints.

    Vectors of one embedding model are used, that of most complaints; the others are left out.

    Raises:
        CannotTrain: there are none yet.
        StoreAway: the tables are not there, or cannot be read.
    """
    from engine.curate.context import load_lineage
    from engine.labels.desk import for_training, matrix

    zones, options = settings.zones_uri.rstrip("/"), settings.storage_options
    try:
        history = open_reader(f"{zones}/governance", "labels", options).search().limit(_ALL).to_list()
        complaints = open_reader(f"{zones}/serving", "complaints", options)
    except StoreAway as error:
        raise StoreAway(f"{zones}: no stored labels can be read; start the engine once, or use --data FILE") from error
    # What was labelled before the taxonomy changed, as it reads now; labels of what was split are to be redone.
    labelled, _ = carried_labels(for_training(history), load_lineage(settings))
    wanted = {row["event_id"]: tuple(row["labels"]) for row in labelled}
    columns = ["event_id", "text", "vector", "embedding_model", "embedding_revision", *_SLICES]
    rows: list[dict[str, Any]] = []
    vectors: list[NDArray[np.float32]] = []
    ids = sorted(wanted)
    for start in range(0, len(ids), _CHUNK):
        listed = ", ".join(f"'{key}'" for key in ids[start : start + _CHUNK])
        found = complaints.search().where(f"event_id IN ({listed})").select(columns).limit(_CHUNK).to_arrow()
        if found.num_rows:
            vectors.append(matrix(found["vector"]))
            rows += found.drop_columns(["vector"]).to_pylist()
    if not rows:
        raise CannotTrain(
            "no stored labels to train on: give some (`beejan label next`, `label import`), or use --data"
        )
    order = sorted(range(len(rows)), key=lambda at: rows[at]["event_id"])
    newest = _commonest([(rows[at]["embedding_model"], rows[at]["embedding_revision"]) for at in order])
    kept = [at for at in order if (rows[at]["embedding_model"], rows[at]["embedding_revision"]) == newest]
    return Corpus(
        [rows[at]["text"] for at in kept], np.concatenate(vectors)[kept], [wanted[rows[at]["event_id"]] for at in kept],
        newest, "stored labels", names=[f"complaint {rows[at]['event_id'][:12]}" for at in kept],
        slices={name: [rows[at][name] for at in kept] for name in _SLICES}, left_out=len(wanted) - len(kept),
    )  # fmt: skip


def _commonest(values: Sequence[tuple[str, str]]) -> tuple[str, str]:
    return max(sorted(set(values)), key=values.count)


def _about(corpus: Corpus, made: Trained, taxonomy: str) -> dict[str, Any]:
    return {
        "data": {
            "source": corpus.source, "rows": len(corpus.texts), "left_out": corpus.left_out, "tag": corpus.tag,
        },
        "code": _code(),
        "embedding": {"model": corpus.embedding[0], "revision": corpus.embedding[1]},
        "taxonomy": taxonomy,
        **made.about,
        "texts_per_s": _speed(made.classifier, corpus),
    }  # fmt: skip


def _speed(classifier: Classifier, corpus: Corpus) -> float:
    """Predictions a second of this process, without embedding."""
    texts, vectors = corpus.texts[:512], corpus.vectors[:512]
    begun = time.perf_counter()
    classifier.predict(texts, vectors)
    return round(len(texts) / (time.perf_counter() - begun), 1)


def _code() -> str:
    """The commit that this runs from, or the release."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "HEAD"],  # noqa: S607 -- git as the user has it
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
        return asked.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"beejan {installed('beejan')}"
