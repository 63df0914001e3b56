"""Embeds with ONNX Runtime on CPUs: no torch, single-threaded calls, and vectors that do not depend on the batch.

The model is one file with tokenizer, name and revision in its metadata, made once (models.onnx_export) and
followed by `<file>.sha256`, which is checked at each load.

Errors:
    OnnxModelError (ValueError)   a file that holds no usable model
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.embedder import prepare
from models.windows import cut, limit_chars, pool

#: Part of the revision; raised whenever the same weights and texts give other vectors.
RECIPE = "1"

#: Tokens of a call that texts share: small enough that activations stay in cache.
_CALL_TOKENS = 512

#: The model's marks around a text.
_MARKS = 2


class OnnxModelError(ValueError):
    """A file that holds no usable model; it is made again from the weights."""


class OnnxEmbedder:
    """See the module; it pickles, and reads its file again where it arrives.

    Attributes:
        base: what pins the weights, without what ONNX makes of them.

    Args:
        path: a file that models.onnx_export wrote.
        threads: texts embedded side by side; each call takes one thread.

    Raises:
        OnnxModelError: the file is not what was written.
        FileNotFoundError: there is none.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        # Read when the runtime is first loaded.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with path.open("rb") as file:
            check(path, file)
            # The very file that was checked, which the runtime reads itself: bytes given to it stay in memory twice.
            same = Path(f"/proc/self/fd/{file.fileno()}")
            read = str(same if same.exists() else path)
            self._session = onnxruntime.InferenceSession(read, options, providers=["CPUExecutionProvider"])
        about = self._session.get_modelmeta().custom_metadata_map
        self.name, self.revision = about["name"], about["revision"]
        self.base = self.revision.partition("+")[0]
        self.dimensions = int(self._session.get_outputs()[0].shape[2])
        self._window = int(about["window"]) - _MARKS
        self._alone = about["precision"] == "int8"
        self._tokenizer = Tokenizer.from_str(about["tokenizer"])
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._path, self._threads = path, threads

    def __reduce__(self) -> tuple[Any, ...]:
        return OnnxEmbedder, (self._path, self._threads)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts, each distinct piece once; a vector does not depend on the other texts, to the bit.

        Args:
            texts: any length and language; an empty text gets the vector that the model gives to no tokens, a long one
                the mean of its windows (models.windows), and lone surrogates count as the replacement character.

        Returns:
            (n, d) float32, unit rows, in the order given; (0, d) for no texts.
        """
        prepared = [prepare(text, limit_chars(self._window)) for text in texts]
        cuts = cut(prepared, self._tokenizer, self._window)
        row_of: dict[str, int] = {}
        for one in cuts:
            for piece in one.pieces:
                row_of.setdefault(piece, len(row_of))
        return pool(cuts, row_of, self._pieces(list(row_of)))

    def windows(self, texts: Sequence[str]) -> list[int]:
        """How many windows each text takes; what is beyond MOST_WINDOWS of them is not embedded."""
        prepared = [prepare(text, limit_chars(self._window)) for text in texts]
        return [one.windows for one in cut(prepared, self._tokenizer, self._window)]

    def token_vectors(self) -> tuple[str, NDArray[np.float32]]:
        """Embeds every token of the vocabulary between the model's marks, for distilling.

        Tokens share calls, always the same ones, also in int8: there are tens of thousands.

        Returns:
            The tokenizer as JSON, and (v, d) float32, rows by token id.
        """
        first, last = self._tokenizer.encode("").ids
        every = [[first, token, last] for token in range(self._tokenizer.get_vocab_size())]
        return self._tokenizer.to_str(), self._forward(every, _CALL_TOKENS)

    def _pieces(self, texts: list[str]) -> NDArray[np.float32]:
        # A piece that is cut out may, rarely, give a token more than it had inside its text.
        most = self._window + _MARKS
        found = (one.ids for one in self._tokenizer.encode_batch_fast(texts)) if texts else ()
        fitting = [ids if len(ids) <= most else [*ids[: most - 1], ids[-1]] for ids in found]
        return self._forward(fitting, 0 if self._alone else _CALL_TOKENS)

    def _forward(self, ids: list[list[int]], budget: int) -> NDArray[np.float32]:
        vectors = np.empty((len(ids), self.dimensions), dtype=np.float32)

        def call(rows: list[int]) -> None:
            given = np.asarray([ids[row] for row in rows], dtype=np.int32)
            (hidden,) = self._session.run(None, {"ids": given})
            means = hidden.mean(axis=1)
            vectors[rows] = means / np.maximum(np.sqrt(np.einsum("ij,ij->i", means, means)), 1e-12)[:, None]

        calls = list(_calls([len(one) for one in ids], budget))
        if self._threads == 1 or len(calls) == 1:
            for rows in calls:
                call(rows)
        else:
            with ThreadPoolExecutor(self._threads) as pool_:
                list(pool_.map(call, calls))
        return vectors


def _calls(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Groups rows of the very same length, longest first, each group of at most `budget` tokens or one row."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if rows and (lengths[row] != lengths[rows[0]] or (len(rows) + 1) * lengths[row] > budget):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def sum_of(path: Path) -> Path:
    """Where the SHA-256 of a model's file is."""
    return path.with_name(path.name + ".sha256")


def check(path: Path, file: BufferedReader) -> None:
    """Read a model's file through and compare its sum.

    Args:
        path: of the file.
        file: it, open for reading.

    Raises:
        OnnxModelError: it is not what was written.
    """
    expected = ""
    if sum_of(path).is_file():
        expected = sum_of(path).read_text(encoding="ascii", errors="replace").strip()
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise OnnxModelError(
            f"embedding model {path.name}: its SHA-256 is {found[:12]}…, expected {expected[:12] or 'one beside it'}…; "
            "it is damaged or was changed, and is made again from the weights"
        )
