"""A change of the embedding model beside the stream: every complaint gets a vector of the new model, then all switch.

The rows say what is left (engine.store.vectors.DUE), so work that was cut off goes on where it was. Nothing is kept in
memory but the part in hand.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from connectors.errors import BeejanError, Transient
from connectors.lance import open_reader
from engine.reembed import clusters, state
from engine.registry.load import champion_reads
from engine.run import actors
from engine.settings import Settings
from engine.stages.model import vector_columns
from engine.store.vectors import DUE, label_of
from engine.tables import FOLLOWING
from models.embedder import Embedder

log = logging.getLogger("beejan.embedding")

#: Complaints of a commit: some seconds of work, and the writer is held up for less than one.
_ROWS = 512

#: Texts between two looks whether there is something else to do.
_CHUNK = 128

_LOOK_S = 2.0
#: Searches and batches that began before the switch have ended by then, s.
_LET_GO_S = 60.0
_PUT_S = 600.0
_TEXTS = ["event_id", "text_hash", "text"]


class Reembed:
    """Works through the complaints that have no vector of the model that is to follow.

    Args:
        settings: of the engine that runs.
        tables: readers of serving.complaints and curated.complaints.
        embed: embeds texts by the new model.
        write: calls `Writer.reembed`, by step and arguments.
    """

    def __init__(
        self,
        settings: Settings,
        tables: tuple[Any, Any],
        embedder: Embedder,
        embed: Callable[[list[str]], Any],
        write: Callable[..., Any],
    ) -> None:
        self._settings, self._tables = settings, tables
        self._embedder, self._embed, self._write = embedder, embed, write

    def fill(self, may: Callable[[], bool] = lambda: True) -> bool:
        """Embed what is due while it `may` work; whether nothing is due any more."""
        self._write("begin")
        for table in self._tables:
            while may():
                rows = table.search().where(DUE).select(_TEXTS).limit(_ROWS).to_arrow()
                if not rows.num_rows:
                    break
                texts = [text or "" for text in rows["text"].to_pylist()]
                parts = [self._embed(texts[at : at + _CHUNK]) for at in range(0, len(texts), _CHUNK) if may()]
                if sum(map(len, parts)) < len(texts):
                    return False
                vectors = np.concatenate(parts)
                made = rows.select(["event_id", "text_hash"])
                for name, values in vector_columns(self._embedder, vectors).items():
                    made = made.append_column(name, pa.array(values) if isinstance(values, list) else values)
                self._write("put", made)
        return all(table.count_rows(DUE) == 0 for table in self._tables)

    def switch(self) -> None:
        """Have the new model serve; clusters go with it.

        Raises:
            NotReady: rows became due meanwhile.
        """
        carried = clusters.carried(self._settings, self._tables[0], (self._embedder.name, self._embedder.revision))
        self._write("switch")
        if carried is not None:
            self._write("clusters", carried)


def waits_for(settings: Settings, model: Embedder | state.Model) -> str:
    """Why the switch to a model waits for a person's word; empty where it does not."""
    kept = state.read(settings.data_dir)
    if kept is None or kept.forced or champion_reads(settings, model.name, model.revision):
        return ""
    return (
        f"the champion of {settings.classifier} is trained on the former vectors; after `beejan reembed switch` "
        "complaints are classified without it until a version is trained on the new ones"
    )


def progress(settings: Settings, complaints: Any) -> dict[str, Any]:
    """How a change of the model stands.

    Returns:
        `state` (none, embedding, waiting, switching), `serving` and `following` (name and revision), and of
        a change `due`, `of` complaints, `began_at`, and what it is `waiting_for`.
    """
    kept = state.read(settings.data_dir)
    if kept is None:
        return {"state": "none", "serving": None, "following": None}
    found: dict[str, Any] = {"state": "none", "serving": _named(kept.serving), "following": None}
    if kept.following is None:
        return found | {"switched_at": kept.switched_at}
    of = int(complaints.count_rows())
    begun = label_of(complaints.schema, f"vector{FOLLOWING}") == kept.following.label
    due = int(complaints.count_rows(DUE)) if begun else of
    told = "embedding" if due or not begun else "switching"
    waiting = waits_for(settings, kept.following)
    if told == "switching" and waiting:
        told = "waiting"
    return found | {
        "state": told, "following": _named(kept.following), "due": due, "of": of, "began_at": kept.began_at,
        "waiting_for": waiting or None,
    }  # fmt: skip


class Tender:
    """Does the work in the stream's driver.

    Args:
        settings: of the engine that runs.
        calm: whether the stream is not behind.
    """

    def __init__(self, settings: Settings, calm: Callable[[], bool]) -> None:
        self._settings, self._calm = settings, calm
        self._stopped = False
        self._told = ""

    async def work(self) -> None:
        """Go on for ever; what fails is tried again."""
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                try:
                    await asyncio.to_thread(self._look)
                except Transient as error:
                    log.warning("change of the embedding model: %s", error)
                except Exception as error:  # it is beside the stream, which goes on
                    said = error if isinstance(error, BeejanError) else type(error).__name__
                    log.error("change of the embedding model: %s", said)
                    await asyncio.sleep(60)
        finally:
            self._stopped = True

    def _may(self) -> bool:
        return not self._stopped and self._calm()

    def _look(self) -> None:
        kept = state.read(self._settings.data_dir)
        if kept is None or kept.following is None:
            self._let_go(kept)
            return
        embedder = actors.RemoteEmbedder.following(self._settings)
        if embedder is None or not self._may():
            return
        uri, options = self._settings.zones_uri.rstrip("/"), self._settings.storage_options
        tables = tuple(open_reader(f"{uri}/{zone}", "complaints", options) for zone in ("serving", "curated"))
        job = Reembed(self._settings, (tables[0], tables[1]), embedder, embedder.encode_in_background, _write)
        self._tell(f"complaints are embedded by {embedder.name} revision {embedder.revision}, too")
        if not job.fill(self._may):
            return
        if actors.writer_call("index_following", limit_s=_PUT_S)["training"]:
            self._tell("the index of the new vectors is trained")
            return
        if waiting := waits_for(self._settings, embedder):
            self._tell(waiting)
            return
        job.switch()
        log.info("search and stream go over to %s revision %s", embedder.name, embedder.revision)

    def _let_go(self, kept: state.State | None) -> None:
        """End the actors of the former model."""
        if kept is None or kept.switched_at is None or self._told == kept.switched_at:
            return
        if time.time() - datetime.fromisoformat(kept.switched_at).timestamp() > _LET_GO_S:
            self._told = kept.switched_at
            if ended := actors.end_embedders([(kept.serving.name, kept.serving.revision)]):
                log.info("%d embedders of the former model were ended", ended)

    def _tell(self, what: str) -> None:
        if what != self._told:
            self._told = what
            log.info("%s", what)


def _write(step: str, *arguments: Any) -> Any:
    done = actors.writer_call("reembed", step, *arguments, limit_s=_PUT_S)
    if step == "put":
        actors.writer_call("maintain", limit_s=_PUT_S)
    return done


def _named(model: state.Model) -> dict[str, Any]:
    return {"name": model.name, "revision": model.revision, "dimensions": model.dimensions}
