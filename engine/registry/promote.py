"""Decides which version is the champion: by a comparison on held-out labels, or by a person who says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.curate.context import load_lineage
from engine.labels.book import AUDIT
from engine.registry.aliases import Aliases, decide, decisions, read
from engine.registry.compare import SLICES, Labelled, compare
from engine.registry.errors import NoModel, NotBetter
from engine.registry.load import manifest_of, trained, versions
from engine.settings import Settings
from engine.stages.context import ZERO_SHOT, Classifier
from engine.stages.model import vectors_of
from engine.store import filters
from models.classify import ZeroShotClassifier
from models.embedder import Embedder

_ALL = 2**31 - 1
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What versions are compared on: masked texts, their vectors (n, d) float32 unit rows, and labels."""

    texts: Sequence[str]
    vectors: NDArray[np.float32]
    items: Sequence[Labelled]


def audited(complaints: Any, labels: Any, known: frozenset[str]) -> HeldOut:
    """The audit's labels: of complaints that chance has chosen and no version is trained on, nor on the same text.

    Args:
        complaints: a reader of serving.complaints.
        labels: a reader of governance.labels.
        known: labels of the taxonomy as it is; others are left out.
    """
    columns = ["event_id", "text_hash", "labels", "kind"]
    found = labels.search().where("superseded_by IS NULL").select(columns).limit(_ALL).to_list()
    trained_on = {row["text_hash"] for row in found if row["kind"] != AUDIT}
    given = {
        row["event_id"]: tuple(row["labels"])
        for row in found
        if row["kind"] == AUDIT and row["text_hash"] not in trained_on and row["labels"] and set(row["labels"]) <= known
    }
    ids = sorted(given)
    texts: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    items: list[Labelled] = []
    for start in range(0, len(ids), _CHUNK):
        listed = ", ".join(filters.text(key) for key in ids[start : start + _CHUNK])
        query = complaints.search().where(f"event_id IN ({listed})").select(["event_id", "text", "vector", *SLICES])
        rows = query.limit(_ALL).to_arrow()
        if not rows.num_rows:
            continue
        vectors.append(vectors_of(rows["vector"]))
        for row in rows.drop_columns(["vector"]).to_pylist():
            texts.append(row["text"])
            items.append(Labelled(given[row["event_id"]], {name: row[name] for name in SLICES}))
    return HeldOut(texts, np.concatenate(vectors) if vectors else np.zeros((0, 0), np.float32), items)


def given(rows: Sequence[Mapping[str, Any]], settings: Settings, embedder: Embedder) -> HeldOut:
    """Labelled texts from elsewhere: text, label, and language, channel and region where known.

    They go through the stages that complaints go through; one that a stage rejects is left out.
    """
    from engine.curate.local import process_texts

    texts: list[str] = []
    items: list[Labelled] = []
    vectors: list[NDArray[np.float32]] = []
    at = 0
    for results, found in process_texts([str(row["text"]) for row in rows], settings, embedder):
        kept = [row for row, result in enumerate(results) if "error" not in result]
        for row in kept:
            source = rows[at + row]
            slices = {name: source.get(name) or results[row].get(name) for name in SLICES}
            texts.append(results[row]["masked"])
            items.append(Labelled((str(source["label"]),), slices))
        vectors.append(found[kept])
        at += len(results)
    return HeldOut(texts, np.concatenate(vectors) if vectors else np.zeros((0, 0), np.float32), items)


def known_labels(settings: Settings) -> frozenset[str]:
    """Categories and leaves of the taxonomy as it is."""
    leaves = load_lineage(settings).current.leaves()
    return frozenset({leaf.id for leaf in leaves} | {leaf.category for leaf in leaves})


def report(
    settings: Settings, version: str, held: HeldOut, embedder: Embedder, against: str | None = ""
) -> dict[str, Any]:
    """Compare a version with the champion, or with the version `against`; None is the zero-shot classifier.

    Raises:
        NoModel: there is no such version.
        UnusableModel: one of the two cannot be used here.
    """
    other = read(settings.data_dir, settings.classifier).champion if against == "" else against
    old, new = (_classifier(settings, one, embedder) for one in (other, version))
    said = [one.predict(held.texts, held.vectors) if held.items else [] for one in (old, new)]
    found = compare(held.items, *said)
    if not manifest_of(settings.data_dir, settings.classifier, version).get("taxonomy"):
        found["against"].append("its labels are not all of the taxonomy that complaints are placed in")
    return {"versions": {"champion": id_of(settings, other), "challenger": id_of(settings, version)}} | found


def id_of(settings: Settings, version: str | None) -> str:
    """What rows carry of a version of the configured model."""
    return ZERO_SHOT if version is None else f"{settings.classifier}/{version}"


def _classifier(settings: Settings, version: str | None, embedder: Embedder) -> Classifier:
    lineage = load_lineage(settings)
    if version is None:
        return ZeroShotClassifier.build(lineage.current, embedder)
    return trained(settings, version, lineage, embedder)


def promote(
    settings: Settings, version: str, found: Mapping[str, Any], *, by: str, force: bool = False, reason: str = ""
) -> dict[str, Any]:
    """Make a version the champion; the stream takes it over and what is stored is scored again.

    Args:
        settings: where the registry is.
        version: of the configured model.
        found: the report of its comparison with the champion.
        by: who decides.
        force: also without a gain or with a slice that gets worse.
        reason: why, with `force`.

    Returns:
        The decision, as it stands in the log.

    Raises:
        NoModel: there is no such version.
        NotBetter: nothing shows that it is better, or the champion is another than it was compared with.
    """
    which = f"{settings.classifier}/{version}"
    manifest_of(settings.data_dir, settings.classifier, version)
    if force and not reason.strip():
        raise NotBetter(f"{which}: --force needs a reason, which is kept: --reason TEXT")
    if found["against"] and not force:
        raise NotBetter(
            f"{which} is not promoted over {found['versions']['champion']}: {'; '.join(found['against'])}. Label "
            "more of the audit (`beejan label next`), compare on a file (--data), or give --force and --reason TEXT"
        )

    def change(before: Aliases) -> Aliases:
        if id_of(settings, before.champion) != found["versions"]["champion"]:
            raise NotBetter(
                f"{which} was compared with {found['versions']['champion']}, and the champion is "
                f"{id_of(settings, before.champion)} by now; compare it again"
            )
        challenger = None if before.challenger == version else before.challenger
        return replace(before, champion=version, challenger=challenger)

    kept = {name: found[name] for name in ("of", "champion", "challenger", "gain", "against")}
    return decide(
        settings.data_dir, settings.classifier, "promote", change, by=by, forced=force, reason=reason, compared=kept
    )


def rollback(settings: Settings, *, by: str, reason: str = "") -> dict[str, Any]:
    """Make the champion before this one the champion again.

    Returns:
        The decision, as it stands in the log.

    Raises:
        NoModel: there was none before.
    """
    data_dir, name = settings.data_dir, settings.classifier

    def change(before: Aliases) -> Aliases:
        stack = champions(decisions(data_dir, name))
        if len(stack) < 2:
            raise NoModel(f"model {name}: there is no champion before {id_of(settings, before.champion)}")
        if stack[-2] is not None:
            manifest_of(data_dir, name, stack[-2])
        return replace(before, champion=stack[-2])

    return decide(data_dir, name, "rollback", change, by=by, reason=reason)


def champions(decided: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """The champions that a rollback goes back through, the present one last."""
    stack: list[str | None] = [None]
    for one in decided:
        if one["action"] == "promote":
            stack.append(one["champion"]["to"])
        elif one["action"] == "rollback" and len(stack) > 1:
            stack.pop()
    return stack


def challenge(settings: Settings, version: str | None, *, by: str) -> dict[str, Any]:
    """Make a version the challenger, which new complaints are tried on; None for none.

    Raises:
        NoModel: there is no such version, or it is the champion.
    """
    if version is not None:
        manifest_of(settings.data_dir, settings.classifier, version)

    def change(before: Aliases) -> Aliases:
        if version is not None and before.champion == version:
            raise NoModel(f"{id_of(settings, version)} is the champion; the challenger is another version")
        return replace(before, challenger=version)

    return decide(settings.data_dir, settings.classifier, "challenger", change, by=by)


def listed(data_dir: Path, name: str) -> list[dict[str, Any]]:
    """Versions of a model with their roles and what their manifests say, the newest first."""
    aliases = read(data_dir, name)
    found = []
    for version in reversed(versions(data_dir, name)):
        manifest = manifest_of(data_dir, name, version)
        role = {aliases.champion: "champion", aliases.challenger: "challenger"}.get(version, "")
        found.append({"id": f"{name}/{version}", "name": name, "version": version, "role": role, "manifest": manifest})
    return found


def short(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a list says of a version: no figures of single labels or slices, and no files."""
    metrics = manifest.get("metrics") or {}
    metrics = {key: value for key, value in metrics.items() if not isinstance(value, dict | list)}
    left_out = ("files", "metrics", "slices", "name", "version")
    return {key: value for key, value in manifest.items() if key not in left_out} | {"metrics": metrics}
