"""The classifier that an installation classifies by: its champion, told in today's taxonomy, or the zero-shot one."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.registry.aliases import folder_of, read, version_folder
from engine.registry.errors import BadRegistry, NoModel, UnusableModel
from engine.settings import Settings
from engine.stages.context import ZERO_SHOT, Classifier
from engine.taxonomy.versions import Lineage, NoVersion
from models.classify import ZeroShotClassifier
from models.embedder import Embedder
from models.translate import Translated, Translator

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("beejan.registry")


def manifest_of(data_dir: Path, name: str, version: str) -> dict[str, Any]:
    """A version's manifest.

    Raises:
        NoModel: there is no such version.
        BadRegistry: its manifest cannot be read.
    """
    path = version_folder(data_dir, name, version) / "manifest.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(versions(data_dir, name)) or "none"
        raise NoModel(f"model {name}/{version}: not there; versions of {name}: {known}") from None
    except (OSError, ValueError) as error:
        raise BadRegistry(f"{path}: cannot be read ({type(error).__name__}); train it again") from error
    return found


def versions(data_dir: Path, name: str) -> list[str]:
    """The versions of a model, the oldest first; one that is still being trained has no manifest and is none."""
    found = folder_of(data_dir, name).glob("*/manifest.json")
    return [path.parent.name for path in sorted(found, key=lambda path: (path.stat().st_mtime, path.parent.name))]


def names(data_dir: Path) -> list[str]:
    """The models that have versions."""
    return sorted({path.parent.parent.name for path in (data_dir / "models").glob("*/*/manifest.json")})


def split_id(model_id: str) -> tuple[str, str]:
    """(name, version) of `name/version`.

    Raises:
        NoModel: it is none.
    """
    name, slash, version = model_id.partition("/")
    if not slash or not version:
        raise NoModel(f"model {model_id[:130]!r}: expected NAME/VERSION, as in `beejan models list`")
    return name, version


def chosen(settings: Settings, model: str) -> tuple[str, str]:
    """(name, version) of `name` or `name@version`; without a version the champion, and where there is none the newest.

    Raises:
        NoModel: there is no such version.
    """
    name, _, version = model.partition("@")
    known = versions(settings.data_dir, name)
    version = version or read(settings.data_dir, name).champion or (known[-1] if known else "")
    if version not in known:
        raise NoModel(f"model {model[:130]!r}: not there; versions of {name[:64]}: {', '.join(known) or 'none'}")
    return name, version


def target(settings: Settings) -> str:
    """The `classifier_version` that complaints are to have.

    Raises:
        BadRegistry: the aliases cannot be read.
    """
    version = read(settings.data_dir, settings.classifier).champion
    return ZERO_SHOT if version is None else f"{settings.classifier}/{version}"


def champion(settings: Settings, lineage: Lineage, embedder: Embedder) -> tuple[Classifier, str]:
    """What classifies, and its `name/version`.

    A champion that is of no use is told in the log, and the zero-shot classifier goes on in its place: complaints keep
    coming in, and their rows say by what they were classified.
    """
    try:
        version = read(settings.data_dir, settings.classifier).champion
        if version is not None:
            return trained(settings, version, lineage, embedder), f"{settings.classifier}/{version}"
    except (BadRegistry, NoModel, UnusableModel) as error:
        log.error("%s; complaints are classified by %s", error, ZERO_SHOT)
    return ZeroShotClassifier.build(lineage.current, embedder), ZERO_SHOT


def champion_reads(settings: Settings, model: str, revision: str) -> bool:
    """Whether the champion, if there is one, is for vectors of an embedding model."""
    try:
        version = read(settings.data_dir, settings.classifier).champion
        manifest = manifest_of(settings.data_dir, settings.classifier, version) if version is not None else None
    except (BadRegistry, NoModel):  # of no use by now
        return True
    made = manifest.get("embedding") or {} if manifest else {}
    return manifest is None or (made.get("model"), made.get("revision")) == (model, revision)


def trained(settings: Settings, version: str, lineage: Lineage, embedder: Embedder) -> Classifier:
    """A version of the configured model, for texts embedded by `embedder`, answering in the current taxonomy.

    Raises:
        NoModel: there is no such version.
        UnusableModel: it cannot be used here.
    """
    from models.classifier import Classifier as Trained
    from models.classifier import ClassifierError

    name = settings.classifier
    manifest = manifest_of(settings.data_dir, name, version)
    _check_embedding(f"model {name}/{version}", manifest, embedder)
    try:
        found: Classifier = Trained.load(version_folder(settings.data_dir, name, version))
    except (ClassifierError, OSError, ValueError) as error:
        raise UnusableModel(f"model {name}/{version}: {error}") from error
    steps = _steps(f"model {name}/{version}", manifest, lineage)
    return Translated(found, [Translator.build(step, embedder) for step in steps]) if steps else found


def _check_embedding(which: str, manifest: Mapping[str, Any], embedder: Embedder) -> None:
    made = manifest.get("embedding") or {}
    was = (made.get("model"), made.get("revision"))
    if was != (embedder.name, embedder.revision):
        raise UnusableModel(
            f"{which}: trained on vectors of {was[0]} revision {str(was[1])[:12]}, complaints are embedded by "
            f"{embedder.name} revision {embedder.revision[:12]}; train it again"
        )


def _steps(which: str, manifest: Mapping[str, Any], lineage: Lineage) -> list[Any]:
    """Changes of the taxonomy since it was trained; none where its labels are nobody's taxonomy."""
    version = str(manifest.get("taxonomy") or "")
    name, _, number = version.rpartition("/")
    if not version:
        return []
    if name and name != lineage.base.name:
        raise UnusableModel(f"{which}: trained for taxonomy {name!r}, complaints are placed in {lineage.base.name!r}")
    try:
        return list(lineage.steps(number))
    except NoVersion as error:
        raise UnusableModel(f"{which}: {error}") from error
