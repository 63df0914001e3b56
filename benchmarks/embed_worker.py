"""A process that embeds, or multiplies matrices, on demand: each way has its own, or their threads disturb each other.

python -m benchmarks.embed_worker KIND [FILE]        requests and answers are pickles on stdin and stdout
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.onnx_graph import Precision

ROOT = Path(__file__).resolve().parents[1]

#: Side of the square matrices that the roof is measured with.
SIDE = 1536


class Worker:
    """The caller's side.

    Args:
        kind: `sentence-transformers`, `onnx-int8`, `onnx-fp32`, `static` or `sgemm`.
        path: of the model's file, for ours (`model_file`).
        one_thread: whether torch and BLAS get one thread.
    """

    def __init__(self, kind: str, path: Path | None = None, *, one_thread: bool = False) -> None:
        started = time.perf_counter()
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS") if one_thread else ()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.embed_worker", kind, *([str(path)] if path else [])],
            cwd=ROOT,
            env=os.environ | dict.fromkeys(names, "1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.load_s: float = self._answer()
        #: From nothing to the first vector, with Python's own start.
        self.start_s = time.perf_counter() - started
        #: CPU time of that, which other work on the machine moves less.
        self.start_cpu_s = self.cpu_s()

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
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def model_file(kind: str) -> Path | None:
    """The file of one of our models, made where it is not there yet; None for the others."""
    from engine import embedding
    from engine.curate import static_model
    from engine.settings import EmbedSettings, load_settings

    if kind not in ("onnx-int8", "onnx-fp32", "static"):
        return None
    precision: Precision = "fp32" if kind == "onnx-fp32" else "int8"
    how = EmbedSettings.model_validate({"device": "cpu", "backend": f"onnx-{precision}"})
    settings = load_settings().model_copy(update={"embed": how})
    embedding.prepare(settings, print)
    if kind != "static":
        return embedding.path_of(settings, precision)
    path = static_model.path_of(settings, *embedding.identity(settings))
    if not path.exists():
        static_model.make(path, embedding.load(settings))
    return path


def _load(kind: str) -> Callable[[Any], Any]:
    if kind == "sgemm":
        return _multiply
    if kind == "sentence-transformers":
        from sentence_transformers import SentenceTransformer

        from models.embedder import source_folder

        model = SentenceTransformer(str(source_folder(None, None)), device="cpu")
        return lambda texts: model.encode(texts, show_progress_bar=False)
    if kind == "static":
        from models.static_embedder import load

        return load(Path(sys.argv[2])).encode
    from models.onnx_embedder import OnnxEmbedder

    return OnnxEmbedder(Path(sys.argv[2])).encode


def _multiply(times: int) -> float:
    """GFLOP/s of single-precision matrix products by numpy's BLAS on all cores."""
    chance = np.random.default_rng(1)
    a, b = (chance.standard_normal((SIDE, SIDE)).astype(np.float32) for _ in range(2))
    a @ b
    started = time.perf_counter()
    for _ in range(times):
        a @ b
    return times * 2 * SIDE**3 / (time.perf_counter() - started) / 1e9


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
