"""Which embedding model serves, and which one is to follow it: `<data>/embedding.json`.

Another model in the settings does not replace the one whose vectors are stored: it follows. All of the engine goes on
with the model that serves until every complaint has a vector of the one that follows (engine.reembed.job).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import embedding
from engine.settings import Settings
from models.embedder import EmbedderError

FILE = "embedding.json"

#: Rows by name and revision of the model that embedded them.
Counts = Mapping[tuple[str, str], int]

#: What of the settings says which model it is.
_WHICH = ("model", "revision", "backend", "dimensions")


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model.

    Args:
        name: as on rows.
        revision: as on rows.
        embed: the settings it is loaded by: model, revision, backend, dimensions.
    """

    name: str
    revision: str
    embed: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Stands in the metadata of the column of its vectors."""
        return f"{self.name}|{self.revision}"

    @property
    def dimensions(self) -> int:
        """Length of its vectors."""
        return int(self.embed["dimensions"])


@dataclass(frozen=True, slots=True)
class State:
    """What stands in the file.

    Args:
        serving: embeds queries; its vectors are searched.
        following: embeds in the background; None where no change is under way.
        began_at: when it began to.
        forced: switch although the champion cannot read the vectors.
        switched_at: when the last change ended.
    """

    serving: Model
    following: Model | None = None
    began_at: str | None = None
    forced: bool = False
    switched_at: str | None = None


def read(data_dir: Path) -> State | None:
    """The state; None before the first start of an engine."""
    try:
        found = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    for name in ("serving", "following"):
        found[name] = Model(**found[name]) if found[name] else None
    return State(**found)


def write(data_dir: Path, state: State) -> None:
    """Keep it durably: a reader sees all of it or what was there before."""
    path = data_dir / FILE
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(asdict(state), file, default=str)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def plan(settings: Settings, stored: Callable[[], Counts]) -> State:
    """Compare the settings with what is stored, and keep what is to be done; before the engine starts.

    Args:
        settings: as configured.
        stored: asked in a data folder without a state.

    Raises:
        EmbedderError: the model whose vectors are stored is not there any more, or is not known.
    """
    wanted, known = of(settings), read(settings.data_dir)
    if known is None:
        known = State(_made_by(settings, wanted, stored()))
    if known.serving.label == wanted.label:
        state = State(wanted, switched_at=known.switched_at)
    else:
        _must_load(settings, known.serving)
        going_on = known.following is not None and known.following.label == wanted.label
        state = replace(known, following=wanted) if going_on else State(known.serving, wanted, now())
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    write(settings.data_dir, state)
    return state


def of(settings: Settings) -> Model:
    """The model of these settings; it is not loaded."""
    which = settings.embed.model_dump(include=set(_WHICH)) | {"backend": embedding.backend(settings)}
    return Model(*embedding.identity(settings), which)


def settings_of(settings: Settings, model: Model) -> Settings:
    """The settings with another embedding model."""
    return settings.model_copy(update={"embed": settings.embed.model_copy(update=dict(model.embed))})


def serving(settings: Settings) -> Settings:
    """The settings with the model that serves, where that is kept."""
    state = read(settings.data_dir)
    return settings if state is None else settings_of(settings, state.serving)


def following(settings: Settings) -> Settings | None:
    """The settings with the model that follows; None where none does."""
    state = read(settings.data_dir)
    return None if state is None or state.following is None else settings_of(settings, state.following)


def switched(data_dir: Path) -> State:
    """Keep that the model that followed serves now."""
    state = read(data_dir)
    assert state is not None and state.following is not None  # asked by what has just switched
    made = State(state.following, switched_at=now())
    write(data_dir, made)
    return made


def force(data_dir: Path) -> None:
    """Keep that it is to be switched although the champion cannot read the vectors."""
    state = read(data_dir)
    if state is not None and state.following is not None:
        write(data_dir, replace(state, forced=True))


def now() -> str:
    """The time, as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _made_by(settings: Settings, wanted: Model, counts: Counts) -> Model:
    """The model of most rows: the one wanted, or the same weights by another backend."""
    full = {key: rows for key, rows in counts.items() if not key[0].startswith("static/")}
    if not full:
        return wanted
    name, revision = max(full, key=lambda key: full[key])
    base, suffix, rest = revision.partition("+")
    backend = f"onnx-{rest.partition('.')[0]}" if suffix else "torch"
    if (name, base) == (wanted.name, wanted.revision.partition("+")[0]):
        candidate = of(settings_of(settings, replace(wanted, embed={**wanted.embed, "backend": backend})))
        if (candidate.name, candidate.revision) == (name, revision):
            return candidate
    raise EmbedderError(
        f"the complaints stored here were embedded by {name} revision {revision}, and the settings give {wanted.name} "
        f"revision {wanted.revision}: start once with the former's embed.model, embed.revision and embed.backend, so "
        "that it is known how to load it, then change them; the change is made in the background"
    )


def _must_load(settings: Settings, model: Model) -> None:
    there = of(settings_of(settings, model))
    if there.label != model.label:
        raise EmbedderError(
            f"the vectors stored here are of {model.name} revision {model.revision}, and its files are now revision "
            f"{there.revision}: restore them (embed.model may name a folder with them) until the change to another "
            "model is made, as searches need both"
        )
