"""The one writer of all tables: it commits a processed batch, durably and idempotently.

Order of a commit: raw, dead letters, curated, serving, volumes. A crash between two of them leaves a
prefix; the records are not acknowledged, come again, and every merge inserts only what is missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from connectors.errors import Terminal, Transient
from connectors.lance import Table
from engine import tables
from engine.cluster.keep import LANDED
from engine.labels.book import Book
from engine.reembed import state
from engine.settings import Settings
from engine.store import circumstances, filters, rows, volumes
from engine.store.duplicates import Duplicates
from engine.store.key_index import KeyIndex
from engine.store.persons import Persons
from engine.store.upkeep import Upkeep
from engine.store.vectors import Vectors
from engine.surge.acts import acted, superseded
from engine.surge.segments import DIMENSIONS
from engine.tables import FOLLOWING

#: Up to so many rows are looked up by their ids; more are found sooner by reading all.
_FEW_ROWS = 5_000

STORED, DEAD, UNKNOWN = "stored", "dead_lettered", "unknown"


class WriterTaken(Terminal):
    """Another process writes these tables."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did: new rows by kind, rows that stood already, seconds it took."""

    stored: int
    dead_lettered: int
    repeated: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Replaced:
    """What `Writer.replace` did: rows replaced, rows added, dead letters written."""

    replaced: int
    added: int
    dead_lettered: int


class Writer:
    """Owns every table of an installation.

    Args:
        settings: where the zones are.

    Raises:
        WriterTaken: another process holds the lock of a local data folder.
        SchemaMismatch: a table was written by another version.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = _lock(settings.data_dir / "writer.lock")
        size = state.serving(settings).embed.dimensions
        self._raw = self._open(tables.ENVELOPES)
        self._dead = self._open(tables.DEAD_LETTERS)
        self._curated = self._open(tables.curated(size))
        self._serving = self._open(tables.serving(size))
        self._volumes = self._open(tables.VOLUMES)
        self._incidents = self._open(tables.INCIDENTS)
        self._keys = self._open(tables.API_KEYS)
        self._quality = self._open(tables.QUALITY)
        self._quality_hours = self._open(tables.QUALITY_HOURS)
        self._links = self._open(tables.IDENTITY_LINKS)
        self._taxonomy_scores = self._open(tables.TAXONOMY_SCORES)
        self._labels = self._open(tables.LABELS)
        self._shadow = self._open(tables.SHADOW)
        self._saved_searches = self._open(tables.SAVED_SEARCHES)
        self._customers = self._open(tables.CUSTOMERS)
        self._clusters = self._open(tables.clusters(size))
        self._all = [
            self._raw, self._dead, self._curated, self._serving, self._volumes, self._incidents, self._keys,
            self._quality, self._quality_hours, self._links, self._labels, self._shadow, self._saved_searches,
            self._customers, self._taxonomy_scores, self._clusters,
        ]  # fmt: skip
        self._vectors = Vectors(settings, self._curated, self._serving)
        self._commits = 0
        self._upkeep = Upkeep(self._all, self._serving, settings.storage.keep_versions_s)
        self._stored = KeyIndex(self._serving.scan(["event_id"])["event_id"].to_pylist())
        self._failed = KeyIndex(self._dead.scan(["event_id"])["event_id"].to_pylist())
        self._duplicates = Duplicates(self._curated, settings.duplicates, settings.data_dir / "duplicates")
        self._persons = Persons(self._curated, self._serving, self._links)
        self._circumstances = self._know_circumstances()
        self._totals = {"stored": 0, "dead_lettered": 0, "repeated": 0, "commits": 0}
        self._last_commit_at: datetime | None = None
        self._volumes_doubted = False
        self.repair_volumes()

    def _know_circumstances(self) -> circumstances.Circumstances:
        from engine.curate.context import load_priority

        found = circumstances.Circumstances(load_priority(self._settings), self._persons, self._settings.surge.bucket_s)
        found.note(self._incidents.scan(self._incidents.schema.names))
        return found

    def _open(self, spec: tables.TableSpec) -> Table:
        uri = f"{self._settings.zones_uri.rstrip('/')}/{spec.zone}"
        options = self._settings.storage_options
        return Table(
            uri, spec.name, spec.key, spec.schema, spec.version, options, spec.text_index, spec.migrations,
            spec.beside, spec.of_any_length,
        )  # fmt: skip

    def commit(self, batch: pa.Table) -> Committed:
        """Commit a processed batch; when this returns, its rows are durable.

        Args:
            batch: what engine.stages.pipeline makes of envelopes; an event id may stand in it twice.

        Raises:
            Transient: the store is full or away; nothing of the batch may be acknowledged.
        """
        started = time.monotonic()
        if self._volumes_doubted:
            self.repair_volumes()
        whole = rows.distinct(batch)
        alive, failed = rows.split(whole)
        new = alive.filter(pa.array(~self._confirmed(alive["event_id"].to_pylist())))
        repeated = batch.num_rows - failed.num_rows - new.num_rows
        now = datetime.now(UTC)
        self._raw.upsert(rows.envelopes(pa.concat_tables([new, failed])))
        dead = self._dead.upsert(rows.dead_letters(failed, now))
        with self._marked(new) as curated:
            self._curated.upsert(self._conform(curated, self._curated))
        touched = [self._raw, self._dead, self._curated, self._serving]
        try:
            stored = self._serving.upsert(self._conform(curated, self._serving))
            if stored:
                counts = volumes.count(curated, self._settings.surge.bucket_s)
                self._volumes.upsert(volumes.added(self._volumes, counts), update=True)
                touched.append(self._volumes)
        except Transient:
            # Tried again, the rows are there already and would not be counted.
            self._volumes_doubted = True
            raise
        for table in touched:
            table.make_durable()
        self._remember(curated, failed)
        result = Committed(stored, dead, repeated, time.monotonic() - started)
        self._count(result)
        return result

    def replace(self, *blocks: pa.Table) -> Replaced:
        """Commit rows that a replay made anew; when this returns, they are durable.

        Rows are replaced by their event id, or added where there was none. A row that fails gets a dead letter
        with its attempt, and where it is stored it stays as it is: a replay takes no complaint away. Raw stands.

        Args:
            blocks: what engine.stages.pipeline makes of raw rows.

        Raises:
            Transient: the store is full or away; doing it again is safe.
        """
        alive, failed = rows.split(rows.distinct(pa.concat_tables(blocks, promote_options="permissive")))
        dead = self._dead.upsert(rows.dead_letters(failed, datetime.now(UTC)))
        before = _find(self._serving, "event_id", alive["event_id"].to_pylist(), [*DIMENSIONS, "occurred_at"])
        with self._marked(alive, replacing=True) as curated:
            added = self._put_in_place(before, curated)
        self._dead.make_durable()
        self._remember(curated, failed)
        return Replaced(alive.num_rows - added, added, dead)

    def complete(self, made: pa.Table) -> int:
        """Give rows what was shed for them under load, durably; returns how many.

        A row that is no longer degraded, or whose text has changed meanwhile, stays as it is.

        Args:
            made: event_id, text_hash, and the columns to be replaced, `degraded` among them.

        Raises:
            Transient: the store is full or away; doing it again is safe.
        """
        place = {key: row for row, key in enumerate(made["event_id"].to_pylist())}
        texts = dict(zip(place, made["text_hash"].to_pylist(), strict=True))
        present = _find(self._serving, "event_id", list(place), self._serving.schema.names)
        about = present.select(["event_id", "text_hash", "degraded"]).to_pylist()
        keep = [n for n, row in enumerate(about) if row["degraded"] and texts[row["event_id"]] == row["text_hash"]]
        before = after = present.take(pa.array(keep, pa.int64()))
        new = made.take(pa.array([place[key] for key in before["event_id"].to_pylist()], pa.int64()))
        new = self._vectors.placed(new, self._serving)
        for name in set(new.column_names) & set(self._serving.schema.names):
            after = after.set_column(after.column_names.index(name), name, new[name])
        if keep:
            after = self._circumstances.apply(after)
            self._put_in_place(before, self._with_unserved(after))
        return len(keep)

    def rescore(self, made: pa.Table, incidents: pa.Table | None = None) -> int:
        """Give stored rows other categories, priorities or versions; returns how many.

        Readers see all of it or nothing in serving.complaints, and then in serving.volumes. A row whose text has
        changed meanwhile stays as it is.

        Args:
            made: event_id, text_hash, and columns of serving.complaints.
            incidents: those that speak of other segments with it.

        Raises:
            Transient: the store is full or away; doing it again is safe.
        """
        before = self._standing(made["event_id"].to_pylist())
        texts = dict(zip(before["event_id"].to_pylist(), before["text_hash"].to_pylist(), strict=True))
        pairs = zip(made["event_id"].to_pylist(), made["text_hash"].to_pylist(), strict=True)
        made = made.filter(pa.array([key in texts and texts[key] == text for key, text in pairs], pa.bool_()))
        place = {key: row for row, key in enumerate(made["event_id"].to_pylist())}
        before = before.filter(pa.array([key in place for key in before["event_id"].to_pylist()], pa.bool_()))
        new = made.take(pa.array([place[key] for key in before["event_id"].to_pylist()], pa.int64()))
        after = before
        for name in set(made.column_names) & set(DIMENSIONS):
            after = after.set_column(after.column_names.index(name), name, new[name])
        made = self._raised(new, after)
        # Most rows of a change of the taxonomy get a version alone, and to count them twice is nearly all the time.
        pairs = zip(before.select(DIMENSIONS).to_pylist(), after.select(DIMENSIONS).to_pylist(), strict=True)
        others = pa.array([was != now for was, now in pairs], pa.bool_())
        try:
            done = self._serving.update(made.drop_columns(["text_hash"]))
            moved = volumes.moved(before.filter(others), after.filter(others), self._settings.surge.bucket_s)
            if moved.num_rows:
                self._volumes.upsert(volumes.added(self._volumes, moved), update=True)
        except Transient:
            # Done again, the difference to the rows as they were is no longer known.
            self._volumes_doubted = True
            raise
        if incidents is not None and incidents.num_rows:
            self.put_incidents(incidents)
        for table in (self._serving, self._volumes):
            table.make_durable()
        self._commits += 1
        return done

    def _standing(self, ids: Sequence[str]) -> pa.Table:
        """What `rescore` compares with: of a few rows by their ids, else of all."""
        columns = ["event_id", "text_hash", *circumstances.READS]
        if len(ids) <= _FEW_ROWS:
            return _find(self._serving, "event_id", ids, columns)
        return self._serving.scan(columns)

    def _raised(self, made: pa.Table, standing: pa.Table) -> pa.Table:
        """Scores with the circumstances of the rows that they are for, in the same order."""
        if "priority" not in made.column_names:
            return made
        beside = [name for name in circumstances.READS if name not in made.column_names]
        whole = made
        for name in beside:
            whole = whole.append_column(standing.schema.field(name), standing[name])
        return self._circumstances.apply(whole).select(made.column_names)

    def put_taxonomy_scores(self, made: pa.Table) -> None:
        """Keep what a change of the taxonomy scores until it is visible, durably."""
        self._taxonomy_scores.upsert(rows.conform(made, self._taxonomy_scores.schema), update=True)
        self._taxonomy_scores.make_durable()
        self._commits += 1

    def _with_unserved(self, served: pa.Table) -> pa.Table:
        """Rows of serving with the columns that curated alone has, as they are stored there."""
        names = [name for name in self._curated.schema.names if name not in self._serving.schema.names]
        keys = served["event_id"].to_pylist()
        stored = _find(self._curated, "event_id", keys, ["event_id", *names])
        place = {key: row for row, key in enumerate(stored["event_id"].to_pylist())}
        stored = stored.take(pa.array([place.get(key) for key in keys], pa.int64()))
        for name in names:
            served = served.append_column(name, stored[name])
        return served

    def _conform(self, given: pa.Table, table: Table) -> pa.Table:
        return rows.conform(self._vectors.placed(given, table), table.schema)

    def _put_in_place(self, before: pa.Table, after: pa.Table) -> int:
        """Rows in the place of those that have their ids, and their counts, durably; returns how many had none."""
        self._curated.upsert(self._conform(after, self._curated), update=True)
        try:
            added = self._serving.upsert(self._conform(after, self._serving), update=True)
            moved = volumes.moved(before, after, self._settings.surge.bucket_s)
            if moved.num_rows:
                self._volumes.upsert(volumes.added(self._volumes, moved), update=True)
        except Transient:
            # Done again, the difference to the rows as they were is no longer known.
            self._volumes_doubted = True
            raise
        for table in (self._curated, self._serving, self._volumes):
            table.make_durable()
        self._commits += 1
        return added

    def _confirmed(self, ids: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        hits = self._stored.hits(ids)
        if hits.any():
            suspects = [ids[i] for i in np.flatnonzero(hits).tolist()]
            known = set(_find(self._serving, "event_id", suspects)["event_id"].to_pylist())
            hits = np.array([hit and key in known for hit, key in zip(hits, ids, strict=True)], dtype=bool)
        return hits

    @contextlib.contextmanager
    def _marked(self, new: pa.Table, *, replacing: bool = False) -> Iterator[pa.Table]:
        """Rows that know what they are copies of, who they are from, and how urgent they are among others.

        Where they are not committed, nothing is remembered of them.
        """
        try:
            marked = self._persons.mark(self._duplicates.mark(new, replacing=replacing), replacing=replacing)
            yield self._circumstances.apply(marked)
        except BaseException:
            self._duplicates.doubt()
            self._persons.doubt()
            raise

    def _remember(self, curated: pa.Table, failed: pa.Table) -> None:
        self._stored.add(curated["event_id"].to_pylist())
        self._failed.add(failed["event_id"].to_pylist())
        self._persons.settle()

    def _count(self, result: Committed) -> None:
        self._commits += 1
        self._last_commit_at = datetime.now(UTC)
        for name in ("stored", "dead_lettered", "repeated"):
            self._totals[name] += getattr(result, name)
        self._totals["commits"] += 1

    def maintain(self) -> bool:
        """Compact every `compact_every_commits` commits; called between commits.

        Returns:
            Whether it did.
        """
        if self._commits < self._settings.storage.compact_every_commits:
            return False
        self._commits = 0
        self._vectors.tidy(self._settings.storage.keep_versions_s)
        self._upkeep.turn()
        return True

    def compact(self) -> dict[str, Any]:
        """Compact all tables now; see engine.store.upkeep."""
        return self._upkeep.compact()

    def index(self) -> dict[str, Any]:
        """Bring the indices of searches up to date now; see engine.store.upkeep."""
        return self._upkeep.index()

    def lookup(self, ids: Sequence[str]) -> list[str]:
        """What became of each event id: stored, dead_lettered or unknown."""
        stored, failed = self._confirmed(ids), self._failed.hits(ids)
        return [STORED if s else DEAD if f else UNKNOWN for s, f in zip(stored, failed, strict=True)]

    def identity(self, question: str, *arguments: Any) -> Any:
        """Ask or tell engine.store.persons, by the name of one of its public methods."""
        found = getattr(self._persons, question)
        return found(*arguments) if callable(found) else found

    def put_incidents(self, incidents: pa.Table) -> None:
        """Insert or replace incidents, durably."""
        incidents = rows.conform(rows.distinct(incidents, "incident_id"), self._incidents.schema)
        stored = {row["incident_id"]: row for row in self._incidents.scan(["incident_id", "acted_at"]).to_pylist()}
        judged = incidents.select(["incident_id", "acted_at"]).to_pylist()
        keep = [row["incident_id"] not in stored or not superseded(stored[row["incident_id"]], row) for row in judged]
        self._store_incidents(incidents.filter(pa.array(keep, pa.bool_())))

    def act_on_incident(self, incident_id: str, act: str, who: str, reason: str | None) -> dict[str, Any] | None:
        """Apply an act of engine.surge.acts, durably; the row afterwards, None where there is no such incident.

        Raises:
            BadAct: its state does not allow it.
        """
        found = self._incidents.scan(self._incidents.schema.names, f"incident_id = {filters.text(incident_id)}")
        if not found.num_rows:
            return None
        before = found.to_pylist()[0]
        after = acted(before, act, who, reason, datetime.now(UTC))
        if after is not before:
            self._store_incidents(pa.Table.from_pylist([after], self._incidents.schema))
        return after

    def _store_incidents(self, incidents: pa.Table) -> None:
        self._incidents.upsert(incidents, update=True)
        self._incidents.make_durable()
        self._circumstances.note(incidents)

    def put_quality(self, checks: pa.Table | None, hours: pa.Table | None) -> None:
        """Insert or replace quality checks, and the hours they are judged by, durably."""
        for table, found in ((self._quality_hours, hours), (self._quality, checks)):
            if found is not None and found.num_rows:
                table.upsert(rows.conform(found, table.schema), update=True)
                table.make_durable()
                self._commits += 1

    def put_labels(self, given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep labels, durably; see engine.labels.book."""
        self._commits += 1
        return Book(self._labels, self._serving).put(given)

    def withdraw_label(self, event_id: str, labeller: str) -> dict[str, Any] | None:
        """Take a complaint's label back, durably; see engine.labels.book."""
        self._commits += 1
        return Book(self._labels, self._serving).withdraw(event_id, labeller)

    def withdraw_bulk(self, labeller: str) -> list[dict[str, Any]]:
        """Take back what a labeller accepted in bulk last, durably; see engine.labels.book."""
        self._commits += 1
        return Book(self._labels, self._serving).withdraw_bulk(labeller)

    def reembed(self, step: str, *arguments: Any) -> Any:
        """Do a step of a change of the embedding model, of engine.store.vectors: begin, put, clusters or switch.

        Raises:
            NotReady: rows are due to be embedded before the switch.
        """
        self._commits += step == "put"
        if step == "clusters":
            return self.put_clusters(*arguments)
        steps: dict[str, Callable[..., Any]] = {
            "begin": self._vectors.begin,
            "put": self._vectors.put,
            "switch": self._vectors.switch,
        }
        return steps[step](*arguments)

    def index_following(self) -> dict[str, Any]:
        """As `index`, of the vectors of the model that is to follow."""
        return self._upkeep.index("vector" + FOLLOWING)

    def put_clusters(self, found: pa.Table) -> None:
        """Insert or replace clusters, durably and all at once; of another length than before, alone with centroids."""
        centroid = found.schema.field("centroid")
        if centroid.type != self._clusters.schema.field("centroid").type:
            self._clusters.drop_columns(["centroid"])
            self._clusters.add_columns([centroid])
        self._clusters.upsert(rows.conform(found, self._clusters.schema), update=True)
        self._clusters.make_durable()
        (self._settings.data_dir / LANDED).touch()
        self._commits += 1

    def set_clusters(self, found: pa.Table) -> int:
        """Set what cluster complaints are in, durably; returns how many there were. Done again, it changes nothing.

        Args:
            found: event_id and cluster_id; complaints that are not stored are left out.
        """
        done = self._serving.update(found)
        self._serving.make_durable()
        self._commits += 1
        return done

    def put_shadow(self, found: pa.Table) -> None:
        """Keep what a challenger would have said, durably."""
        self._shadow.upsert(rows.conform(rows.distinct(found, "shadow_id"), self._shadow.schema), update=True)
        self._shadow.make_durable()
        self._commits += 1

    def put_customers(self, found: pa.Table) -> None:
        """Insert or replace customers at a point in time, durably; see engine.features."""
        self._customers.upsert(rows.conform(found, self._customers.schema), update=True)
        self._customers.make_durable()
        self._commits += 1

    def put_saved_search(self, row: dict[str, Any]) -> None:
        """Insert or replace a saved search, durably; see engine.saved."""
        self._saved_searches.upsert(pa.Table.from_pylist([row], schema=self._saved_searches.schema), update=True)
        self._saved_searches.make_durable()
        self._commits += 1

    def put_key(self, row: dict[str, Any]) -> None:
        """Insert or replace an API key's row, durably."""
        self._keys.upsert(pa.Table.from_pylist([row], schema=self._keys.schema), update=True)
        self._keys.make_durable()

    def keys(self) -> list[dict[str, Any]]:
        """Every API key's row, with hashes."""
        found: list[dict[str, Any]] = self._keys.scan(self._keys.schema.names).to_pylist()
        return found

    def put_zero_volumes(self, table: pa.Table) -> None:
        """Add explicit zeros where a segment had no complaint; counts stand."""
        self._volumes.upsert(rows.conform(table, self._volumes.schema))
        self._volumes.make_durable()

    def status(self) -> dict[str, Any]:
        """Rows by table, totals since the start, the last commit."""
        return {
            "stored": len(self._stored),
            "dead_lettered": len(self._failed),
            "since_start": dict(self._totals),
            "last_commit_at": self._last_commit_at.isoformat() if self._last_commit_at else None,
            "versions": {table.name: table.version for table in (self._raw, self._curated, self._serving)},
        }

    def repair_volumes(self) -> int:
        """Make counts right that a crash between serving and volumes left behind; returns how many were wrong."""
        wrong = volumes.differences(
            volumes.count(self._serving.scan([*DIMENSIONS, "occurred_at"]), self._settings.surge.bucket_s),
            self._volumes.scan(["segment", "bucket", "count"]),
        )
        if wrong.num_rows:
            self._volumes.upsert(rows.conform(wrong, self._volumes.schema), update=True)
            self._volumes.make_durable()
        self._volumes_doubted = False
        return int(wrong.num_rows)

    def settled(self, prefixes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """(n,) bool: which records, by the first 64 bits of their event ids, are stored or dead-lettered."""
        return self._stored.has(prefixes) | self._failed.has(prefixes)

    def balance(self) -> dict[str, int]:
        """Rows of the tables that have to agree, counted between two commits."""
        dead = set(self._dead.scan(["event_id"])["event_id"].to_pylist())
        stored = self._serving.count()
        alone = [key for key, here in zip(dead, self._confirmed(list(dead)), strict=True) if not here]
        channels = self._volumes.scan(["segment", "count"], "segment LIKE 'channel=%' AND segment NOT LIKE '%|%'")
        return {
            "raw": self._raw.count(),
            "curated": self._curated.count(),
            "serving": stored,
            "dead_lettered": len(alone),
            "counted": int(pc.sum(channels["count"]).as_py() or 0),
        }

    def missing(self) -> dict[str, list[str]]:
        """Event ids by the table that lacks them though another one has them.

        `raw` lacks the payload of a row, which cannot be made again; rows that `curated` or `serving` lack can.
        """
        raw, curated, serving, dead = (
            set(table.scan(["event_id"])["event_id"].to_pylist())
            for table in (self._raw, self._curated, self._serving, self._dead)
        )
        return {
            "raw": sorted((curated | serving | dead) - raw),
            "curated": sorted((raw | serving) - dead - curated | (serving - curated)),
            "serving": sorted((raw | curated) - dead - serving | (curated - serving)),
        }

    def close(self) -> None:
        """Let another writer in, once an index that is being trained is there."""
        self._upkeep.settle()
        self._duplicates.close()
        self._lock.close()


def _find(
    table: Table, column: str, values: Sequence[str], columns: list[str] | None = None, more: str = ""
) -> pa.Table:
    parts = [table.schema.empty_table().select(columns or [column])]
    for start in range(0, len(values), 1000):
        listed = ", ".join(f"'{_hex(value)}'" for value in values[start : start + 1000])
        parts.append(table.scan(columns or [column], f"{column} IN ({listed}){more}"))
    return pa.concat_tables(parts)


def _hex(value: str) -> str:
    if not all(character in "0123456789abcdef" for character in value):
        raise Terminal(f"{json.dumps(value)[:80]}: expected a hex id")
    return value


def _lock(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w")
    for _ in range(100):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            time.sleep(0.1)
    file.close()
    raise WriterTaken(f"{path}: another process writes these tables; stop it, or use another data folder")


Lookup = Callable[[Sequence[str]], list[str]]
