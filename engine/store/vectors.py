"""The vectors in the two tables of complaints: of the model that serves, of the one that is to follow, and former ones.

The column `vector` is searched, and its metadata names its model. While another model is to follow, `vector_next` fills
beside it; then both are renamed in one version of the table, so that a reader sees the one or the other. An index goes
with its column. `vector_former` is dropped when no reader can be at an older version.

Errors:
    OtherVectors (Transient)   rows carry vectors of a model that does not serve
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from connectors.errors import Transient
from connectors.lance import SchemaMismatch, Table
from engine.reembed import state
from engine.settings import Settings
from engine.store import filters
from engine.tables import FOLLOWING, FORMER, VECTOR, following

#: In the metadata of a column of vectors: name and revision of the model that made them.
LABEL = "beejan.embedding"

#: Rows without a vector of the model that is to follow.
DUE = f"{VECTOR[2]}{FOLLOWING} IS NULL"


class OtherVectors(Transient):
    """Rows carry vectors of a model that does not serve (any more); they are to be made again."""


class NotReady(Transient):
    """Not every complaint has a vector of the model that is to follow."""


class Vectors:
    """Keeps the columns of vectors in order; where no state is kept (engine.reembed.state) it does nothing.

    Args:
        settings: where the state is.
        curated: curated.complaints.
        serving: serving.complaints.

    Raises:
        SchemaMismatch: the vectors that are searched are of a model that the state does not know.
    """

    def __init__(self, settings: Settings, curated: Table, serving: Table) -> None:
        self._settings = settings
        self._tables = (curated, serving)
        self._settle()

    def _settle(self) -> None:
        """Bring tables and state together after a crash, or after other settings were given."""
        kept = state.read(self._settings.data_dir)
        if kept is None:
            return
        for table in self._tables:
            if not _label(table):
                table.note(VECTOR[0], {LABEL: kept.serving.label})
        curated, serving = map(_label, self._tables)
        if kept.following is not None and kept.following.label == serving == curated:
            kept = state.switched(self._settings.data_dir)
        elif serving == kept.serving.label != curated and _label(self._tables[0], FORMER) == serving:
            _exchange(self._tables[0], FORMER, FOLLOWING)
        for table in self._tables:
            if _label(table) != kept.serving.label:
                raise SchemaMismatch(
                    f"table {table.path}: its vectors are of {_label(table)}, {state.FILE} says {kept.serving.label}; "
                    "restore that file from the same backup as the table"
                )
            other = _label(table, FOLLOWING)
            if other and (kept.following is None or kept.following.label != other):
                _drop(table, FOLLOWING)

    def begin(self) -> None:
        """Make room for the vectors of the model that is to follow; done again, it changes nothing."""
        kept = state.read(self._settings.data_dir)
        if kept is None or kept.following is None:
            return
        for table in self._tables:
            if _label(table, FOLLOWING) == kept.following.label:
                continue
            for suffix in (FORMER, FOLLOWING):
                _drop(table, suffix)
            table.add_columns(following(kept.following.dimensions, {LABEL: kept.following.label}))

    def placed(self, rows: pa.Table, table: Table) -> pa.Table:
        """Rows with each model's vectors in the column that is for them in `table`.

        Raises:
            OtherVectors: there are none of the model that serves.
        """
        wanted = _label(table)
        if not wanted or VECTOR[0] not in rows.column_names:
            return rows
        given = {suffix: _models(rows, suffix) for suffix in ("", FOLLOWING)}
        made = rows.drop_columns([name + s for s in given for name in VECTOR if name + s in rows.column_names])
        for suffix in ("", FOLLOWING):
            label = _label(table, suffix)
            # Vectors of the static model stand in for a while, in the space of the model it was distilled from.
            stand_in = f"static/{label.partition('|')[0]}|"
            source = None
            for place, found in given.items():
                # Every row has a vector that is searched, and may have one of the model that is to follow.
                whole = suffix or not rows[VECTOR[0] + place].null_count if found else False
                if whole and all(one == label or (not suffix and one.startswith(stand_in)) for one in found):
                    source = place
                    break
            if label and source is not None:
                for name in VECTOR:
                    made = made.append_column(name + suffix, rows[name + source])
            elif label and not suffix and rows.num_rows:
                raise OtherVectors(
                    f"table {table.path}: its vectors are of {label}, rows carry some of "
                    f"{', '.join(sorted(set().union(*given.values()))) or 'no model'}; they are made again"
                )
        return made

    def due(self) -> int:
        """Rows without a vector of the model that is to follow."""
        return max(table.count(DUE) if _label(table, FOLLOWING) else 0 for table in self._tables)

    def put(self, made: pa.Table) -> int:
        """Give rows vectors of the model that is to follow, durably; returns how many rows of serving got one.

        A row whose text has changed meanwhile stays as it is.

        Args:
            made: event_id, text_hash and the columns of VECTOR.
        """
        done = 0
        label = next(iter(_models(made, "")), "")
        for table in self._tables:
            if not label or _label(table, FOLLOWING) != label:
                continue
            texts = _texts(table, made["event_id"].to_pylist())
            pairs = zip(made["event_id"].to_pylist(), made["text_hash"].to_pylist(), strict=True)
            rows = made.filter(pa.array([texts.get(key, "") == text for key, text in pairs], pa.bool_()))
            rows = rows.select(["event_id", *VECTOR])
            done = table.update(rows.rename_columns(["event_id", *(name + FOLLOWING for name in VECTOR)]))
            table.make_durable()
        return done

    def switch(self) -> None:
        """Have the model that follows serve: in each table in one version; done again, it goes on.

        Raises:
            NotReady: rows are due.
        """
        kept = state.read(self._settings.data_dir)
        if kept is None or kept.following is None:
            return
        label = kept.following.label
        behind = [table for table in self._tables if _label(table) != label]
        if any(_label(table, FOLLOWING) != label for table in behind) or self.due():
            raise NotReady(f"{self.due()} complaints have no vector of {label} yet")
        for table in behind:
            _exchange(table, FOLLOWING, FORMER)
        state.switched(self._settings.data_dir)

    def tidy(self, keep_s: float) -> bool:
        """Drop former vectors once they are older than `keep_s`, as old versions are; says whether there were some."""
        kept = state.read(self._settings.data_dir)
        if kept is None or kept.switched_at is None or not any(_label(table, FORMER) for table in self._tables):
            return False
        if time.time() - datetime.fromisoformat(kept.switched_at).timestamp() < keep_s:
            return False
        for table in self._tables:
            _drop(table, FORMER)
        return True


def label_of(schema: pa.Schema, column: str = VECTOR[0]) -> str:
    """Name and revision of the model of a table's vectors, `name|revision`; empty where it is not noted."""
    place = schema.get_field_index(column)
    return "" if place < 0 else ((schema.field(place).metadata or {}).get(LABEL.encode()) or b"").decode()


def _label(table: Table, suffix: str = "") -> str:
    return label_of(table.schema, VECTOR[0] + suffix)


def _models(rows: pa.Table, suffix: str) -> set[str]:
    """The models of rows' vectors."""
    columns = [name + suffix for name in VECTOR]
    if not set(columns) <= set(rows.column_names):
        return set()
    pairs = set(zip(rows[columns[1]].to_pylist(), rows[columns[2]].to_pylist(), strict=True))
    return {f"{name}|{revision}" for name, revision in pairs if name is not None}


def _exchange(table: Table, come: str, go: str) -> None:
    """The columns with the suffix `come` serve, those that served get `go`."""
    names = {name: name + go for name in VECTOR} | {name + come: name for name in VECTOR}
    table.rename_columns(names)


def _drop(table: Table, suffix: str) -> None:
    names = [name + suffix for name in VECTOR if name + suffix in table.schema.names]
    if names:
        table.drop_columns(names)


def _texts(table: Table, ids: Sequence[str]) -> dict[str, str]:
    listed = ", ".join(map(filters.text, ids))
    found = table.scan(["event_id", "text_hash"], f"event_id IN ({listed})")
    return dict(zip(found["event_id"].to_pylist(), found["text_hash"].to_pylist(), strict=True))
