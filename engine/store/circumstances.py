"""What of a complaint's priority only the writer knows: earlier contacts of its person, and incidents that are open.

Stages see one complaint; the writer sees all. At the commit it adds the points of both to what the stages gave.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from engine.surge.incidents import OPEN
from engine.surge.segments import DIMENSIONS, of
from models.priority import LEVELS, Priority, PriorityModel

if TYPE_CHECKING:
    from engine.store.persons import Persons

#: What is read of a row, beside its priority.
READS = ("identifiers", "occurred_at", *DIMENSIONS)

_PRIORITY = ("priority", "priority_score", "priority_reasons")


class Circumstances:
    """Raises priorities by what is known of other complaints.

    Args:
        model: whose weights count.
        persons: who complaints are from.
        bucket_s: length of a bucket of the volumes, s; an incident begins with one.
    """

    def __init__(self, model: PriorityModel, persons: Persons, bucket_s: int) -> None:
        self._model, self._persons = model, persons
        self._slack = timedelta(seconds=bucket_s)
        self._open: dict[str, tuple[str, datetime]] = {}

    def note(self, incidents: pa.Table) -> None:
        """Keep in mind which incidents are open: rows of serving.incidents, the newest state of each."""
        columns = (incidents[name].to_pylist() for name in ("incident_id", "segment", "state", "started_at"))
        for key, segment, state, started_at in zip(*columns, strict=True):
            if state in OPEN:
                self._open[key] = (segment, started_at)
            else:
                self._open.pop(key, None)

    def apply(self, rows: pa.Table) -> pa.Table:
        """Rows with the priority that they have among others.

        Args:
            rows: with READS and the priority as the stages give it; those without one stay as they are.
        """
        before = [rows[name].to_pylist() for name in _PRIORITY]
        times = rows["occurred_at"].to_pylist()
        contacts = self._persons.earlier(rows, self._model.contacts_within_days, self._model.contacts_at_most)
        dimensions = zip(*(rows[name].to_pylist() for name in DIMENSIONS), strict=True)
        incidents = [self._in_incident(values, time) for values, time in zip(dimensions, times, strict=True)]
        if not any(contacts) and not any(incidents):
            return rows
        after: list[list[object]] = [[], [], []]
        for level, score, reasons, count, incident in zip(*before, contacts, incidents, strict=True):
            if level not in LEVELS:
                found = (level, score, reasons)
            else:
                raised = self._model.raised(
                    Priority(level, score, reasons or []), earlier_contacts=count, incident=incident
                )
                found = (raised.level, raised.score, raised.reasons)
            for column, value in zip(after, found, strict=True):
                column.append(value)
        for name, column in zip(_PRIORITY, after, strict=True):
            place = rows.column_names.index(name)
            rows = rows.set_column(place, rows.schema.field(name), pa.array(column, rows.schema.field(name).type))
        return rows

    def _in_incident(self, values: Iterable[str | None], time: datetime) -> bool:
        if not self._open:
            return False
        segments = set(of(dict(zip(DIMENSIONS, values, strict=True))))
        return any(
            segment in segments and time >= started_at - self._slack for segment, started_at in self._open.values()
        )
