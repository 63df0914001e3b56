"""A fine-tuned encoder beside the linear heads: it reads a text by itself, and its scores are added to theirs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.classifier.features import dense
from models.classifier.heads import Heads
from models.embedder import weights_digest
from models.onnx_embedder import OnnxEmbedder, sum_of
from models.onnx_graph import Precision

#: What trains one. Given texts, which labels each has (n, labels), and the rows to hold out; returns scores (held, labels)
#: by an encoder that did not see those rows, and one that saw all.
Tuner = Callable[[Sequence[str], NDArray[np.bool_], NDArray[np.int64]], tuple[NDArray[np.float32], "Tuned"]]


class Tuned:
    """What fine-tuning made; it pickles with all that it needs.

    Args:
        model: the file of an ONNX model (models.onnx_export), whole; it gives unit vectors, and not those that complaints
            are found by.
        sha256: of `model`.
        heads: of those vectors.
        share: what their scores are multiplied by.
    """

    def __init__(self, model: bytes, sha256: str, heads: Heads, share: float = 1.0) -> None:
        self.model, self.sha256, self.heads, self.share = model, sha256, heads, share
        self._encoder: OnnxEmbedder | None = None

    @classmethod
    def of(
        cls, folder: Path, name: str, precision: Precision, weights: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> Tuned:
        """From the folder of a model and the layer above it: (d, labels) and (labels,) float32."""
        from models.onnx_export import export

        with tempfile.TemporaryDirectory() as made:
            path = Path(made) / "encoder.onnx"
            export(folder, name, weights_digest(folder), path, precision)
            return cls(path.read_bytes(), sum_of(path).read_text(), Heads.of(weights, bias))

    def __reduce__(self) -> tuple[type[Tuned], tuple[bytes, str, Heads, float]]:
        return Tuned, (self.model, self.sha256, self.heads, self.share)

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, labels) float32; a text's do not depend on its batch.

        Raises:
            OnnxModelError: the model is not what was trained.
        """
        if self._encoder is None:
            self._encoder = _opened(self.model, self.sha256)
        vectors = self._encoder.encode(texts)
        raw = self.heads.scores(dense(vectors), vectors)
        return np.asarray(raw * np.float32(self.share), dtype=np.float32)


def _opened(model: bytes, sha256: str) -> OnnxEmbedder:
    """The encoder, from a file that goes again: a worker on another host does not see the registry's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        path.write_bytes(model)
        sum_of(path).write_text(sha256)
        return OnnxEmbedder(path)
