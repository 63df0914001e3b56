"""NAB's score (Lavin and Ahmad 2015) of the spike detector over a folder in NAB's layout."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.errors import Terminal
from models.surge_spikes import scores

Floats = NDArray[np.float64]

DETECTOR = "beejan"

#: Weights of a false positive and of a missed window; a hit window weighs 1 (NAB, config/profiles.json).
PROFILES = {"standard": (0.11, 1.0), "reward_low_fp": (0.22, 1.0), "reward_low_fn": (0.11, 2.0)}

#: Share of a file that is not scored, and the file length at which that stops growing.
_PROBATION, _PROBATION_ROWS = 0.15, 5000


class BadFolder(Terminal):
    """The folder is not in NAB's layout."""


@dataclass(frozen=True, slots=True)
class Series:
    """A file: timestamps and values as written, and its windows as inclusive positions."""

    name: str
    times: list[str]
    values: Floats
    windows: list[tuple[int, int]]

    @property
    def probation(self) -> int:
        """Rows at the start that are not scored."""
        return int(_PROBATION * min(len(self.values), _PROBATION_ROWS))


def read(folder: Path) -> list[Series]:
    """Every file that a windows json under `folder` names; of two jsons with the same file, the last by name.

    Raises:
        BadFolder: no windows, a file is missing or unreadable.
    """
    labels: dict[str, list[list[str]]] = {}
    for path in sorted(folder.rglob("*windows*.json")):
        labels |= json.loads(path.read_text(encoding="utf-8"))
    files = {name: file for name in sorted(labels) if (file := _file(folder, name)) is not None}
    found = [_series(file, name, labels[name]) for name, file in files.items()]
    if not found:
        raise BadFolder(f"{folder}: no series with windows; expected a windows json and the csv files it names")
    return found


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / "data" / name, folder / Path(name).name) if p.is_file()), None)


def _series(path: Path, name: str, windows: list[list[str]]) -> Series:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["timestamp"], float(row["value"])) for row in csv.DictReader(file)]
        moments = np.array([datetime.fromisoformat(time) for time, _ in rows], dtype="datetime64[us]")
        spans = [[np.datetime64(datetime.fromisoformat(edge), "us") for edge in window] for window in windows]
    except (KeyError, ValueError) as error:
        raise BadFolder(f"{path}: expected columns timestamp and value, got {error}") from error
    inside = [np.flatnonzero((moments >= first) & (moments <= last)) for first, last in spans]
    places = sorted((int(at[0]), int(at[-1])) for at in inside if len(at))
    return Series(name, [time for time, _ in rows], np.array([value for _, value in rows]), places)


def sigmoid(x: Floats) -> Floats:
    """NAB's scaled sigmoid: 1 long before, 0 at the window's end, -1 long after."""
    return np.where(x > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(x, 3.0))) - 1.0)


def worth(series: Series) -> tuple[Floats, NDArray[np.int64]]:
    """What a detection at each row is worth before weights (T,), and the window it lies in, -1 for none."""
    length = len(series.values)
    value, inside = np.full(length, -1.0), np.full(length, -1, dtype=np.int64)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        past = (np.arange(last + 1, length) - last) / max(width - 1, 1)
        value[last + 1 :] = sigmoid(past)
        value[first : last + 1] = sigmoid(-np.arange(width, 0, -1) / width) / sigmoid(np.array(-1.0))
        inside[first : last + 1] = number
    return value, inside


def best(parts: list[tuple[Series, Floats]], profile: str) -> tuple[float, float]:
    """The normalised score at the threshold that makes it greatest, one for all files, and that threshold.

    Args:
        parts: series and its anomaly scores (T,).
        profile: of PROFILES.
    """
    missed, events = 0.0, []
    false, fn = PROFILES[profile]
    windows = 0
    for number, (series, scored) in enumerate(parts):
        value, inside = worth(series)
        rows = range(series.probation, len(value))
        judged = {int(w) for w in inside[series.probation :] if w >= 0}
        windows += len(judged)
        missed -= fn * len(judged)
        events += [(float(scored[r]), number, int(inside[r]), float(value[r])) for r in rows if scored[r] > 0]
    events.sort(key=lambda event: -event[0])
    total, most, threshold, hit = missed, missed, float("inf"), dict[tuple[int, int], float]()
    for place, (score, number, window, value_here) in enumerate(events):
        if window < 0:
            total += false * value_here
        else:
            before = hit.get((number, window), -fn)
            hit[number, window] = max(before, value_here)
            total += hit[number, window] - before
        last = place + 1 == len(events) or events[place + 1][0] < score
        if last and total > most:
            most, threshold = total, score
    return (100.0 * (most - missed) / (windows - missed) if windows else 0.0), threshold


def report(folder: Path, out: Path | None = None) -> dict[str, Any]:
    """Detect in every series by one configuration and score it.

    Args:
        folder: csv files with timestamp and value, and a windows json that names them.
        out: if given, gets NAB's result files, `beejan/FOLDER/beejan_FILE.csv`.
    """
    parts = [(series, scores(series.values[:, None])[:, 0]) for series in read(folder)]
    found = {profile: best(parts, profile) for profile in PROFILES}
    if out is not None:
        for series, scored in parts:
            _write(out, series, scored)
    return {
        "nab": {profile: round(score, 2) for profile, (score, _) in found.items()},
        "thresholds": {profile: None if at == float("inf") else round(at, 4) for profile, (_, at) in found.items()},
        "files": len(parts),
    }


def _write(out: Path, series: Series, scored: Floats) -> None:
    name = Path(series.name)
    path = out / DETECTOR / name.parent / f"{DETECTOR}_{name.name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    inside = worth(series)[1] >= 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "value", "anomaly_score", "label"])
        # NAB's scores lie in 0 to 1; ours is a power of ten.
        shares = 1.0 - 10.0**-scored
        rows = zip(series.times, series.values, shares, inside, strict=True)
        writer.writerows([time, f"{value:g}", f"{share:.12g}", int(label)] for time, value, share, label in rows)
