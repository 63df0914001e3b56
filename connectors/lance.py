"""The client of LanceDB: tables opened and checked, upserts, durability and compaction.

One process writes a table. Lance never fsyncs, so a commit on a local disk is made durable here.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from connectors import lance_index
from connectors.errors import StoreFull, Terminal, Transient

_VERSION = b"beejan.schema_version"

_INDEX_CACHE_BYTES, _METADATA_CACHE_BYTES = 64 << 20, 16 << 20


class SchemaMismatch(Terminal):
    """A table on disk has another version or other columns than this program."""


class StoreAway(Transient):
    """The store does not answer or refuses to write; the batch is tried again."""


class VersionGone(Terminal):
    """A version of a table that is no longer kept, or never was."""


class Table:
    """A table with a single-column key, written by one process.

    Args:
        uri: the zone's folder or object-store URI.
        name: the table's name.
        key: its key column, a non-nullable string.
        schema: its columns; vectors are fixed-size lists of float32.
        version: the schema's version.
        options: object-store options.
        text_index: a column to index for BM25.
        migrations: the columns that each version after the first added, at the schema's end.
        beside: columns that may be there, too, and then are part of `schema`, in the order of the table.
        of_any_length: columns of fixed-size lists that may have another size; the size found is that of `schema`.

    Raises:
        SchemaMismatch: the table is of a newer version, has other columns, or cannot be migrated.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        key: str,
        schema: pa.Schema,
        version: int = 1,
        options: dict[str, str] | None = None,
        text_index: str | None = None,
        migrations: Mapping[int, pa.Schema] | None = None,
        beside: Sequence[str] = (),
        of_any_length: Sequence[str] = (),
    ) -> None:
        import lancedb

        self.name, self.key, self.schema = name, key, schema
        self._beside, self._of_any_length = frozenset(beside), frozenset(of_any_length)
        self._options = options or {}
        self._local = "://" not in uri
        self._path = f"{uri.rstrip('/')}/{name}.lance"
        self.path = f"{uri.rstrip('/').rpartition('/')[2]}.{name}"
        if self._local:
            Path(uri).mkdir(parents=True, exist_ok=True)
        database = lancedb.connect(uri, storage_options=self._options or None, session=_session())
        if name in _names(database):
            self._table = database.open_table(name)
            self._migrate(version, migrations or {})
            self._check(version)
            self._take_schema()
        else:
            stamped = schema.with_metadata({_VERSION: str(version).encode()})
            self._table = database.create_table(name, schema=stamped)
            self._table.set_unenforced_primary_key(key)
            if text_index:
                self._index_text(text_index)
            self.make_durable(everything=True)
        if self._local:
            # A writer that was killed may have left rows that are read and not yet on the disk.
            _sync_filesystem(Path(self._path))
            self._note_durable(self._dataset())

    def _migrate(self, version: int, migrations: Mapping[int, pa.Schema]) -> None:
        """Bring an older table to `version`: add the columns it lacks, empty, then stamp it.

        A crash between the two leaves the columns under the old stamp, and the next opening goes on from there.
        """
        import lance

        stamp = self._stamp()
        if not stamp.isdigit() or int(stamp) == version:
            return
        if int(stamp) > version:
            raise SchemaMismatch(
                f"table {self.name} at {self._path}: schema version {stamp}, this program knows versions up to "
                f"{version}; a newer release wrote it. Use that release, or another data folder."
            )
        steps = range(int(stamp) + 1, version + 1)
        if not set(steps) <= migrations.keys():
            return  # there is no way: _check says so
        fields = [field for step in steps for field in migrations[step]]
        missing = [field for field in fields if field.name not in self._table.schema.names]
        try:
            if missing:
                self._table.add_columns(missing)
            dataset = lance.dataset(self._path, storage_options=self._options or None, session=_lance_session())
            dataset.update_schema_metadata({_VERSION.decode(): str(version)})
            self._table.checkout_latest()
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        self.make_durable(everything=True)

    def _stamp(self) -> str:
        stamp: bytes = (self._table.schema.metadata or {}).get(_VERSION, b"?")
        return stamp.decode()

    def _check(self, version: int) -> None:
        found, stamp = self._table.schema, self._stamp()
        own = [name for name in found.names if name not in self._beside]
        # Columns that changed their names have changed their places.
        same = set(own) == set(self.schema.names) if self._beside else own == self.schema.names
        if stamp != str(version) or not same:
            raise SchemaMismatch(
                f"table {self.name} at {self._path}: schema version {stamp} with columns {found.names}; this "
                f"program writes version {version}. Use the release that wrote it, or another data folder."
            )
        for field in self.schema:
            sized = field.name in self._of_any_length and pa.types.is_fixed_size_list(found.field(field.name).type)
            if found.field(field.name).type != field.type and not sized:
                raise SchemaMismatch(
                    f"table {self.name}, column {field.name}: it is {found.field(field.name).type}, this "
                    f"configuration needs {field.type} (another embedding model?). Use another data folder."
                )

    def _take_schema(self) -> None:
        """Where columns may come and go, the table's own schema counts."""
        if self._beside or self._of_any_length:
            self.schema = pa.schema(list(self._table.schema))

    def about(self, column: str) -> dict[str, str]:
        """The metadata of a column."""
        return {key.decode(): value.decode() for key, value in (self.schema.field(column).metadata or {}).items()}

    def note(self, column: str, about: Mapping[str, str]) -> None:
        """Add to the metadata of a column, durably."""
        self._alter(lambda: self._table.update_field_metadata({"path": column, "metadata": dict(about)}))

    def add_columns(self, fields: Sequence[pa.Field]) -> None:
        """Add empty columns, all in one version, durably."""
        self._alter(lambda: self._table.add_columns(pa.schema(fields)))

    def rename_columns(self, names: Mapping[str, str]) -> None:
        """Give columns other names, all in one version, durably; indices and metadata go with them."""
        self._alter(lambda: self._table.alter_columns(*({"path": old, "rename": new} for old, new in names.items())))

    def drop_columns(self, names: Sequence[str]) -> None:
        """Drop columns, all in one version, durably."""
        self._alter(lambda: self._table.drop_columns(list(names)))

    def _alter(self, work: Callable[[], Any]) -> None:
        try:
            work()
            self._table.checkout_latest()
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        self._take_schema()
        self.make_durable()

    def _index_text(self, column: str) -> None:
        from lancedb.index import FTS

        config = FTS(language="English", stem=True, remove_stop_words=True, ascii_folding=True, with_position=True)
        self._table.create_index(column, config=config, replace=True)

    def upsert(self, rows: pa.Table, *, update: bool = False) -> int:
        """Merge `rows` (no key twice) by the key; existing keys are kept, or replaced with `update`.

        Returns:
            The rows inserted.

        Raises:
            StoreFull: no room on the device.
            StoreAway: any other failure of the store.
        """
        if rows.num_rows == 0:
            return 0
        merge = self._table.merge_insert(self.key).when_not_matched_insert_all()
        if update:
            merge = merge.when_matched_update_all()
        try:
            result = merge.use_index(False).execute(rows.cast(self.schema), on_bad_vectors=self._no_vector(rows))
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        return int(result.num_inserted_rows)

    def update(self, rows: pa.Table) -> int:
        """Set some columns of the rows that have these keys, all in one version; other keys are left out.

        Args:
            rows: the key (no key twice) and columns of the table.

        Returns:
            The rows updated.

        Raises:
            StoreFull: no room on the device.
            StoreAway: any other failure of the store.
        """
        if rows.num_rows == 0:
            return 0
        schema = pa.schema([self.schema.field(name) for name in rows.column_names])
        try:
            merge = self._table.merge_insert(self.key).when_matched_update_all().use_index(False)
            result = merge.execute(rows.cast(schema), on_bad_vectors=self._no_vector(rows))
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        return int(result.num_updated_rows)

    def _no_vector(self, rows: pa.Table) -> Literal["error", "null"]:
        """What LanceDB does with a row without a vector: refused, but in columns that come and go."""
        return "null" if self._beside & set(rows.column_names) else "error"

    def make_durable(self, everything: bool = False) -> None:
        """fsync what was written since the last call: data files, manifests, indices, folders.

        Args:
            everything: all files of the table and the folders above it, after its creation.

        Raises:
            StoreAway: the device refused.
        """
        if not self._local:
            return
        dataset = self._dataset()
        try:
            for path in Path(self._path).rglob("*") if everything else self._new_files(dataset):
                _fsync(path)
            for folder in ("", "data", "_versions", "_transactions", "_deletions", "_indices"):
                if (target := Path(self._path) / folder).is_dir():
                    _fsync(target)
            # Zone, zones, data folder, and the folder that holds it.
            for target in Path(self._path).parents[:4] if everything else ():
                with contextlib.suppress(PermissionError):
                    _fsync(target)
        except OSError as error:
            raise _translated(self.name, error) from error
        self._note_durable(dataset)

    def _note_durable(self, dataset: Any) -> None:
        """Remember what is on the disk; only after all of it was fsynced."""
        self._fragments = {fragment.fragment_id for fragment in dataset.get_fragments()}
        self._indices, self._synced = self._index_folders(), int(dataset.version)

    def _new_files(self, dataset: Any) -> list[Path]:
        root = Path(self._path)
        paths = []
        for fragment in dataset.get_fragments():
            deletion = fragment.deletion_file()
            if deletion:
                paths.append(root / deletion)
            if fragment.fragment_id not in self._fragments:
                paths += [root / "data" / file.path for file in fragment.data_files()]
        # Manifests are named by the version counted down from 2^64 - 1, so that a listing is newest first. A compaction
        # makes several; an empty one would trouble the clean-up of old versions.
        for version in range(self._synced + 1, dataset.version + 1):
            paths.append(root / "_versions" / f"{2**64 - 1 - version:020d}.manifest")
        for folder in self._index_folders() - self._indices:
            paths += [*folder.rglob("*"), folder]
        return [path for path in paths if path.exists()]

    def _dataset(self) -> Any:
        import lance

        return lance.dataset(self._path, storage_options=self._options or None, session=_lance_session())

    def _index_folders(self) -> set[Path]:
        return set((Path(self._path) / "_indices").glob("*"))

    def compact(
        self,
        keep_s: float | None,
        fold_rows: int = 100_000,
        lookups: Sequence[str] = (),
        filters: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Fold fragments smaller than `fold_rows`, bring the indices up to date, drop versions older than `keep_s`.

        Args:
            keep_s: see above; None leaves the versions to `clean`.
            fold_rows: see above.
            lookups: columns that rows are looked up by; a table of `lance_index.SCALAR_ROWS` or more gets an index of
                each, or has it brought up to date.
            filters: columns of few values that searches are narrowed by, likewise.

        Returns:
            What was done: fragments before and after, indices that were brought up to date, old versions removed.
        """
        try:
            dataset = self._dataset()
            before = len(dataset.get_fragments())
            dataset.optimize.compact_files(target_rows_per_fragment=fold_rows)
            if (lookups or filters) and dataset.count_rows() >= lance_index.SCALAR_ROWS:
                have = {field for index in dataset.describe_indices() for field in index.field_names}
                for columns, kind in ((lookups, "BTREE"), (filters, "BITMAP")):
                    for column in sorted(set(columns) - have):
                        dataset.create_scalar_index(column, kind)
            # To bring an index of lookups up to date is to write it anew; until then new rows are scanned.
            folded = lance_index.fold(dataset, scalars=bool(lookups))
            # Before the clean-up: what it removes may be all that a loss of power would leave.
            self.make_durable()
            self._table.checkout_latest()
            removed = self.clean(keep_s) if keep_s is not None else {}
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        after = len(self._dataset().get_fragments())
        return {
            "fragments_before": before,
            "fragments_after": after,
            "folded": folded,
            **removed,
        }

    def clean(self, keep_s: float) -> dict[str, int]:
        """Drop versions older than `keep_s`; it reads every manifest that is left, and may run beside commits.

        Returns:
            `versions_removed` and `bytes_removed`.
        """
        try:
            removed = self._dataset().cleanup_old_versions(timedelta(seconds=keep_s))
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        return {"versions_removed": int(removed.old_versions), "bytes_removed": int(removed.bytes_removed)}

    def fold(self) -> list[str]:
        """Bring the indices up to date, and nothing else; returns the names of those that were not."""
        try:
            folded = lance_index.fold(self._dataset(), scalars=True)
            self.make_durable()
            self._table.checkout_latest()
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        return folded

    def vectors_due(self, column: str) -> int | None:
        """See connectors.lance_index.vectors_due."""
        return lance_index.vectors_due(self._dataset(), column)

    def index_vectors(self, column: str, count: int) -> None:
        """Train a vector index of `count` partitions over all rows, in the place of the one there is.

        Rows may be written meanwhile by another thread, but not compacted. It is on the disk for good with the next
        `make_durable`; a loss of power before that leaves the table as it was.

        Raises:
            StoreFull: no room on the device.
            StoreAway: any other failure of the store.
        """
        from lancedb.index import IvfRq

        database = self._table._conn  # a handle of its own: a checkout of this one must not move it
        try:
            table = database.open_table(self.name)
            # An index keeps its name when its column gets another one.
            taken = {one.name: one.columns for one in table.list_indices()}
            own = next((name for name, columns in taken.items() if columns == [column]), None)
            free = (name for n in itertools.count(1) if (name := f"{column}_{n}_idx") not in taken)
            config = IvfRq(distance_type="cosine", num_partitions=count)
            table.create_index(column, config=config, replace=True, name=own or next(free))
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error

    def refresh_text_index(self, column: str) -> bool:
        """Make the index of words anew where it was made without positions, which phrases need; says whether."""
        index = next((one for one in self._table.list_indices() if one.columns == [column]), None)
        if index is not None and (index.index_details or {}).get("with_position"):
            return False
        try:
            self._index_text(column)
        except (RuntimeError, OSError, ValueError) as error:
            raise _translated(self.name, error) from error
        self.make_durable()
        return True

    def scan(self, columns: list[str], where: str | None = None, limit: int | None = None) -> pa.Table:
        """Rows of these columns, unordered; `where` is built by us, never by a user."""
        query = self._table.search().select(columns)
        if where:
            query = query.where(where)
        return query.limit(limit if limit is not None else 2**31 - 1).to_arrow()

    def count(self, where: str | None = None) -> int:
        """Rows that meet `where`."""
        return int(self._table.count_rows(where))

    @property
    def version(self) -> int:
        """The table's newest version."""
        return int(self._table.version)


def open_reader(uri: str, name: str, options: dict[str, str] | None = None) -> Any:
    """A LanceDB table handle that sees every commit at once; it must not be written through.

    Raises:
        StoreAway: the table is not there yet or cannot be read.
    """
    import lancedb

    try:
        database = lancedb.connect(
            uri, storage_options=options or None, read_consistency_interval=timedelta(0), session=_session()
        )
        return database.open_table(name)
    except (RuntimeError, OSError, ValueError) as error:
        raise _translated(name, error) from error


def at_version(reader: Any, version: int) -> Any:
    """A handle of a reader's table as it was at a version: nothing that is written moves beneath it.

    Raises:
        VersionGone: the version was cleaned up, or never was.
    """
    try:
        handle = reader._conn.open_table(reader.name)  # lancedb has no public way from a table to its connection
        handle.checkout(version)
    except (RuntimeError, OSError, ValueError) as error:
        raise VersionGone(f"table {reader.name}: version {version} is no longer kept; ask for the newest") from error
    return handle


@lru_cache(maxsize=1)
def _session() -> Any:
    """The caches of this process, bounded: by default each new version stays cached, up to gigabytes."""
    import lancedb

    return lancedb.Session(index_cache_size_bytes=_INDEX_CACHE_BYTES, metadata_cache_size_bytes=_METADATA_CACHE_BYTES)


@lru_cache(maxsize=1)
def _lance_session() -> Any:
    """The same for pylance, which keeps caches of its own."""
    import lance

    return lance.Session(index_cache_size_bytes=_METADATA_CACHE_BYTES, metadata_cache_size_bytes=_METADATA_CACHE_BYTES)


def _names(database: Any) -> list[str]:
    return list(database.list_tables().tables)


def _fsync(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_filesystem(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if ctypes.CDLL(None).syncfs(descriptor):
            raise OSError(f"{path}: syncfs failed")
    finally:
        os.close(descriptor)


def _translated(name: str, error: Exception) -> Transient:
    text = str(error).lower()
    if "no space left" in text or "os error 28" in text or getattr(error, "errno", None) == 28:
        return StoreFull(f"table {name}: no space left on the device; free some, the batch is tried again")
    return StoreAway(f"table {name}: {type(error).__name__} from the store; the batch is tried again")
