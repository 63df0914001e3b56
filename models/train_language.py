"""Trains the language model: python -m models.train_language --data DIR --sources DIR.

A softmax regression over the features of models.language_features, of which those that tell most are
kept, fitted by Adagrad on one thread with a fixed seed and rounded to 8 bits.
"""

from __future__ import annotations

import argparse
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.language_corpus import LANGUAGES, NAMES, OTHER, read
from models.language_features import BUCKETS, grams, pairs, shapes, split
from models.language_model import SHIPPED, save
from models.language_verbs import COUNTS, kinds, turns

SEED = 20
COLUMNS = (*LANGUAGES, OTHER, NAMES)
#: Features kept; with 24 columns of a byte and 4 for the bucket that is 2.8 MB.
KEPT = 100_000
_LEAST = 3
#: Added to a bucket's rate in each language, so that a few texts prove little.
_PRIOR = 2e-6
#: How often our own sentences are taken, which are few and of the kind that is to be told.
_OWN = 7
#: Languages that share their spelling: words and grammar tell them apart, and letters, which a name has too, do not.
_ALIKE = ("eng", "pcm")
_EPOCHS = 4
_BATCH = 512
_RATE = 0.12
_SMOOTHING = 0.03


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts as features: (n,) flat columns, where each text's begin, its label and what it weighs.

    `whole` tells which columns are words, pairs and verbs' forms, not n-grams alone.
    """

    flat: NDArray[np.int32]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]
    whole: NDArray[np.bool_]


def examples(corpus: dict[tuple[str, str], list[str]], seed: int) -> Examples:
    """Every text whole and as a short run of its words, and without its marks where it has any."""
    rng = np.random.default_rng(seed)
    texts: list[str] = []
    labels: list[int] = []
    for (source, language), found in corpus.items():
        varied = [form for text in found for form in _forms(text, language, rng)] * (_OWN if source == "own" else 1)
        texts += varied
        labels += [COLUMNS.index(language)] * len(varied)
    flat, starts, whole = _features(texts)
    each = np.bincount(labels, minlength=len(COLUMNS)).astype(np.float32)
    share = np.where(each > 0, (each.sum() / np.maximum(each, 1)) ** 0.6, 0)
    weights = share[labels]
    return Examples(flat, starts, np.array(labels, np.int64), (weights / weights.mean()).astype(np.float32), whole)


def _forms(text: str, language: str, rng: np.random.Generator) -> list[str]:
    forms = [text]
    words = text.split()
    if len(words) > 4 and rng.random() < 0.5:
        length = int(rng.integers(3, min(9, len(words))))
        at = int(rng.integers(0, len(words) - length + 1))
        forms.append(" ".join(words[at : at + length]))
    bare = _bare(text)
    if bare != text and language in _MARKED:
        forms.append(bare)
    return forms


_MARKED = ("yor", "ibo", "hau", "fra", "spa", "por", "deu", "ita", "twi", OTHER)
_HOOKS = str.maketrans("ɓɗƙƴƁƊƘƳɛɔƐƆ", "bdkyBDKYeoEO")


def _bare(text: str) -> str:
    """Latin letters as most people type them on a telephone."""
    parts = unicodedata.normalize("NFD", text)
    return "".join(c for c in parts if not "\u0300" <= c <= "\u036f").translate(_HOOKS)


def _features(texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]:
    """The buckets of each text: its words' n-grams, its pairs, and its verbs' forms; and which are no mere n-grams."""
    flat: list[NDArray[np.int32]] = []
    whole = np.zeros(BUCKETS, bool)
    for at in range(0, len(texts), 2000):
        words = split(texts[at : at + 2000])
        found = grams(words.distinct)
        by_word = np.split(found.buckets, found.starts[1:]) if words.distinct else []
        whole[found.buckets[found.starts]] = True
        hashes, kind = found.hashes[words.ids], kinds(words.distinct)[words.ids]
        end = 0
        for count in words.counts:
            start, end = end, end + int(count)
            paired = pairs(hashes[start : end - 1], hashes[start + 1 : end])
            verbs = shapes(turns(kind[start : end - 1], kind[start + 1 : end])[1])
            whole[paired] = whole[verbs] = True
            parts = [*(by_word[i] for i in words.ids[start:end]), paired, np.repeat(verbs, COUNTS)]
            flat.append(np.concatenate(parts).astype(np.int32) if count else _NONE)
    lengths = np.array([len(part) for part in flat])
    return np.concatenate(flat), np.cumsum(lengths) - lengths, whole


_NONE = np.empty(0, np.int32)


def choose(given: Examples, kept: int) -> NDArray[np.int64]:
    """The buckets that tell most: how far a bucket's languages are from all alike, times how often it occurs."""
    lengths = np.diff(given.starts, append=len(given.flat))
    seen = np.flatnonzero(np.bincount(given.flat, minlength=BUCKETS) >= _LEAST)
    cells = np.repeat(given.labels, lengths) * BUCKETS + given.flat
    counts = np.bincount(cells, minlength=len(COLUMNS) * BUCKETS).reshape(len(COLUMNS), BUCKETS)
    rates = counts[:, seen] / np.maximum(counts.sum(axis=1, keepdims=True), 1) + _PRIOR
    shares = rates / rates.sum(axis=0)
    worth = (shares * np.log(shares * len(COLUMNS))).sum(axis=0) * np.sqrt(rates.sum(axis=0))
    return np.sort(seen[np.argsort(-worth, kind="stable")[:kept]])


def only(given: Examples, buckets: NDArray[np.int64]) -> Examples:
    """The examples with the features of `buckets` alone, numbered in their order."""
    number = np.full(BUCKETS, -1, np.int32)
    number[buckets] = np.arange(len(buckets))
    columns = number[given.flat]
    keep = columns >= 0
    starts = np.concatenate([[0], np.cumsum(keep)])[given.starts]
    return Examples(columns[keep], starts, given.labels, given.weights, given.whole[buckets])


def fit(given: Examples, features: int, seed: int) -> NDArray[np.float32]:
    """(features, languages) float32 weights of a softmax regression; an n-gram's are the same for `_ALIKE` languages."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    layer = torch.nn.EmbeddingBag.from_pretrained(torch.zeros(features, len(COLUMNS)), freeze=False, mode="sum")
    optimiser = torch.optim.Adagrad(layer.parameters(), lr=_RATE, initial_accumulator_value=1e-7)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=_SMOOTHING, reduction="none")
    ends = np.append(given.starts[1:], len(given.flat))
    letters, alike = torch.from_numpy(np.flatnonzero(~given.whole))[:, None], [COLUMNS.index(code) for code in _ALIKE]
    rng = np.random.default_rng(seed)
    for epoch in range(_EPOCHS):
        order, total = rng.permutation(len(given.labels)), 0.0
        for at in range(0, len(order), _BATCH):
            rows = order[at : at + _BATCH]
            parts = [given.flat[given.starts[row] : ends[row]] for row in rows]
            lengths = np.array([len(part) for part in parts])
            scale = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
            begins = (np.cumsum(lengths) - lengths).astype(np.int32)
            scores = layer(
                torch.from_numpy(np.concatenate(parts)),
                torch.from_numpy(begins),
                per_sample_weights=torch.from_numpy(scale),
            )
            losses = loss_of(scores, torch.from_numpy(given.labels[rows])) * torch.from_numpy(given.weights[rows])
            optimiser.zero_grad()
            losses.mean().backward()
            if (slope := layer.weight.grad) is not None:
                slope[letters, alike] = slope[letters, alike].mean(dim=1, keepdim=True)
            optimiser.step()
            total += float(losses.detach().sum())
        print(f"epoch {epoch + 1} of {_EPOCHS}: loss {total / len(order):.4f}", flush=True)  # noqa: T201
    weights: NDArray[np.float32] = layer.weight.detach().numpy()
    return weights


def build(corpus: dict[tuple[str, str], list[str]], seed: int) -> tuple[NDArray[np.int32], NDArray[np.int8], float]:
    """Choose features of the corpus, fit and round: buckets, weights and what a weight of 1 stands for."""
    given = examples(corpus, seed)
    best = choose(given, KEPT)
    print(f"{len(given.labels)} examples, {len(best)} features", flush=True)  # noqa: T201
    weights = fit(only(given, best), len(best), seed)
    weights -= weights.mean(axis=1, keepdims=True)
    scale = float(np.quantile(np.abs(weights), 0.99995)) / 127
    return best.astype(np.int32), np.clip(np.round(weights / scale), -127, 127).astype(np.int8), scale


def train(data: Path, sources: Path, out: Path, seed: int = SEED) -> None:
    """Read the sources, build a model and write it."""
    corpus = read(data, sources)
    buckets, weights, scale = build(corpus, seed)
    save(out, COLUMNS, buckets, weights, _about(corpus, scale, seed))
    print(f"written: {out}, {out.stat().st_size} bytes")  # noqa: T201


def _about(corpus: dict[tuple[str, str], list[str]], scale: float, seed: int) -> dict[str, object]:
    read_from = {f"{source}/{language}": len(texts) for (source, language), texts in corpus.items()}
    texts = hashlib.sha256("\n".join(t for found in corpus.values() for t in found).encode("utf-8", "replace"))
    return {"scale": scale, "seed": seed, "texts": read_from, "texts_sha256": texts.hexdigest()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets")
    parser.add_argument("--sources", type=Path, required=True, help="folder of checkouts, see docs/models/language.md")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="model file to write")
    given = parser.parse_args()
    train(given.data, given.sources, given.out)


if __name__ == "__main__":
    main()
