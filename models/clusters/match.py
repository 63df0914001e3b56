"""Ids that stay: clusters of a run get the ids of those that the run before had of the same members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Two are the same cluster where they share so much of what either has of the rows in both runs (Jaccard).
_LEAST_SHARED = 0.3

#: Without common members they are the same where their centroids are so near.
_SAME_CENTROID = 0.95

#: So much of a cluster's rows has to come from, or go to, one other for it to have been split off or merged.
_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a cluster: born, split (off `other`), merged (into `other`) or ended."""

    cluster_id: int
    kind: str
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """ids: (new clusters,) int64; events, by id; kept: the ids that went on."""

    ids: NDArray[np.int64]
    events: tuple[Event, ...]
    kept: tuple[int, ...]


def match(
    before: NDArray[np.int64],
    now: NDArray[np.int64],
    old: dict[int, NDArray[np.float32]],
    new: NDArray[np.float32],
    next_id: int,
) -> Matched:
    """Give the clusters of this run ids.

    Args:
        before: (n,) the id each row had, -1 where it had none or is new.
        now: (n,) its cluster in this run, 0, 1, …, or -1.
        old: centroids of the clusters of the run before, unit, by id.
        new: (c, d) float32 centroids of this run, unit rows.
        next_id: the first id never given to anyone; an id is not given twice.
    """
    known = np.array(sorted(old), np.int64)
    shared = _shared(before, now, known, len(new))
    ids = _paired(shared, known, old, new)
    fresh = np.flatnonzero(ids < 0)
    ids[fresh] = next_id + np.arange(len(fresh))
    kept = tuple(sorted(set(ids.tolist()) & set(known.tolist())))
    events = [*_beginnings(shared, known, ids, fresh), *_ends(shared, known, ids, kept)]
    return Matched(ids, tuple(sorted(events, key=lambda event: event.cluster_id)), kept)


def _shared(
    before: NDArray[np.int64], now: NDArray[np.int64], known: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """(old, new + 1) rows in both; the last column is noise now."""
    table = np.zeros((len(known), count + 1))
    inside = np.isin(before, known)
    place = np.searchsorted(known, before[inside])
    np.add.at(table, (place, np.where(now[inside] < 0, count, now[inside])), 1)
    return table


def _paired(
    shared: NDArray[np.float64],
    known: NDArray[np.int64],
    old: dict[int, NDArray[np.float32]],
    new: NDArray[np.float32],
) -> NDArray[np.int64]:
    from scipy.optimize import linear_sum_assignment

    ids = np.full(len(new), -1, np.int64)
    if not len(known) or not len(new):
        return ids
    inside = shared[:, :-1]
    either = shared.sum(axis=1)[:, None] + inside.sum(axis=0)[None, :] - inside
    alike = inside / np.maximum(either, 1)
    for scores, least in ((alike, _LEAST_SHARED), (_near(shared, known, old, new), _SAME_CENTROID)):
        scores = np.where((ids < 0)[None, :] & ~np.isin(known, ids)[:, None], scores, 0.0)
        rows, columns = linear_sum_assignment(-scores)
        for row, column in zip(rows, columns, strict=True):
            if scores[row, column] >= least:
                ids[column] = known[row]
    return ids


def _near(
    shared: NDArray[np.float64],
    known: NDArray[np.int64],
    old: dict[int, NDArray[np.float32]],
    new: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Cosine of centroids, 0 where the old one still has rows: their whereabouts say more."""
    near = np.stack([old[int(key)] for key in known]) @ new.T
    return np.where(shared.sum(axis=1)[:, None] > 0, 0.0, near.astype(np.float64))


def _beginnings(
    shared: NDArray[np.float64], known: NDArray[np.int64], ids: NDArray[np.int64], fresh: NDArray[np.int64]
) -> list[Event]:
    events = []
    for label in fresh.tolist():
        came = shared[:, label]
        most = int(came.argmax()) if len(came) else 0
        split = len(came) > 0 and came[most] > _MOST * came.sum()
        events.append(Event(int(ids[label]), "split", int(known[most])) if split else Event(int(ids[label]), "born"))
    return events


def _ends(
    shared: NDArray[np.float64], known: NDArray[np.int64], ids: NDArray[np.int64], kept: tuple[int, ...]
) -> list[Event]:
    events = []
    for row, key in enumerate(known.tolist()):
        if key in kept:
            continue
        went = shared[row, :-1]
        most = int(went.argmax()) if len(went) else 0
        merged = len(went) > 0 and went[most] > _MOST * shared[row].sum()
        events.append(Event(key, "merged", int(ids[most])) if merged else Event(key, "ended"))
    return events
