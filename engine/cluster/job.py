"""A clustering of all stored complaints: topics of a sample, groups of what is left, and every complaint assigned.

The sample is the distinct texts of the lowest hashes, so most of it is the sample of the run before. What is written
follows from what is stored: a run that was cut off is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.cluster.about import About, rows_of
from engine.cluster.emerging import growth
from engine.cluster.keep import clusters_of
from engine.settings import ClusterSettings
from engine.stages.model import vectors_of
from engine.store import filters
from models.clusters.assign import DENSE, Clusters, joined, of_labels
from models.clusters.match import match
from models.clusters.terms import terms
from models.clusters.topics import NOISE, Params, dense_groups, topics

_BATCH_ROWS = 50_000
_READ_IDS = 1_000
#: The time before the recent window that it is compared with, in windows.
_PAST_WINDOWS = 4

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Tables:
    """Readers of serving.complaints and serving.clusters, and the writer's put_clusters and set_clusters."""

    complaints: Any
    clusters: Any
    put: Callable[[pa.Table], Any]
    assign: Callable[[pa.Table], Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """Distinct texts. event_ids: (n,) one complaint of each; vectors: (n, d) float32; texts: masked; before: (n,) the
    cluster it is in, -1: none.
    """

    event_ids: list[str]
    vectors: NDArray[np.float32]
    texts: list[str]
    before: NDArray[np.int64]


def cluster(
    tables: Tables, settings: ClusterSettings, now: datetime | None = None, tell: Tell = lambda what, done, of: None
) -> dict[str, Any]:
    """Cluster everything that is stored and have it written.

    Args:
        tables: see Tables.
        settings: see ClusterSettings.
        now: the end of the recent window.
        tell: gets a step's name, what is done of it and what there is to do.

    Returns:
        complaints, sample, clusters, noise (share of complaints), reassigned, kept_ids (share of the complaints of
        surviving clusters that kept their id; None in the first run), events (a count by kind), emerging (ids).
    """
    now = now or datetime.now(UTC)
    params = Params(settings.neighbours, settings.least_similarity, settings.resolution, settings.least_size)
    tell("reading", 0, 1)
    keys = _keys(tables.complaints)
    stored = tables.clusters.search().limit(2**31 - 1).to_list()
    model, mine = _of_one_model(keys)
    if mine.num_rows == 0:
        return _report(0, 0, Clusters.none(), np.zeros(0, np.int64), 0, None, [], [])
    old = clusters_of([row for row in stored if (row["embedding_model"], row["embedding_revision"]) == model])
    sample = _sampled(tables.complaints, mine, settings.sample_rows)
    tell("finding topics", 0, 1)
    own = topics(sample.vectors, params, sample.before)
    found = of_labels(sample.vectors, own, model)
    labels = _assigned(tables.complaints, mine, found, own, tell)
    found, sample = _with_groups(tables.complaints, mine.filter(pa.array(labels < 0)), sample, found, params, tell)
    if DENSE in found.kinds:
        labels = _assigned(tables.complaints, mine, found, own, tell)
    before = _ids(mine["cluster_id"])
    counts = np.bincount(labels[labels >= 0], minlength=len(found.ids))
    matched = match(
        before,
        labels,
        {} if old is None else dict(zip(old.ids.tolist(), old.centroids, strict=True)),
        found.centroids,
        max((row["cluster_id"] for row in stored), default=-1) + 1,
    )
    of_sample, similarity = found.nearest(sample.vectors)
    about = About(
        found.renamed(matched.ids),
        counts.tolist(),
        growth(*_in_time(mine, labels, len(found.ids), now, timedelta(seconds=settings.recent_s))),
        terms(sample.texts, of_sample),
        _exemplars(sample.event_ids, of_sample, similarity, len(found.ids)),
    )
    tables.put(rows_of(about, stored, matched.events, now))
    named = np.append(matched.ids, NOISE)[labels]
    changed = _written(tables, mine, named, tell)
    changed += _late(tables, keys, about.clusters)
    survived = np.isin(before, matched.kept)
    kept = float((named[survived] == before[survived]).mean()) if survived.any() else None
    emerging = [i for i, one in zip(matched.ids.tolist(), about.growth, strict=True) if one.emerging]
    events = [event.kind for event in matched.events]
    return _report(mine.num_rows, len(sample.event_ids), about.clusters, named, changed, kept, events, emerging)


def _report(
    complaints: int,
    sample: int,
    found: Clusters,
    labels: NDArray[np.int64],
    changed: int,
    kept: float | None,
    events: list[str],
    emerging: list[int],
) -> dict[str, Any]:
    return {
        "complaints": complaints,
        "sample": sample,
        "clusters": len(found.ids),
        "noise": round(float((labels < 0).mean()), 4) if len(labels) else 0.0,
        "reassigned": changed,
        "kept_ids": None if kept is None else round(kept, 4),
        "events": {kind: events.count(kind) for kind in ("born", "split", "merged", "ended")},
        "emerging": emerging,
    }


_KEYS = ["event_id", "text_hash", "cluster_id", "occurred_at", "embedding_model", "embedding_revision"]


def _keys(complaints: Any) -> pa.Table:
    found: pa.Table = complaints.search().select(_KEYS).limit(2**31 - 1).to_arrow()
    return found.sort_by([("text_hash", "ascending"), ("event_id", "ascending")])


def _of_one_model(keys: pa.Table) -> tuple[tuple[str, str], pa.Table]:
    """(the embedder of most complaints, those complaints): vectors of two have no distance."""
    if keys.num_rows == 0:
        return ("", ""), keys
    counted = keys.group_by(["embedding_model", "embedding_revision"]).aggregate([("event_id", "count")])
    most = counted.sort_by([("event_id_count", "descending"), ("embedding_revision", "ascending")]).to_pylist()[0]
    model = (most["embedding_model"], most["embedding_revision"])
    same = pc.and_(pc.equal(keys["embedding_model"], model[0]), pc.equal(keys["embedding_revision"], model[1]))
    return model, keys.filter(same)


def _texts(keys: pa.Table) -> NDArray[np.int64]:
    """(n,) which text each complaint has, 0, 1, … in the order of the hashes, in which `keys` are."""
    hashes = pa.concat_arrays(keys["text_hash"].chunks).dictionary_encode()
    return np.asarray(hashes.indices, np.int64)


def _first_of_texts(keys: pa.Table) -> NDArray[np.int64]:
    """Positions of the first complaint of each text."""
    return np.flatnonzero(np.diff(_texts(keys), prepend=-1))


def _sampled(complaints: Any, keys: pa.Table, most: int) -> Sample:
    return _read(complaints, keys.take(pa.array(_first_of_texts(keys)[:most])))


def _read(complaints: Any, keys: pa.Table) -> Sample:
    ids = keys["event_id"].to_pylist()
    parts = []
    for start in range(0, len(ids), _READ_IDS):
        listed = ", ".join(filters.text(key) for key in ids[start : start + _READ_IDS])
        query = complaints.search().where(f"event_id IN ({listed})").select(["event_id", "text", "vector"])
        parts.append(query.limit(_READ_IDS).to_arrow())
    whole = pa.concat_tables(parts)
    place = {key: row for row, key in enumerate(whole["event_id"].to_pylist())}
    whole = whole.take(pa.array([place[key] for key in ids], pa.int64()))
    texts = [text or "" for text in whole["text"].to_pylist()]
    return Sample(ids, vectors_of(whole["vector"]), texts, _ids(keys["cluster_id"]))


def _ids(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(column, NOISE).to_numpy(), np.int64)


def _with_groups(
    complaints: Any, left: pa.Table, sample: Sample, found: Clusters, params: Params, tell: Tell
) -> tuple[Clusters, Sample]:
    """The topics, and the dense groups among complaints that none has; the sample, and the texts of those groups."""
    if left.num_rows == 0:
        return found, sample
    tell("finding groups", 0, 1)
    rest = _read(complaints, left.take(pa.array(_first_of_texts(left)[: len(sample.event_ids)])))
    groups = dense_groups(rest.vectors, params.least_size)
    if not (groups >= 0).any():
        return found, sample
    sampled = set(sample.event_ids)
    new = [row for row, key in enumerate(rest.event_ids) if groups[row] >= 0 and key not in sampled]
    whole = Sample(
        sample.event_ids + [rest.event_ids[row] for row in new],
        np.concatenate([sample.vectors, rest.vectors[new]]),
        sample.texts + [rest.texts[row] for row in new],
        np.concatenate([sample.before, rest.before[new]]),
    )
    return joined(found, of_labels(rest.vectors, groups, found.model, DENSE)), whole


def _blocks(complaints: Any, where: str | None = None) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    query = complaints.search().select(["event_id", "vector"])
    query = (query.where(where) if where else query).limit(2**31 - 1)
    for batch in query.to_batches(_BATCH_ROWS):
        yield batch["event_id"].to_pylist(), vectors_of(batch["vector"])


def _assigned(
    complaints: Any, keys: pa.Table, found: Clusters, own: NDArray[np.int64], tell: Tell
) -> NDArray[np.int64]:
    """(n,) position of the cluster of each of `keys` in `found`, -1 for noise.

    Args:
        complaints: a reader.
        keys: see _keys.
        found: the clusters.
        own: (texts of the sample,) the topic that a text belongs to as a member of the sample; the nearest cluster is
            right less often.
        tell: told how it goes.
    """
    place = {key: row for row, key in enumerate(keys["event_id"].to_pylist())}
    labels = np.full(len(place), NOISE, np.int64)
    by_position, done = found.renamed(np.arange(len(found.ids))), 0
    for ids, vectors in _blocks(complaints):
        rows = np.array([place.get(key, -1) for key in ids], np.int64)
        labels[rows[rows >= 0]] = by_position.nearest(vectors[rows >= 0])[0]
        done += len(ids)
        tell("assigning", done, len(place))
    texts = _texts(keys)
    member = (texts < len(own)) & (own[np.minimum(texts, len(own) - 1)] >= 0)
    labels[member] = own[texts[member]]
    return labels


def _in_time(
    keys: pa.Table, labels: NDArray[np.int64], count: int, now: datetime, window: timedelta
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Complaints of each cluster, noise last, in the recent window and in the time before it."""
    at = keys["occurred_at"].to_numpy().astype("datetime64[us]")
    end = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")
    span = np.timedelta64(window)
    slots = np.where(labels < 0, count, labels)
    recent, past = (at > end - span) & (at <= end), (at > end - span * (1 + _PAST_WINDOWS)) & (at <= end - span)
    return np.bincount(slots[recent], minlength=count + 1), np.bincount(slots[past], minlength=count + 1)


_EXEMPLARS = 5


def _exemplars(
    ids: list[str], labels: NDArray[np.int64], similarity: NDArray[np.float32], count: int
) -> list[list[str]]:
    """The complaints nearest to each centroid."""
    found: list[list[str]] = [[] for _ in range(count)]
    for row in np.argsort(-similarity, kind="stable").tolist():
        label = int(labels[row])
        if label >= 0 and len(found[label]) < _EXEMPLARS:
            found[label].append(ids[row])
    return found


def _written(tables: Tables, mine: pa.Table, named: NDArray[np.int64], tell: Tell) -> int:
    """Have written what differs from what is stored; returns how many complaints."""
    same = pc.fill_null(pc.equal(mine["cluster_id"], pa.array(named, pa.int64())), False)
    differing = np.flatnonzero(~np.asarray(same))
    keys, values = mine["event_id"].take(pa.array(differing)), named[differing]
    for start in range(0, len(values), _BATCH_ROWS):
        tell("writing", start, len(values))
        tables.assign(_column(keys.slice(start, _BATCH_ROWS), values[start : start + _BATCH_ROWS]))
    tell("writing", len(values), len(values))
    return len(values)


def _late(tables: Tables, keys: pa.Table, found: Clusters) -> int:
    """Assign complaints that came while the clusters were made; returns how many changed."""
    known, changed = set(keys["event_id"].to_pylist()), 0
    query = tables.complaints.search().select(_KEYS)
    late = query.limit(2**31 - 1).to_arrow()
    late = late.filter(pa.array([key not in known for key in late["event_id"].to_pylist()], pa.bool_()))
    _, late = _of_one_model(late)
    for start in range(0, late.num_rows, _BATCH_ROWS):
        rows = _read(tables.complaints, late.slice(start, _BATCH_ROWS))
        named, _ = found.nearest(rows.vectors)
        tables.assign(_column(pa.array(rows.event_ids, pa.string()), named))
        changed += len(named)
    return changed


def _column(keys: pa.ChunkedArray | pa.Array, values: NDArray[np.int64]) -> pa.Table:
    schema = pa.schema([pa.field("event_id", pa.string(), nullable=False), ("cluster_id", pa.int64())])
    return pa.table([keys, pa.array(values, pa.int64())], schema=schema)
