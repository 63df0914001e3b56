"""Our embedders against sentence-transformers' default `encode`, in one run: speed, latency, memory and fidelity."""

from __future__ import annotations

import csv
import gzip
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.embed_worker import SIDE, Worker, model_file
from benchmarks.machine import machine

DEFAULT = "sentence-transformers"
_WAYS = (DEFAULT, "onnx-int8", "onnx-fp32", "static")
_SEED = 1

#: A machine with so many processes a core that want to run is busy.
_BUSY = 1.5

#: Products of matrices of a look at the roof.
_PRODUCTS = 20


def run(
    data: Path, rows: int = 600, repeats: int = 3, *, mteb: bool = True, pairs: int = 1500, limit_s: float = 600
) -> dict[str, Any]:
    """Embed real texts by each way in turns.

    Ours run as in an engine: a process a core, each with one thread. On a machine that is busy with other work threads
    wait for each other at barriers for minutes: there every way gets one thread, and CPU time counts. Long texts
    are cut to their first window for all, so that the same tokens are embedded; `whole_texts_per_s` is ours over them
    as they are, in windows.

    Args:
        data: a folder with banking77, cfpb and stsb.
        rows: short texts of a turn; long ones are an eighth.
        repeats: turns; the median counts.
        mteb: whether to run the protocol of MTEB's Banking77Classification too, which embeds 8,000 texts more.
        pairs: of STS-B's dev part, which has 1,500.
        limit_s: no turn begins that cannot end in this time, beyond the first that counts.
    """
    short, long_, whole = _texts(data, rows)
    cores = os.cpu_count() or 1
    busy = os.getloadavg()[0] > _BUSY * cores
    count = {way: 1 if busy or way in (DEFAULT, "static") else cores for way in _WAYS}
    files = {way: model_file(way) for way in _WAYS}
    workers = {way: [Worker(way, files[way], one_thread=busy) for _ in range(count[way])] for way in _WAYS}
    roof = Worker("sgemm", one_thread=busy)
    try:
        report: dict[str, Any] = {
            "benchmark": "embed",
            "repeats": repeats,
            "seed": _SEED,
            "processes": count,
            "busy": busy,
        }
        for name, texts in (("short", short), ("long", long_)):
            report[name] = _compared(workers, texts, repeats, limit_s / 4) | {"texts": len(texts)}
        report["whole_texts_per_s"] = round(len(whole) / _timed(lambda: _encode(workers["onnx-int8"], whole)), 1)
        report["roof"] = _roof(workers["onnx-fp32"], roof, short, repeats)
        report["query_ms"] = _latency(workers, short)
        report["worker"] = {
            way: {
                "rss_mb": w[0].rss_mb(),
                "load_s": round(w[0].load_s, 2),
                "start_s": round(w[0].start_s, 2),
                "start_cpu_s": round(w[0].start_cpu_s, 2),
            }
            for way, w in workers.items()
        }
        report["fidelity"] = _fidelity(workers, [*short, *long_])
        report["stsb_spearman"] = _stsb(workers, data, pairs)
        if mteb:
            report["mteb_banking77"] = _mteb(workers["onnx-int8"], data)
    finally:
        for one in [roof, *(w for group in workers.values() for w in group)]:
            one.close()
    return report | {"data": "banking77 train, cfpb narratives, stsb dev", "machine": machine()}


def _texts(data: Path, rows: int) -> tuple[list[str], list[str], list[str]]:
    from tokenizers import Tokenizer

    from models.embedder import source_folder
    from models.windows import cut

    chance = np.random.default_rng(_SEED)
    short = [row["text"] for row in _rows(data / "banking77" / "train.csv")]
    with gzip.open(data / "cfpb" / "narratives.csv.gz", "rt", encoding="utf-8", newline="") as file:
        every = [row["Consumer complaint narrative"] for row, _ in zip(csv.DictReader(file), range(5000), strict=False)]
    whole = [every[row] for row in chance.permutation(len(every))[: rows // 8]]
    tokenizer = Tokenizer.from_file(str(source_folder(None, None) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    first = [one.pieces[0] for one in cut(whole, tokenizer, 254)]
    return [short[row] for row in chance.permutation(len(short))[:rows]], first, whole


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _encode(workers: list[Worker], texts: Sequence[str]) -> NDArray[np.float32]:
    """Every k-th text to the k-th process, as the engine does."""
    count = len(workers)
    for place, worker in enumerate(workers):
        worker.ask(list(texts[place::count]))
    parts = [worker.answer() for worker in workers]
    vectors = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
    for place, part in enumerate(parts):
        vectors[place::count] = part
    return vectors


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _compared(workers: dict[str, list[Worker]], texts: list[str], repeats: int, limit_s: float) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {way: [] for way in workers}
    cpu: dict[str, float] = dict.fromkeys(workers, 0)
    began = time.perf_counter()
    for turn in range(repeats + 1):
        if turn > 1 and (time.perf_counter() - began) * (turn + 1) / turn > limit_s:
            break
        for way, found in workers.items():
            before = sum(worker.cpu_s() for worker in found)
            took = _timed(lambda found=found: _encode(found, texts))  # type: ignore[misc]
            if turn:  # the first warms up
                seconds[way].append(took)
                cpu[way] += sum(worker.cpu_s() for worker in found) - before
    turns = {way: [a / b for a, b in zip(seconds[DEFAULT], found, strict=True)] for way, found in seconds.items()}
    return {
        "texts_per_s": {way: round(len(texts) / median(found), 1) for way, found in seconds.items()},
        "ratio": {way: round(median(found), 2) for way, found in turns.items() if way != DEFAULT},
        # Less moved by what else runs on the machine; waiting at barriers counts where it spins.
        "cpu_ratio": {way: round(cpu[DEFAULT] / max(found, 0.01), 2) for way, found in cpu.items() if way != DEFAULT},
        "ratios": {way: [round(one, 2) for one in found] for way, found in turns.items() if way != DEFAULT},
    }


def _roof(fp32: list[Worker], roof: Worker, texts: list[str], repeats: int) -> dict[str, Any]:
    """GFLOP/s of fp32 embedding, by the products its texts need, over those of plain matrix products; in turns.

    `cpu_share` is by the CPU time that each takes, which other work on the machine moves less.
    """
    from tokenizers import Tokenizer

    from models.embedder import source_folder

    tokenizer = Tokenizer.from_file(str(source_folder(None, None) / "tokenizer.json"))
    tokenizer.no_padding()
    lengths = np.array([len(one.ids) for one in tokenizer.encode_batch(texts)])
    layers, width, wide = 6, 384, 1536
    flop = float(np.sum(lengths * layers * (2 * (4 * width**2 + 2 * width * wide) + 4 * lengths * width)))
    ours, peak, shares = [], [], []
    for _ in range(repeats):
        before = roof.cpu_s()
        roof.ask(_PRODUCTS)
        peak.append(float(roof.answer()))
        a_cpu_s = _PRODUCTS * 2 * SIDE**3 / (roof.cpu_s() - before)
        before = sum(one.cpu_s() for one in fp32)
        ours.append(flop / _timed(lambda: _encode(fp32, texts)) / 1e9)
        shares.append(flop / (sum(one.cpu_s() for one in fp32) - before) / a_cpu_s)
    share = median(a / b for a, b in zip(ours, peak, strict=True))
    return {
        "sgemm_gflops": round(median(peak), 1),
        "fp32_gflops": round(median(ours), 1),
        "share": round(share, 3),
        "cpu_share": round(median(shares), 3),
    }


def _latency(workers: dict[str, list[Worker]], texts: list[str], queries: int = 100) -> dict[str, Any]:
    took: dict[str, list[float]] = {way: [] for way in workers}
    before = {way: found[0].cpu_s() for way, found in workers.items()}
    for text in texts[:queries]:
        for way, found in workers.items():
            took[way].append(_timed(lambda found=found, text=text: found[0].encode([text])) * 1e3)  # type: ignore[misc]
    shown: dict[str, Any] = {way: round(median(found), 2) for way, found in took.items()}
    cpu = {
        way: round((found[0].cpu_s() - before[way]) * 1e3 / len(texts[:queries]), 2) for way, found in workers.items()
    }
    return shown | {"int8_share_of_default": round(shown["onnx-int8"] / shown[DEFAULT], 3), "cpu_ms": cpu}


def _fidelity(workers: dict[str, list[Worker]], texts: list[str]) -> dict[str, Any]:
    default = _encode(workers[DEFAULT], texts)
    shown = {}
    for way in ("onnx-int8", "onnx-fp32"):
        cosines = np.sum(_encode(workers[way], texts) * default, axis=1)
        shown[way] = {"mean_cosine": round(float(cosines.mean()), 4), "min_cosine": round(float(cosines.min()), 4)}
    return shown


def _stsb(workers: dict[str, list[Worker]], data: Path, most: int) -> dict[str, float]:
    from scipy.stats import spearmanr

    every = _rows(data / "stsb" / "en_dev.csv")
    pairs = [every[row] for row in np.random.default_rng(_SEED).permutation(len(every))[:most]]
    truth = [float(row["score"]) for row in pairs]
    shown = {}
    for way, found in workers.items():
        vectors = _encode(found, [row[side] for row in pairs for side in ("sentence1", "sentence2")])
        shown[way] = round(100 * float(spearmanr(np.sum(vectors[::2] * vectors[1::2], axis=1), truth).statistic), 2)
    return shown


def _mteb(workers: list[Worker], data: Path, shots: int = 8, draws: int = 10, tested: int = 40) -> dict[str, Any]:
    """MTEB's protocol: `draws` times `shots` texts a label, logistic regression, accuracy.

    The reported texts are `tested` of each label of the training file, held out from what is drawn.
    """
    from sklearn.linear_model import LogisticRegression

    rows, chance = _rows(data / "banking77" / "train.csv"), np.random.default_rng(42)
    texts, labels = [row["text"] for row in rows], np.array([row["category"] for row in rows])
    by_label = {label: chance.permutation(np.flatnonzero(labels == label)) for label in sorted(set(labels))}
    # The rarest label has 35 texts: half of it at most is tested.
    split = {label: min(tested, len(found) // 2) for label, found in by_label.items()}
    held = np.concatenate([found[: split[label]] for label, found in by_label.items()])
    drawn = [
        np.concatenate(
            [chance.choice(found[split[label] :], shots, replace=False) for label, found in by_label.items()]
        )
        for _ in range(draws)
    ]
    needed = np.unique(np.concatenate([held, *drawn]))
    place = {int(row): at for at, row in enumerate(needed)}
    vectors = _encode(workers, [texts[row] for row in needed])

    def at(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        return vectors[[place[int(row)] for row in chosen]]

    scores = []
    for chosen in drawn:
        model = LogisticRegression(max_iter=100, random_state=42).fit(at(chosen), labels[chosen])
        scores.append(100 * float(model.score(at(held), labels[held])))
    return {
        "accuracy": round(float(np.mean(scores)), 2), "deviation": round(float(np.std(scores)), 2),
        "draws": draws, "shots": shots, "tested": len(held), "published": 80.0,
    }  # fmt: skip
