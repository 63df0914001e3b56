"""Score what is stored by the current champion: beside what is visible, then all of it visible at once.

Scores wait in files under `<data>/models/.rescore/`, a part at a time. A run that was cut off goes on behind the last
part; when every complaint is scored the writer takes the scores over in one version of the table. Which complaints are
due is read off the rows: those whose `classifier_version` is another one.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.stages.context import Context
from engine.stages.model import SCORING
from engine.stages.stage import run
from engine.store import filters

#: Complaints of a part: a few seconds of work.
_ROWS = 4_096

#: What the writer is given of a scored row.
_SCORED = [
    "event_id", "text_hash", "category", "subcategory", "confidence", "category_reasons", "taxonomy_version",
    "classifier_version", "priority", "priority_score", "priority_reasons", "scored_at",
]  # fmt: skip

_MADE = {name for stage in SCORING for name in stage.adds.names}

#: Columns that scoring reads; their vectors are there, nothing is embedded.
READS = sorted({"event_id", "text_hash", *(name for stage in SCORING for name in stage.reads)} - _MADE)


def score(rows: pa.Table, context: Context) -> pa.Table:
    """Stored rows through the stages of modelling; one that fails has its `error_stage`."""
    made = run(rows, SCORING, context)
    return made.select([*_SCORED, "error_stage"])


@dataclass(slots=True)
class Report:
    """How far a run is.

    Attributes:
        due: complaints that another version has classified, at the start.
        scored: those of them that are scored, before the start or since.
        failing: those that a stage fails on; they stay as they are.
        visible: those whose scores are visible.
    """

    due: int = 0
    scored: int = 0
    failing: int = 0
    visible: int = 0


class Rescore:
    """Scores by one version of the classifier.

    Args:
        complaints: a reader of serving.complaints.
        folder: where scores wait.
        context: whose classifier version rows are to have.
        work: runs `score` over parts; gives them back in order.
        put: Writer.rescore.
    """

    def __init__(
        self,
        complaints: Any,
        folder: Path,
        context: Context,
        work: Callable[[Iterator[pa.Table]], Iterator[pa.Table]],
        put: Callable[[pa.Table], int],
    ) -> None:
        self._complaints, self._work, self._put = complaints, work, put
        self._version = context.classifier_version
        self._root = folder
        # Of vectors of another embedding model other scores come.
        of = f"{self._version}@{context.taxonomy_version}@{context.embedder.name}@{context.embedder.revision}"
        self._folder = folder / re.sub(r"[^A-Za-z0-9.-]+", "_", of)
        self._failing: set[str] = set()
        self.report = Report()

    def due(self) -> int:
        """Complaints that another version has classified and no stage fails on, as far as is known."""
        return max(0, int(self._complaints.count_rows(self._others)) - len(self._failing))

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Report:
        """Score what is due and make it visible; returns before that where `stopped`.

        Raises:
            Transient: a part was away; run it again, it goes on.
        """
        self._drop_others()
        while not stopped():
            done = self._staged()
            due = self._due_ids()
            left = {key for key, text in due.items() if done.get(key) != text}
            self.report = Report(len(due), len(due) - len(left), len(self._failing), self.report.visible)
            if left:
                self._score(left, stopped)
            elif due:
                self._show(due)
            else:
                shutil.rmtree(self._folder, ignore_errors=True)
                break
        return self.report

    @property
    def _others(self) -> str:
        return of_others(self._version)

    def _due_ids(self) -> dict[str, str]:
        found = self._complaints.search().where(self._others).select(["event_id", "text_hash"]).limit(_ALL).to_arrow()
        pairs = zip(found["event_id"].to_pylist(), found["text_hash"].to_pylist(), strict=True)
        return {key: text for key, text in pairs if key not in self._failing}

    def _score(self, left: set[str], stopped: Callable[[], bool]) -> None:
        for made in self._work(self._parts(left)):
            well = pc.is_null(made["error_stage"])
            self._failing.update(made.filter(pc.invert(well))["event_id"].to_pylist())
            self._stage(made.filter(well).select(_SCORED))
            self.report.scored += pc.sum(well).as_py() or 0
            self.report.failing = len(self._failing)
            if stopped():
                return

    def _parts(self, left: set[str]) -> Iterator[pa.Table]:
        """Rows to be scored, some thousands at a time, in one pass over the table."""
        query = self._complaints.search().where(self._others).select(READS).limit(_ALL)
        held: list[pa.Table] = []
        for batch in query.to_batches(_ROWS):
            rows = pa.table(batch).filter(pa.array([key in left for key in batch["event_id"].to_pylist()], pa.bool_()))
            held.append(rows)
            if sum(part.num_rows for part in held) >= _ROWS:
                yield pa.concat_tables(held)
                held = []
        if any(part.num_rows for part in held):
            yield pa.concat_tables(held)

    def _stage(self, made: pa.Table) -> None:
        """Keep a part, whole or not at all."""
        if not made.num_rows:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(path.stem) for path in self._folder.glob("*.parquet")), default=0)
        target = self._folder / f"{number:06d}.parquet"
        temporary = target.with_suffix(".new")
        with temporary.open("wb") as file:
            pq.write_table(made, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)

    def _staged(self) -> dict[str, str]:
        """event_id: text_hash of what is scored."""
        found: dict[str, str] = {}
        for path in sorted(self._folder.glob("*.parquet")):
            part = pq.read_table(path, columns=["event_id", "text_hash"])
            found |= dict(zip(part["event_id"].to_pylist(), part["text_hash"].to_pylist(), strict=True))
        return found

    def _show(self, due: dict[str, str]) -> None:
        """Have the writer take all scores over; a row that got the version meanwhile keeps what it has."""
        made = pa.concat_tables([pq.read_table(path) for path in sorted(self._folder.glob("*.parquet"))])
        last = {key: row for row, key in enumerate(made["event_id"].to_pylist()) if key in due}
        self.report.visible += self._put(made.take(pa.array(sorted(last.values()), pa.int64())))

    def _drop_others(self) -> None:
        """Scores for a version that is no longer wanted."""
        for path in self._root.glob("*"):
            if path != self._folder:
                shutil.rmtree(path, ignore_errors=True)


_ALL = 2**31 - 1


def of_others(version: str) -> str:
    """The filter of complaints that another version has classified."""
    return f"(classifier_version IS NULL OR classifier_version != {filters.text(version)})"


def folder_for(data_dir: Path) -> Path:
    """Where scores wait in a data folder."""
    return data_dir / "models" / ".rescore"
