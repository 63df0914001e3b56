"""Chooses the embedding backend by the settings, and keeps the files of ONNX models.

Each model has one file for each precision in the user's cache. It is made from the installed weights when it is not
there or its checksum differs, by a process of its own, by one at a time.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from engine.settings import ROOT, EmbedSettings, Settings
from models.embedder import (
    DEFAULT_NAME,
    EmbedderError,
    SentenceTransformerEmbedder,
    load_embedder,
    pinned_source,
    source_folder,
)
from models.onnx_embedder import RECIPE, OnnxEmbedder, OnnxModelError
from models.onnx_embedder import check as check_sum
from models.onnx_graph import NotExportable, Precision, check

log = logging.getLogger("beejan.embedding")

Backend = Literal["onnx-int8", "onnx-fp32", "torch"]

#: What of a model's folder the file is made from.
_SOURCES = ("model.safetensors", "tokenizer.json", "config.json", "sentence_bert_config.json")


def backend(settings: Settings) -> Backend:
    """The backend that embeds: as set, or by what there is; torch is not loaded to find out.

    Raises:
        EmbedderError: `embed.backend` asks for ONNX and the model or the device is not for it.
    """
    embed = settings.embed
    if embed.backend == "torch" or (embed.backend == "auto" and _cuda(embed)):
        return "torch"
    if embed.device == "cuda":
        raise EmbedderError(f"embed.backend is {embed.backend!r}, which runs on CPUs, and embed.device is 'cuda'")
    try:
        check(source_folder(embed.model, embed.revision))
    except (NotExportable, FileNotFoundError) as error:
        if embed.backend == "auto":
            log.info("embedding by torch: %s", error)
            return "torch"
        raise EmbedderError(f"embed.backend is {embed.backend!r}: {error}; set it to 'torch' or 'auto'") from error
    return "onnx-int8" if embed.backend == "auto" else embed.backend


def processes(settings: Settings) -> int:
    """How many embedding processes there are: as set, or one a core where each takes one thread."""
    if settings.embed.actors:
        return settings.embed.actors
    return 1 if backend(settings) == "torch" else _cores(settings)


def threads(settings: Settings) -> int:
    """Threads of each embedding process."""
    return settings.embed.threads or (_cores(settings) if backend(settings) == "torch" else 1)


def identity(settings: Settings) -> tuple[str, str]:
    """Name and revision that rows get of the configured model; it is not loaded.

    Raises:
        EmbedderError: as `backend`, or it is not pinned, or not what it is pinned to.
    """
    chosen = backend(settings)
    _, name, pinned = pinned_source(settings.embed.model, settings.embed.revision)
    return name, pinned if chosen == "torch" else f"{pinned}+{_precision(chosen)}.{RECIPE}"


def load(settings: Settings, side_by_side: int | None = None) -> SentenceTransformerEmbedder | OnnxEmbedder:
    """A warm embedder in this process.

    Args:
        settings: which.
        side_by_side: threads; default `embed.threads`, else all cores.

    Raises:
        EmbedderError: it cannot be loaded as configured.
        OSError: files are missing, or the hub does not answer.
    """
    embed, chosen = settings.embed, backend(settings)
    count = side_by_side or embed.threads
    if chosen == "torch":
        return load_embedder(embed.model, embed.revision, embed.device, count)
    count = count or _cores(settings)
    path = path_of(settings, _precision(chosen))
    try:
        found = OnnxEmbedder(path, count)
    except (OnnxModelError, FileNotFoundError) as error:
        prepare(settings, log.warning if isinstance(error, OnnxModelError) else log.info)
        found = OnnxEmbedder(path, count)
    # A hub model was looked up by its revision.
    if embed.revision and embed.revision != found.base:
        raise EmbedderError(
            f"the weights of {found.name} have digest {found.base}, expected {embed.revision!r}: "
            "restore those weights, or change embed.revision and embed again"
        )
    return found


def prepare(settings: Settings, say: Callable[[str], None]) -> None:
    """Make the ONNX file if it is of no use or not there; nothing is done for torch.

    Args:
        settings: which.
        say: told why it is made.

    Raises:
        EmbedderError: it cannot be made.
    """
    chosen = backend(settings)
    if chosen == "torch":
        return
    path = path_of(settings, _precision(chosen))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with path.open("rb") as file:
                check_sum(path, file)
            return
        except OnnxModelError as error:
            say(str(error))
        except FileNotFoundError:
            say(f"making {path.name} from the weights, once")
        _export(settings, path, _precision(chosen))


def _export(settings: Settings, path: Path, precision: Precision) -> None:
    embed = settings.embed
    _, name, pinned = pinned_source(embed.model, embed.revision)
    folder = str(source_folder(embed.model, embed.revision))
    done = subprocess.run(
        [sys.executable, "-m", "models.onnx_export", folder, name, pinned, str(path), precision],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise EmbedderError(f"{path.name} cannot be made from {name} (code {done.returncode}): {last}")


def path_of(settings: Settings, precision: Precision) -> Path:
    """Where the file of the configured model is, or would be; other weights have another one."""
    embed = settings.embed
    folder = source_folder(embed.model, embed.revision).resolve()
    sha = hashlib.sha256(str(folder).encode())
    for name in _SOURCES:
        stat = (folder / name).stat()
        sha.update(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    named = DEFAULT_NAME if embed.model is None else embed.model.rstrip("/").rpartition("/")[2]
    file = f"{re.sub(r'[^A-Za-z0-9.]+', '-', named)}-{sha.hexdigest()[:12]}-{precision}.{RECIPE}.onnx"
    return (embed.onnx_folder.expanduser() if embed.onnx_folder else user_cache(settings, "onnx")) / file


def user_cache(settings: Settings, kind: str) -> Path:
    """Where files of a kind are kept that engines of one user share."""
    try:
        cache_ = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home, as containers have them
        return settings.data_dir / kind
    return cache_ / "beejan" / kind


def _precision(chosen: Backend) -> Precision:
    return "int8" if chosen == "onnx-int8" else "fp32"


def _cores(settings: Settings) -> int:
    return settings.ray.num_cpus or os.cpu_count() or 1


@cache
def _has_cuda() -> bool:
    """Whether there is a driver, and a torch that can use it; torch itself takes seconds to ask."""
    return Path("/proc/driver/nvidia/version").exists() and not version("torch").endswith("+cpu")


def _cuda(embed: EmbedSettings) -> bool:
    return embed.device == "cuda" or embed.num_gpus > 0 or (embed.device == "auto" and _has_cuda())
