"""The long-lived named actors: the writer and the embedders. They outlive the stream's driver."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import logging
import os
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from connectors.errors import BeejanError, Transient
from engine import embedding
from engine.reembed import state
from engine.run.runtime import NAMESPACE, steady_heap
from engine.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.store.writer import Committed
    from models.embedder import Embedder

log = logging.getLogger("beejan.embedding")

WRITER = "writer"

#: Texts a call: enough that texts of one length find each other, few enough that all threads have some.
_CHUNK_TEXTS = 256

#: Fewer are not worth another call.
_LEAST_TEXTS = 16

#: A character makes three tokens at most (a syllable of Hangul), and the smallest models read 128.
_SURELY_SHORT_CHARS = 42

#: Up to this many texts are a query, which has a thread of its own beside the batches'.
_QUERY_TEXTS = 4

_BULK, _QUERY, _SLOW = "bulk", "query", "slow"


class EmbedderAway(Transient):
    """No embedding process answers; it is being started again."""


class WriterAway(Transient):
    """The writer does not answer; it is being started again."""


def embedder_name(model: str, revision: str, index: int) -> str:
    """Name of the embedding actor `index` of a model; two models are there while one is to follow the other."""
    return f"{_EMBEDDER}{hashlib.sha256(f'{model}|{revision}'.encode()).hexdigest()[:8]}-{index}"


_EMBEDDER = "embedder-"


class WriterProcess:
    """The writer as an actor: one commit at a time."""

    def __init__(self, settings: Settings) -> None:
        from engine.store.writer import Writer

        steady_heap()
        self._owner = str(settings.data_dir)
        self._writer = Writer(settings)

    def owner(self) -> str:
        """The data folder of its engine."""
        return self._owner

    def commit(self, *blocks: pa.Table) -> Committed:
        """See Writer.commit; the blocks are one micro-batch."""
        import pyarrow as pa

        return self._writer.commit(pa.concat_tables(blocks, promote_options="permissive"))

    def call(self, method: str, *arguments: Any) -> Any:
        """Any other public method of the Writer."""
        if method.startswith("_"):
            raise BeejanError(f"writer: {method} is not public")
        return getattr(self._writer, method)(*arguments)


class EmbedderProcess:
    """A warm model."""

    def __init__(self, settings: Settings) -> None:
        self._embedder = embedding.load(settings, embedding.threads(settings))

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """(n, d) float32, unit rows."""
        return self._embedder.encode(texts)

    def encode_in_background(self, texts: list[str]) -> NDArray[np.float32]:
        """As `encode`, at the lowest priority: for a group of calls with a thread of its own."""
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # Linux: of this thread, for good
        return self._embedder.encode(texts)

    def windows(self, texts: list[str]) -> list[int]:
        """How many windows each text takes."""
        return self._embedder.windows(texts)

    def distil(self, path: Path) -> bool:
        """Make the static model of this one; see engine.curate.static_model.make."""
        from engine.curate.static_model import make

        return make(path, self._embedder)

    def describe(self) -> tuple[str, str, int]:
        """Name, revision and dimensions of the model."""
        return self._embedder.name, self._embedder.revision, self._embedder.dimensions


def ensure(settings: Settings) -> None:
    """Create the named actors that are missing; those alive are left alone."""
    import ray

    always = {"namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True, "max_restarts": 2}
    ray.remote(WriterProcess).options(name=WRITER, num_cpus=0, max_task_retries=0, **always).remote(settings)
    for chosen in (state.serving(settings), state.following(settings)):
        if chosen is not None:
            _ensure_embedders(chosen, always)


def _ensure_embedders(settings: Settings, always: dict[str, Any]) -> None:
    import ray

    # Ray sets OMP_NUM_THREADS to 1 here: a thread a core, each with a batch of its own, has no barriers to wait at.
    threads = embedding.threads(settings)
    model = embedding.identity(settings)
    for index in range(embedding.processes(settings)):
        ray.remote(concurrency_groups={_BULK: threads, _QUERY: 1, _SLOW: 1})(EmbedderProcess).options(
            name=embedder_name(*model, index),
            num_cpus=0,
            num_gpus=settings.embed.num_gpus,
            max_task_retries=0,
            **always,
        ).remote(settings)


def end_embedders(keep: Sequence[tuple[str, str]] = ()) -> int:
    """End the embedding actors of all models but those to keep, by name and revision; returns how many there were."""
    import ray

    kept = tuple(embedder_name(*model, 0).rpartition("-")[0] + "-" for model in keep)
    names = [name for name in ray.util.list_named_actors() if name.startswith(_EMBEDDER) and not name.startswith(kept)]
    for name in names:
        with contextlib.suppress(ValueError):  # it is not there any more
            ray.kill(ray.get_actor(name, namespace=NAMESPACE), no_restart=True)
    return len(names)


@dataclass(frozen=True, slots=True)
class RemoteEmbedder:
    """The embedding actors behind the Embedder protocol; it pickles."""

    name: str
    revision: str
    dimensions: int
    actors: int

    @classmethod
    def wait(cls, settings: Settings, limit_s: float = 180) -> RemoteEmbedder:
        """Wait until the model that serves is loaded.

        Raises:
            EmbedderAway: it is not within `limit_s`.
        """
        return cls._wait(state.serving(settings), limit_s)

    @classmethod
    def following(cls, settings: Settings, limit_s: float = 180) -> RemoteEmbedder | None:
        """Wait until the model that is to follow is loaded; None where none is, or one of another length than set.

        Raises:
            EmbedderAway: it is not within `limit_s`.
        """
        chosen = state.following(settings)
        if chosen is None:
            return None
        found = cls._wait(chosen, limit_s)
        if found.dimensions != chosen.embed.dimensions:
            log.error(
                "%s does not follow: it gives %d numbers, set embed.dimensions to that", found.name, found.dimensions
            )
            return None
        return found

    def serves(self, settings: Settings) -> bool:
        """Whether its vectors are those that are searched (still)."""
        kept = state.read(settings.data_dir)
        return kept is None or kept.serving.label == f"{self.name}|{self.revision}"

    @classmethod
    def _wait(cls, settings: Settings, limit_s: float) -> RemoteEmbedder:
        import ray

        try:
            actor = ray.get_actor(embedder_name(*embedding.identity(settings), 0), namespace=NAMESPACE)
            described = ray.get(actor.describe.remote(), timeout=limit_s)
        except (ValueError, ray.exceptions.RayError) as error:
            raise EmbedderAway(f"embedder: not ready ({type(error).__name__}); see `beejan doctor`") from error
        name, revision, dimensions = described
        return cls(name, revision, dimensions, embedding.processes(settings))

    def windows(self, texts: Sequence[str]) -> list[int]:
        """How many windows each text takes; only texts that could take several are sent.

        Raises:
            EmbedderAway: an actor died or is not there.
        """
        counts = [1] * len(texts)
        doubtful = [row for row, text in enumerate(texts) if len(text) > _SURELY_SHORT_CHARS]
        found = self._split("windows", [texts[row] for row in doubtful], _BULK)
        for rows, part in found:
            for row, count in zip(rows, part, strict=True):
                counts[doubtful[row]] = count
        return counts

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32, unit rows.

        Raises:
            EmbedderAway: an actor died or is not there.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for rows, part in self._split("encode", texts, _QUERY if len(texts) <= _QUERY_TEXTS else _BULK):
            vectors[rows] = part
        return vectors

    def encode_in_background(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `encode`, at the lowest priority.

        Raises:
            EmbedderAway: an actor died or is not there.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for rows, part in self._split("encode_in_background", texts, _SLOW):
            vectors[rows] = part
        return vectors

    def _split(self, method: str, texts: Sequence[str], group: str) -> list[tuple[list[int], Any]]:
        """Have the actors work side by side; gives the rows of each part and what was made of them."""
        import ray

        if not texts:
            return []
        # Every k-th text, so that all have their share of the long ones.
        count = max(-(-len(texts) // _CHUNK_TEXTS), min(self.actors, -(-len(texts) // _LEAST_TEXTS)))
        parts = [list(range(first, len(texts), count)) for first in range(count)]
        try:
            actors = [
                ray.get_actor(embedder_name(self.name, self.revision, i), namespace=NAMESPACE)
                for i in range(self.actors)
            ]
            turns = itertools.cycle(random.sample(actors, len(actors)))
            asked = [
                getattr(next(turns), method).options(concurrency_group=group).remote([texts[row] for row in rows])
                for rows in parts
            ]
            return list(zip(parts, ray.get(asked), strict=True))
        except (ValueError, ray.exceptions.ActorDiedError, ray.exceptions.ActorUnavailableError) as error:
            raise EmbedderAway(f"embedder: {type(error).__name__}; the batch is tried again") from error


async def distil(path: Path, full: Embedder) -> bool:
    """Have an actor of `full` make its static model, beside its other work; returns whether it is there.

    Raises:
        EmbedderAway: an actor died or is not there.
    """
    import ray

    try:
        actor = ray.get_actor(embedder_name(full.name, full.revision, 0), namespace=NAMESPACE)
        made = actor.distil.options(concurrency_group=_SLOW).remote(path)
        return bool(await asyncio.wrap_future(made.future()))
    except (ValueError, ray.exceptions.ActorDiedError, ray.exceptions.ActorUnavailableError) as error:
        raise EmbedderAway(f"embedder: {type(error).__name__}; the static model is made later") from error


def named(name: str) -> Any:
    """The actor of this name; None where there is none."""
    import ray

    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return None


def status_of(actor: Any) -> dict[str, Any] | None:
    """What an actor says of its work; None where it died, or is none."""
    import ray

    if actor is None:
        return None
    try:
        found: dict[str, Any] = ray.get(actor.status.remote(), timeout=60)
    except ray.exceptions.RayActorError:
        return None
    return found


def writer_call(method: str, *arguments: Any, limit_s: float = 60) -> Any:
    """Call the writer from any process of the engine.

    Raises:
        WriterAway: it does not answer.
    """
    import ray

    try:
        actor = ray.get_actor(WRITER, namespace=NAMESPACE)
        return ray.get(actor.call.remote(method, *arguments), timeout=limit_s)
    except (ValueError, ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError) as error:
        raise WriterAway(f"writer: {type(error).__name__}; it is being started again") from error
