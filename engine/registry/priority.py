"""Fits the weights of priority to labels of stored complaints; the result is a version of its own, nothing is replaced.

`<data>/models/priority/<version>/` holds `priority.yaml`, for the setting `priority`, and `report.json`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from connectors.errors import BeejanError
from connectors.lance import open_reader
from engine.curate.context import priority_weights
from engine.settings import Settings
from engine.stages.model import PRIORITY_READS, complaint_of
from models.priority import LEVELS, Complaint, Level, PriorityModel
from models.priority_fit import Fitted, TooFewLabels, fit, kappa, recall

NAME = "priority"

#: Parts of the labels that are held out in turn.
_FOLDS = 5


class BadLabels(BeejanError):
    """Labels that nothing can be fitted to."""


def train(settings: Settings, labels: Path) -> dict[str, Any]:
    """Fit the configured weights to labels and keep them as a version.

    Args:
        settings: where complaints are and whose weights to start from.
        labels: CSV with the columns event_id and label (P1 to P4); of an id that stands twice the last counts.

    Returns:
        The report, with `path` of the weights and `new`, false where the same version was there already.

    Raises:
        BadLabels: the file cannot be used, or it has too few labels.
    """
    wanted = read_labels(labels)
    stored = _complaints(settings, wanted)
    ids = sorted(stored)
    complaints, levels = [stored[key] for key in ids], [wanted[key] for key in ids]
    weights = priority_weights(settings)
    try:
        fitted = fit(weights, complaints, levels, version="fitted")
    except TooFewLabels as error:
        raise BadLabels(
            f"{labels}: {error}; {len(wanted) - len(ids)} labelled complaints are not stored here"
        ) from error
    report = {
        "from_version": str(weights["version"]),
        "labels": len(ids),
        "labels_sha256": hashlib.sha256(json.dumps([ids, levels]).encode()).hexdigest(),
        "not_stored": len(wanted) - len(ids),
        "by_level": {level: levels.count(level) for level in LEVELS},
        "fitted": {"kappa": round(fitted.kappa, 4), "p1_recall": round(fitted.p1_recall, 4)},
        "held_out": _held_out(weights, ids, complaints, levels),
        "before": _agreement(PriorityModel.from_dict(weights), complaints, levels),
    }
    return _keep(settings.data_dir, fitted, report)


def read_labels(path: Path) -> dict[str, Level]:
    """Levels by event id.

    Raises:
        BadLabels: a column is missing, or a line has another label than P1 to P4.
    """
    found: dict[str, Level] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not {"event_id", "label"} <= set(reader.fieldnames or ()):
                raise BadLabels(f"{path}: columns {reader.fieldnames}; expected event_id and label")
            for row in reader:
                level = next((level for level in LEVELS if level == (row["label"] or "").strip()), None)
                if level is None or not re.fullmatch("[0-9a-f]+", row["event_id"] or ""):
                    raise BadLabels(
                        f"{path}, line {reader.line_num}: {str(row['event_id'])[:80]!r}, {str(row['label'])[:20]!r}; "
                        "expected an event id in hex and P1, P2, P3 or P4"
                    )
                found[row["event_id"]] = level
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadLabels(f"{path}: cannot be read ({type(error).__name__}); expected CSV in UTF-8") from error
    return found


def _complaints(settings: Settings, ids: Mapping[str, Level]) -> dict[str, Complaint]:
    table = open_reader(f"{settings.zones_uri.rstrip('/')}/serving", "complaints", settings.storage_options)
    columns = ["event_id", "priority_reasons", *PRIORITY_READS]
    found, keys = {}, list(ids)
    for start in range(0, len(keys), 1000):
        listed = ", ".join(f"'{key}'" for key in keys[start : start + 1000])
        rows = table.search().where(f"event_id IN ({listed})").select(columns).limit(1000).to_list()
        for row in rows:
            found[row["event_id"]] = complaint_of(
                *(row[name] for name in PRIORITY_READS), reasons=row["priority_reasons"] or ()
            )
    return found


def _held_out(
    weights: dict[str, Any], ids: list[str], complaints: list[Complaint], levels: list[Level]
) -> dict[str, float] | None:
    """Agreement on labels that the weights were not fitted to, each part in turn; None where there are too few."""
    parts = [int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % _FOLDS for key in ids]
    found: list[Level] = []
    labels: list[Level] = []
    for fold in range(_FOLDS):
        rest = [row for row, part in enumerate(parts) if part != fold]
        held = [row for row, part in enumerate(parts) if part == fold]
        try:
            made = fit(weights, [complaints[r] for r in rest], [levels[r] for r in rest], version="held out")
        except TooFewLabels:
            return None
        model = PriorityModel.from_dict(made.config)
        found += [model.score(complaints[row]).level for row in held]
        labels += [levels[row] for row in held]
    return {"kappa": round(kappa(found, labels), 4), "p1_recall": round(recall(found, labels), 4)}


def _agreement(model: PriorityModel, complaints: list[Complaint], levels: list[Level]) -> dict[str, float]:
    found = [model.score(complaint).level for complaint in complaints]
    return {"kappa": round(kappa(found, levels), 4), "p1_recall": round(recall(found, levels), 4)}


def _keep(data_dir: Path, fitted: Fitted, report: dict[str, Any]) -> dict[str, Any]:
    """The version's folder appears whole; one that is there stays as it is."""
    mark = hashlib.sha256(json.dumps([fitted.config, report], sort_keys=True).encode()).hexdigest()[:12]
    version = f"{report['from_version']}-{mark}"
    folder = data_dir / "models" / NAME / version
    path = folder / "priority.yaml"
    told = {"version": version, "path": str(path), "new": not folder.exists(), **report}
    if not told["new"]:
        return told
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        text = yaml.safe_dump({**fitted.config, "version": version}, allow_unicode=True, sort_keys=False, width=110)
        report = {**report, "made_at": datetime.now(UTC).isoformat()}
        for name, content in (("priority.yaml", text), ("report.json", json.dumps(report, indent=1))):
            with (made / name).open("w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return told
