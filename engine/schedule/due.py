"""Whether a training is due: the champion drifts, or so many labels came since the last one."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.lance import StoreAway, open_reader
from engine.labels.book import AUDIT
from engine.registry import drift
from engine.registry.load import manifest_of, target, versions
from engine.schedule.entries import Retrain
from engine.settings import Settings
from engine.store import filters


def why(settings: Settings, entry: Retrain, now: datetime) -> str | None:
    """Why a training is due; None: it is not.

    Labels are counted since the newest version was trained, be it champion or not: the same labels would give the same
    version again, so drift alone trains nothing where no label came since.
    """
    if not entry.drift and entry.new_labels is None:
        return "its time came"
    labels = labels_since(settings, last_trained(settings))
    if entry.new_labels is not None and labels >= entry.new_labels:
        return f"{labels} new labels, {entry.new_labels} or more"
    if entry.drift and labels:
        found = drift.standing(settings, target(settings), now)
        names = [one["name"] for one in found["measures"] if one["state"] == "drift"]
        if names:
            return f"drift of {', '.join(names)}, and {labels} new labels"
    return None


def last_trained(settings: Settings) -> datetime | None:
    """When the newest version of the configured classifier was made; None where there is none."""
    known = versions(settings.data_dir, settings.classifier)
    if not known:
        return None
    made = (manifest_of(settings.data_dir, settings.classifier, version)["created_at"] for version in known)
    return max(datetime.fromisoformat(one).astimezone(UTC) for one in made)


def labels_since(settings: Settings, moment: datetime | None) -> int:
    """Standing labels that a model may learn from, given after `moment`."""
    where = f"superseded_by IS NULL AND kind != {filters.text(AUDIT)}"
    if moment is not None:
        where += f" AND created_at > {filters.moment(moment)}"
    try:
        table = open_reader(f"{settings.zones_uri.rstrip('/')}/governance", "labels", settings.storage_options)
    except StoreAway:  # no engine ran on this folder yet
        return 0
    return int(table.count_rows(where))
