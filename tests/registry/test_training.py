"""A csv, or the stored labels, become a version that is the challenger; the champion stays."""

import json
from datetime import UTC, datetime

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from engine.registry.aliases import read
from engine.registry.load import manifest_of
from engine.registry.training import CannotTrain, train
from engine.settings import Settings
from engine.tables import LABELS
from models.classifier import Classifier

TEXTS = {
    "network.slow_data": "internet is slow today number {n} and pages do not load",
    "billing.overcharge": "you charged my account twice, money number {n} is gone",
}


def settings_of(tmp_path):
    return Settings(data_dir=tmp_path)


def write(path, rows, header="text,label"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_csv_becomes_a_challenger_without_its_personal_data(tmp_path):
    rows = [
        f'"{text.format(n=n)}, call me on 0803123456{n % 10}",{label}'
        for label, text in TEXTS.items()
        for n in range(15)
    ]
    steps = []
    manifest = train(settings_of(tmp_path), "mine", write(tmp_path / "labelled.csv", rows), tell=steps.append)
    assert read(tmp_path, "mine").challenger == manifest["version"] and read(tmp_path, "mine").champion is None
    assert manifest == manifest_of(tmp_path, "mine", manifest["version"])
    assert steps == ["reading", "features", "validation", "calibration", "training", "writing"]
    assert manifest["data"]["rows"] == 30 and manifest["metrics"]["held_out"] == 30
    folder = tmp_path / "models" / "mine" / manifest["version"]
    assert "0803123456" not in (folder / "classifier.json").read_text()
    assert set(Classifier.load(folder).labels) == set(TEXTS)
    assert set(manifest["embedding"]) == {"model", "revision"} and manifest["texts_per_s"] > 0


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["a,b"], "words,label", "expected text and label"),
        (["slow,network"], "text,label", "two at least"),
        ([], "text,label", "none of its 0 rows"),
    ],
)
def test_a_file_that_teaches_nothing_leaves_no_model(tmp_path, rows, header, message):
    with pytest.raises(CannotTrain, match=message):
        train(settings_of(tmp_path), "mine", write(tmp_path / "bad.csv", rows, header))
    assert not (tmp_path / "models").exists()


def stored(tmp_path, kinds):
    """Complaints and their labels, one of each kind given."""
    rng = np.random.default_rng(1)
    labels, complaints = [], []
    for n, kind in enumerate(kinds):
        label, text = list(TEXTS.items())[n % 2]
        event_id = f"{n:064x}"
        vector = rng.standard_normal(8).astype(np.float32) + (4 if n % 2 else -4)
        complaints.append(
            {
                "event_id": event_id, "text": text.format(n=n), "vector": vector / np.linalg.norm(vector),
                "embedding_model": "toy", "embedding_revision": "1", "language": "eng", "channel": "sms", "region": None,
            }
        )  # fmt: skip
        labels.append(
            {
                "label_id": f"l{n}", "event_id": event_id, "text_hash": f"h{n}", "labels": [label], "kind": kind,
                "category": label.partition(".")[0], "subcategory": label, "labeller": "ada",
                "taxonomy_version": "telecom/1", "created_at": datetime(2026, 3, 1, tzinfo=UTC), "superseded_by": None,
            }
        )  # fmt: skip
    zones = tmp_path / "zones"
    lancedb.connect(str(zones / "governance")).create_table(
        "labels", pa.Table.from_pylist(labels, schema=LABELS.schema)
    )
    schema = pa.schema(
        [
            (name, pa.string())
            for name in ("event_id", "text", "embedding_model", "embedding_revision", "language", "channel", "region")
        ]
        + [("vector", pa.list_(pa.float32(), 8))]
    )
    lancedb.connect(str(zones / "serving")).create_table("complaints", pa.Table.from_pylist(complaints, schema=schema))


def test_stored_labels_are_learnt_from_and_the_audits_are_not(tmp_path):
    stored(tmp_path, ["human"] * 18 + ["audit"] * 2)
    manifest = train(settings_of(tmp_path), "complaints")
    assert (manifest["data"]["source"], manifest["data"]["rows"]) == ("stored labels", 18)
    assert manifest["embedding"] == {"model": "toy", "revision": "1"}
    assert manifest["metrics"]["slices"]["channel"]["sms"]["of"] == manifest["metrics"]["held_out"]
    about = json.loads((tmp_path / "models" / "complaints" / manifest["version"] / "classifier.json").read_text())
    assert about["about"]["names"][0] == "complaint 000000000000"


def test_without_labels_it_says_how_to_get_some(tmp_path):
    stored(tmp_path, ["audit", "audit"])
    with pytest.raises(CannotTrain, match="label next"):
        train(settings_of(tmp_path), "complaints")
