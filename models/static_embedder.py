"""An embedder for overload: the mean of token vectors distilled from the full model, in that model's own space.

The method of model2vec (Tulkens and van Dongen 2024): embed every token of the vocabulary by itself and weigh
it by its rank (SIF, Arora et al. 2017, "A simple but tough-to-beat baseline", with Zipf's law for the counts).
Then, instead of PCA, one linear map, fitted on texts by ridge regression towards the full model's vectors, so that
static and full vectors can stand in one column. The map is folded into the token vectors.

Errors:
    StaticModelError (ValueError)   a file that holds no usable static model
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.embedder import prepare
from models.windows import MOST_WINDOWS, cut, limit_chars

if TYPE_CHECKING:
    from models.embedder import SentenceTransformerEmbedder
    from models.onnx_embedder import OnnxEmbedder

#: Raised whenever the same weights and texts give other vectors.
RECIPE = "2"

_SIF = 1e-3
#: Of .03 to 3 on Comcast's complaints and the taxonomy's seeds: most of the full model's ten nearest kept.
_RIDGE = 0.3
#: As the full model reads them.
_WINDOW = 254
_MOST_TOKENS = MOST_WINDOWS * _WINDOW
_CHUNK_TEXTS = 512


class StaticModelError(ValueError):
    """A file that holds no usable static model; remove it and it is made again."""


class StaticEmbedder:
    """Averages token vectors; needs no torch, and it pickles.

    Args:
        tokenizer: the full model's, as the JSON of the `tokenizers` package.
        rows: (v + 1, d) float16: a vector for each token, and the last one for a text without any.
        base: name and revision of the full model.
    """

    def __init__(self, tokenizer: str, rows: NDArray[np.float16], base: tuple[str, str]) -> None:
        from tokenizers import Tokenizer

        self.base = base
        self.name = f"static/{base[0]}"
        self.revision = digest(tokenizer, rows)[:12]
        self.dimensions = int(rows.shape[1])
        self._json, self._half = tokenizer, rows
        self._rows = rows.astype(np.float32)
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def __reduce__(self) -> tuple[Any, ...]:
        return StaticEmbedder, (self._json, self._half, self.base)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts; a text's vector does not depend on those beside it, to the bit.

        Args:
            texts: any length and language; only the first 2,032 tokens count.

        Returns:
            (n, d) float32, unit rows, in the order given; (0, d) for no texts.
        """
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK_TEXTS):
            chunk = [prepare(text, limit_chars(_WINDOW)) for text in texts[start : start + _CHUNK_TEXTS]]
            ids = [e.ids[:_MOST_TOKENS] for e in self._tokenizer.encode_batch_fast(chunk, add_special_tokens=False)]
            vectors[start : start + len(chunk)] = self._mean(ids)
        return vectors

    def windows(self, texts: Sequence[str]) -> list[int]:
        """How many windows of the full model each text takes; what is beyond MOST_WINDOWS is not embedded."""
        prepared = [prepare(text, limit_chars(_WINDOW)) for text in texts]
        return [one.windows for one in cut(prepared, self._tokenizer, _WINDOW)]

    def _mean(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        empty = len(self._rows) - 1
        filled = [one or [empty] for one in ids]
        starts = np.cumsum([0, *(len(one) for one in filled[:-1])])
        sums = np.add.reduceat(self._rows[np.concatenate(filled)], starts, axis=0)
        norms = np.sqrt(np.einsum("ij,ij->i", sums, sums))
        sums[norms < 1e-6] = self._rows[empty]
        norms = np.sqrt(np.einsum("ij,ij->i", sums, sums))
        return np.asarray(sums / norms[:, None], dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write the model durably: a reader sees all of it or nothing."""
        from safetensors.numpy import save

        about = {"tokenizer": self._json, "base": self.base[0], "revision": self.base[1], "recipe": RECIPE}
        about["digest"] = digest(self._json, self._half)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(save({"rows": self._half}, about))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def load(path: Path) -> StaticEmbedder:
    """Read a model that `save` wrote.

    Raises:
        StaticModelError: it is damaged or of another recipe.
        FileNotFoundError: there is none.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            about, rows = file.metadata() or {}, file.get_tensor("rows")
    except (SafetensorError, OSError) as error:
        raise StaticModelError(
            f"static model {path.name}: {type(error).__name__}; remove it, it is made again"
        ) from error
    if about.get("recipe") != RECIPE or about.get("digest") != digest(about.get("tokenizer", ""), rows):
        raise StaticModelError(f"static model {path.name}: damaged, or of another release; remove it, it is made again")
    return StaticEmbedder(about["tokenizer"], rows, (about["base"], about["revision"]))


def distil(full: SentenceTransformerEmbedder | OnnxEmbedder, texts: Sequence[str]) -> StaticEmbedder:
    """Make a static model of a full one.

    Args:
        full: whose vectors are to be imitated.
        texts: some thousand complaints to fit the map on.
    """
    tokenizer, tokens = full.token_vectors()
    ranks = np.arange(2, len(tokens) + 2)
    counts = 1 / ranks / np.sum(1 / ranks)
    # Tokens point into a narrow cone; what all share says nothing of a text.
    weighed = (tokens - tokens.mean(axis=0)) * (_SIF / (_SIF + counts))[:, None]
    no_token = full.encode([""])[0]
    distinct = list(dict.fromkeys(texts))
    plain = StaticEmbedder(tokenizer, np.vstack([weighed, no_token]).astype(np.float16), (full.name, full.revision))
    folded = weighed @ _linear_map(plain.encode(distinct).astype(np.float64), full.encode(distinct).astype(np.float64))
    return StaticEmbedder(tokenizer, np.vstack([folded, no_token]).astype(np.float16), (full.name, full.revision))


def _linear_map(given: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d, d): ridge regression that is drawn towards a multiple of the identity, for words no text has."""
    scale = float(np.sum(given * wanted) / len(given))
    ridge = _RIDGE * np.eye(given.shape[1])
    solved = np.linalg.solve(given.T @ given + ridge, given.T @ wanted + scale * ridge)
    return np.asarray(solved, dtype=np.float64)


def digest(tokenizer: str, rows: NDArray[np.float16]) -> str:
    """SHA-256 over tokenizer and vectors, in hex."""
    sha = hashlib.sha256(tokenizer.encode())
    sha.update(np.ascontiguousarray(rows).tobytes())
    return sha.hexdigest()
