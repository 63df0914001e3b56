"""Makes the file that models.onnx_embedder reads; run as a program, so that what it takes of memory goes with it.

python -m models.onnx_export FOLDER NAME REVISION FILE int8|fp32
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from models.onnx_embedder import RECIPE, sum_of
from models.onnx_graph import Precision, build


def export(folder: Path, name: str, revision: str, path: Path, precision: Precision) -> None:
    """Make the file of a model and write it durably: a reader sees all of it or nothing.

    Args:
        folder: of a sentence-transformers model.
        name: the model's name.
        revision: what pins its weights; precision and recipe are added, since they change the vectors.
        path: where to.
        precision: see models.onnx_graph.

    Raises:
        NotExportable: the model is of another architecture.
    """
    import onnx

    made = onnx.load_from_string(build(folder, precision))
    window = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))["max_seq_length"]
    about = {
        "name": name,
        "revision": f"{revision}+{precision}.{RECIPE}",
        "precision": precision,
        "window": str(window),
        "tokenizer": (folder / "tokenizer.json").read_text(encoding="utf-8"),
    }
    onnx.helper.set_model_props(made, about)
    data = made.SerializeToString()
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader that comes between the two finds a sum that does not fit, and makes both again.
    _write(sum_of(path), hashlib.sha256(data).hexdigest().encode())
    _write(path, data)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


if __name__ == "__main__":
    export(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), "int8" if sys.argv[5] == "int8" else "fp32")
