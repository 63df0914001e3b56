"""ONNX embedders: near the reference, independent of the batch to the bit, and never from a damaged file."""

import csv
import itertools
import json
import pickle
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.embedder import load_embedder, source_folder
from models.onnx_embedder import OnnxEmbedder, OnnxModelError, _calls, sum_of
from models.onnx_export import export
from models.onnx_graph import NotExportable, check, quantised
from tests.models.checks import TEXTS, check_embedder, check_reload

WEIGHTS = "53aa51172d14"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    made = {}
    for precision in ("int8", "fp32"):
        made[precision] = tmp_path_factory.mktemp("onnx") / f"model-{precision}.onnx"
        export(source_folder(None, None), "mini", WEIGHTS, made[precision], precision)
    return made


@pytest.fixture(scope="module", params=["int8", "fp32"])
def embedder(request, files):
    return OnnxEmbedder(files[request.param])


@pytest.fixture(scope="module")
def reference():
    return load_embedder(device="cpu", threads=1)


def test_it_holds_to_what_every_embedder_does(embedder):
    check_embedder(embedder)
    check_reload(embedder, pickle.loads(pickle.dumps(embedder)))


def test_name_and_revision_tell_weights_and_precision(files):
    int8, fp32 = OnnxEmbedder(files["int8"]), OnnxEmbedder(files["fp32"])
    assert (int8.name, int8.base, int8.revision) == ("mini", WEIGHTS, f"{WEIGHTS}+int8.1")
    assert fp32.revision == f"{WEIGHTS}+fp32.1"


def test_fp32_computes_what_the_reference_computes(files, reference):
    found, expected = OnnxEmbedder(files["fp32"]).encode(TEXTS), reference.encode(TEXTS)
    assert np.abs(found - expected).max() < 1e-5


def test_int8_stays_near_the_reference(files, reference, data):
    with (data / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][:150]
    cosines = np.sum(OnnxEmbedder(files["int8"]).encode(texts) * reference.encode(texts), axis=1)
    assert cosines.mean() >= 0.99 and cosines.min() >= 0.96


def test_any_split_of_real_texts_gives_the_same_bits(embedder, data):
    with (data / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        texts = [*[row["text"] for row in csv.DictReader(file)][:60], "no signal since monday " * 90]
    whole = embedder.encode(texts)
    chance = random.Random(5)
    for _ in range(3):
        order = chance.sample(range(len(texts)), len(texts))
        bounds = [0, *sorted(chance.sample(range(1, len(texts)), 6)), len(texts)]
        for low, high in itertools.pairwise(bounds):
            rows = order[low:high]
            assert np.array_equal(embedder.encode([texts[row] for row in rows]), whole[rows])


def test_threads_change_nothing(embedder):
    side_by_side = OnnxEmbedder(embedder._path, threads=3)
    assert np.array_equal(side_by_side.encode(TEXTS), embedder.encode(TEXTS))


def test_a_duplicate_is_embedded_once(files, monkeypatch):
    embedder, seen = OnnxEmbedder(files["int8"]), []
    pieces = embedder._pieces
    monkeypatch.setattr(embedder, "_pieces", lambda texts: seen.extend(texts) or pieces(texts))
    embedder.encode(["again", "again", "once", "again"])
    assert seen == ["again", "once"]


def test_a_damaged_or_changed_file_is_refused(files, tmp_path):
    path = tmp_path / "model.onnx"
    shutil.copy(files["int8"], path)
    with pytest.raises(OnnxModelError, match="one beside it"):
        OnnxEmbedder(path)
    shutil.copy(sum_of(files["int8"]), sum_of(path))
    OnnxEmbedder(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(OnnxModelError, match="made again") as caught:
        OnnxEmbedder(path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(FileNotFoundError):
        OnnxEmbedder(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("config.json", {"model_type": "roberta"}, "'roberta'"),
        ("config.json", {"hidden_act": "relu"}, "'relu'"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "cls_token"),
        ("modules.json", None, "modules are"),
    ],
)
def test_another_architecture_is_not_exported(tmp_path, file, change, told):
    folder = tmp_path / "model"
    shutil.copytree(source_folder(None, None), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change) if change else "[]")
    with pytest.raises(NotExportable, match=told):
        check(folder)


def test_weights_are_rounded_to_the_nearest_step_a_row():
    # The largest of a row is 127 steps: 2.54 / 127 = .02 a step; .994 is 49.7 steps, -.045 is -2.25.
    whole, scale = quantised(np.array([[2.54, 0.994, -0.045], [0, 0, 0]], np.float32))
    assert whole.tolist() == [[127, 50, -2], [0, 0, 0]]
    assert scale[0] == pytest.approx(0.02) and whole.dtype == np.int8


def test_calls_hold_one_length_and_the_budget():
    # Longest first; three of 4 tokens are 12 > 8, so two and one; with a budget of 0 each goes alone.
    assert list(_calls([4, 9, 4, 2, 4], 8)) == [[1], [0, 2], [4], [3]]
    assert list(_calls([4, 4], 0)) == [[0], [1]]


def test_nothing_of_torch_is_loaded(files):
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from models.onnx_embedder import OnnxEmbedder;"
        f"OnnxEmbedder(Path({str(files['int8'])!r})).encode(['no network']);"
        "print('torch' in sys.modules, 'onnx' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
