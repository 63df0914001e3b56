"""A replay: raw records through today's stages, and what differs put in the place of what is served.

Only rows that differ are written, so a replay that was interrupted goes on when it is run again, and one on an
unchanged program writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from engine.govern.crypto import DataKey, KeyTrouble
from engine.intake.envelope import ENVELOPE_COLUMNS
from engine.replay.compare import Change, compare
from engine.replay.select import Selection, batches, event_ids, listed
from engine.store import rows

#: What decoding says to a record that its connector could not read; the connector's own reason says more.
_NOTHING_TO_READ = "unreadable_record"

#: Reasons of connectors that only somebody overrules, by `beejan dlq retry`: the record itself can be read.
_FOR_PEOPLE = ("spam_suspected",)

#: Examples of each column in a report.
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Zones:
    """Readers of raw.envelopes, raw.dead_letters and serving.complaints."""

    raw: Any
    dead: Any
    serving: Any


@dataclass(slots=True)
class Report:
    """What a replay found, and with `apply` did.

    records = unchanged + changed + added + failing + still_failing + unopened, once all are done.
    """

    records: int = 0
    done: int = 0
    unchanged: int = 0
    changed: int = 0
    added: int = 0
    failing: int = 0
    still_failing: int = 0
    unopened: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def public(self) -> dict[str, Any]:
        """For JSON."""
        names = (
            "records", "done", "unchanged", "changed", "added", "failing", "still_failing", "unopened", "examples",
        )  # fmt: skip
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        return found | {"columns": dict(self.columns.most_common()), "reasons": dict(self.reasons.most_common())}

    def example(self, change: Change) -> None:
        """Keep it if there are few of its column yet."""
        if sum(kept["column"] == change.column for kept in self.examples) < _EXAMPLES:
            values = {name: _short(getattr(change, name)) for name in ("before", "after")}
            self.examples.append({"event_id": change.event_id, "column": change.column, **values})


def _short(value: Any) -> Any:
    return (
        value[:200] if isinstance(value, str) else value if isinstance(value, int | float | None) else str(value)[:200]
    )


class Replay:
    """Runs a selection.

    Args:
        zones: readers.
        key: opens the payloads.
        process: the pipeline: envelopes as ENVELOPE_COLUMNS to processed rows.
        commit: writes rows, Writer.replace; None only shows what would change.
        rewrite: also write rows that come out the same, for tables that lack some of them.
    """

    def __init__(
        self,
        zones: Zones,
        key: DataKey,
        process: Callable[[pa.Table], pa.Table],
        commit: Callable[[pa.Table], Any] | None,
        *,
        rewrite: bool = False,
    ) -> None:
        self._rewrite = rewrite
        self._zones, self._key, self._process, self._commit = zones, key, process, commit
        self.report = Report()

    def run(
        self,
        selection: Selection,
        tell: Callable[[int], None] = lambda done: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Run it batch by batch until its end or `stopped`.

        Raises:
            Transient: a part was away; run it again, what was done stays done.
        """
        ids = event_ids(self._zones.raw, selection)
        self.report.records = len(ids)
        for part in batches(ids):
            if stopped():
                break
            self._batch(part)
            self.report.done += len(part)
            tell(self.report.done)
        return self.report

    def _batch(self, ids: list[str]) -> None:
        raw = _read(self._zones.raw, ids)
        letters = last_letters(_read(self._zones.dead, ids))
        before = _read(self._zones.serving, ids)
        stored = set(before["event_id"].to_pylist())
        table, unopened = envelopes(raw, letters, stored, self._key)
        self.report.unopened += unopened + len(ids) - raw.num_rows
        if table.num_rows == 0:
            return
        processed = self._process(table)
        alive, failed = rows.split(processed)
        differing = self._compare(before, alive, stored)
        if self._rewrite:
            differing = set(alive["event_id"].to_pylist())
        newly = self._failed(failed, letters, stored)
        if self._commit is not None and (differing or newly):
            keep = [key in differing or key in newly for key in processed["event_id"].to_pylist()]
            self._commit(processed.filter(pa.array(keep)))

    def _compare(self, before: pa.Table, alive: pa.Table, stored: set[str]) -> set[str]:
        """Ids of rows that differ or are not stored; counted."""
        found = compare(before, alive)
        changed = {change.event_id for change in found}
        added = set(alive["event_id"].to_pylist()) - stored
        self.report.changed += len(changed)
        self.report.added += len(added)
        self.report.unchanged += alive.num_rows - len(changed) - len(added)
        self.report.columns.update(change.column for change in found)
        for change in found:
            self.report.example(change)
        return changed | added

    def _failed(self, failed: pa.Table, letters: dict[str, dict[str, Any]], stored: set[str]) -> set[str]:
        """Ids of rows that fail for another reason than their last dead letter has; counted."""
        newly = set()
        for key, reason in zip(failed["event_id"].to_pylist(), failed["error_code"].to_pylist(), strict=True):
            if reason == _NOTHING_TO_READ and key in letters:
                reason = letters[key]["reason"]
            self.report.reasons[reason] += 1
            self.report.failing += key in stored
            self.report.still_failing += key not in stored
            if key not in letters or letters[key]["reason"] != reason:
                newly.add(key)
        return newly


def _read(table: Any, ids: list[str]) -> pa.Table:
    found: pa.Table = table.search().where(listed(ids)).limit(2**31 - 1).to_arrow()
    return found


def last_letters(dead: pa.Table) -> dict[str, dict[str, Any]]:
    """event_id: the dead letter of its last attempt."""
    found = dead.select(["event_id", "attempt", "reason", "message"]).to_pylist()
    return {row["event_id"]: row for row in sorted(found, key=lambda row: row["attempt"])}


def envelopes(
    raw: pa.Table, letters: dict[str, dict[str, Any]], stored: set[str], key: DataKey
) -> tuple[pa.Table, int]:
    """Raw rows as the pipeline takes them, in the order of the stream, as one attempt more than their dead letters.

    Returns:
        Columns as ENVELOPE_COLUMNS, and how many payloads could not be opened.
    """
    found, unopened = [], 0
    for row in raw.sort_by([("stream_seq", "ascending"), ("event_id", "ascending")]).to_pylist():
        try:
            payload = key.decrypt(row["payload"], row["event_id"])
        except KeyTrouble:
            unopened += 1
            continue
        letter = letters.get(row["event_id"])
        kept = letter is not None and letter["reason"] in _FOR_PEOPLE and row["event_id"] not in stored
        found.append(
            row
            | {
                "payload": payload,
                "attempt": letter["attempt"] + 1 if letter else 1,
                "defect_code": letter["reason"] if letter and kept else None,
                "defect_message": letter["message"] if letter and kept else None,
            }
        )
    columns = {name: [row[name] for row in found] for name in ENVELOPE_COLUMNS.names}
    return pa.table(columns, schema=ENVELOPE_COLUMNS), unopened
