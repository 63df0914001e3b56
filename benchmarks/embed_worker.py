"""A process that embeds, or multiplies matrices, on demand: each way has its own, or their threads disturb each other.

python -m benchmarks.embed_worker KIND        requests and answers are pickles on stdin and stdout
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]

#: Side of the square matrices that the roof is measured with.
_SIDE = 1536


class Worker:
    """The caller's side.

    Args:
        kind: `sentence-transformers`, `onnx-int8`, `onnx-fp32`, `static` or `sgemm`.
    """

    def __init__(self, kind: str) -> None:
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.embed_worker", kind],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.load_s: float = self._answer()
        #: From nothing to the first vector, with Python's own start.
        self.start_s = time.perf_counter() - started

    def ask(self, what: Any) -> None:
        """Send a request."""
        assert self._process.stdin is not None
        pickle.dump(what, self._process.stdin)
        self._process.stdin.flush()

    def answer(self) -> Any:
        """Wait for what was asked for."""
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return pickle.load(self._process.stdout)  # noqa: S301 -- our own child

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32."""
        self.ask(list(texts))
        vectors: NDArray[np.float32] = self.answer()
        return vectors

    def rss_mb(self) -> float:
        """Resident memory now, MB."""
        import psutil

        return round(psutil.Process(self._process.pid).memory_info().rss / 1e6, 1)

    def cpu_s(self) -> float:
        """CPU time it has used, s."""
        import psutil

        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def _load(kind: str) -> Callable[[Any], Any]:
    if kind == "sgemm":
        return _multiply
    if kind == "sentence-transformers":
        from sentence_transformers import SentenceTransformer

        from models.embedder import source_folder

        model = SentenceTransformer(str(source_folder(None, None)), device="cpu")
        return lambda texts: model.encode(texts, show_progress_bar=False)
    from engine import embedding
    from engine.settings import EmbedSettings, load_settings

    how = EmbedSettings.model_validate(
        {"device": "cpu", "backend": "onnx-fp32" if kind == "onnx-fp32" else "onnx-int8"}
    )
    settings = load_settings().model_copy(update={"embed": how})
    full = embedding.load(settings, 1)
    if kind != "static":
        return full.encode
    from engine.curate.static_model import texts
    from models.static_embedder import distil

    return distil(full, texts()).encode


def _multiply(times: int) -> float:
    """GFLOP/s of single-precision matrix products by numpy's BLAS on all cores."""
    chance = np.random.default_rng(1)
    a, b = (chance.standard_normal((_SIDE, _SIDE)).astype(np.float32) for _ in range(2))
    a @ b
    started = time.perf_counter()
    for _ in range(times):
        a @ b
    return times * 2 * _SIDE**3 / (time.perf_counter() - started) / 1e9


def main() -> None:
    """Answer until the other side closes."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    started = time.perf_counter()
    work = _load(sys.argv[1])
    work(1 if sys.argv[1] == "sgemm" else ["ready"])
    pickle.dump(time.perf_counter() - started, answers)
    answers.flush()
    while True:
        try:
            asked = pickle.load(sys.stdin.buffer)  # noqa: S301 -- our own parent
        except EOFError:
            return
        pickle.dump(work(asked), answers)
        answers.flush()


if __name__ == "__main__":
    main()
