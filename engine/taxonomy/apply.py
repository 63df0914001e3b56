"""Apply a change of the taxonomy: score beside what is visible, make it live, take past rows over.

Every step can be cut off and done again: what is scored stays scored, rows that went over are no longer of the
version before, and how far it is stands in the change's file.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from engine.taxonomy.scorer import READS
from engine.taxonomy.segments import carried
from engine.taxonomy.stored import Stored
from engine.taxonomy.versions import DONE, LIVE, SCORING, Applied, Lineage, parse
from models.taxonomy_change import Change, Step

#: Complaints of a commit of scores.
_ROWS = 1_000

#: What is read of rows that are mapped; but for their category and version they stay as they were scored.
_MAPPED = ["event_id", "text_hash", "subcategory"]

_SCORED = [
    "event_id", "text_hash", "category", "subcategory", "confidence", "category_reasons", "taxonomy_version",
    "classifier_version", "scored_at",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hands:
    """What an application does its work through.

    Attributes:
        put_scores: Writer.put_taxonomy_scores.
        rescore: Writer.rescore.
        scorer: makes of a step the function that scores rows of leaves that are split; called only where there are.
        keep: writes a change and how far it is (engine.taxonomy.versions.put).
        reload: has new complaints classified by the live version; returns when they are.
        quiet_s: how long after the last row of the version before it is looked once more: batches in hand may come, s.
    """

    put_scores: Callable[[pa.Table], Any]
    rescore: Callable[[pa.Table, pa.Table | None], int]
    scorer: Callable[[Step], Callable[[pa.Table], pa.Table]]
    keep: Callable[[Applied], None]
    reload: Callable[[], None]
    quiet_s: float = 0.0


@dataclass(slots=True)
class Report:
    """What an application did this time."""

    scored: int = 0
    mapped: int = 0
    rescored: int = 0
    incidents: int = 0


class Application:
    """One application of one change.

    Args:
        data: what the change's file holds.
        lineage: the versions so far.
        stored: readers.
        hands: see there.

    Raises:
        BadChange: it cannot be applied.
    """

    def __init__(self, data: Mapping[str, Any], lineage: Lineage, stored: Stored, hands: Hands) -> None:
        self._change, step = parse(data, lineage)
        self._stored, self._hands = stored, hands
        known = [one for one in lineage.applied if one.step.taxonomy.version == self._change.target]
        self._one = known[0] if known else Applied(data, step, "", {})
        self._score: Callable[[pa.Table], pa.Table] | None = None
        self._report = Report()

    def run(self, tell: Callable[[int], None] = lambda done: None) -> dict[str, Any]:
        """Bring it to its end; one that is done takes over what came late, if anything did.

        Raises:
            Transient: a part was away; run it again, it goes on.
        """
        if self._one.state == "":
            self._note(SCORING, counts=self._stored.counts(self._before), started_at=_now())
        if self._one.state == SCORING:
            self._score_splits(tell)
            # Counted again: complaints came in meanwhile.
            self._note(LIVE, counts=self._stored.counts(self._before), shares=self._shares(), live_at=_now())
        if self._one.state == LIVE:
            self._hands.reload()
        self._take_over(tell)
        if self._one.state == LIVE:
            self._note(DONE, done_at=_now())
        return self._told()

    @property
    def _before(self) -> str:
        return _version(self._change, self._change.source)

    @property
    def _after(self) -> str:
        return _version(self._change, self._change.target)

    @property
    def _splits(self) -> list[str]:
        return sorted(self._one.step.splits)

    def _note(self, state: str, **about: Any) -> None:
        self._one = replace(self._one, state=state, about={**self._one.about, **about})
        self._hands.keep(self._one)

    def _score_splits(self, tell: Callable[[int], None]) -> None:
        """Score complaints of leaves that are split, where that is not done."""
        if not self._splits:
            return
        done = self._scores()
        columns = sorted({"event_id", "text_hash", *READS})
        for rows in self._stored.of_leaves(self._before, self._splits, columns, _ROWS):
            pairs = zip(rows["event_id"].to_pylist(), rows["text_hash"].to_pylist(), strict=True)
            due = rows.filter(pa.array([done.get(key) != text for key, text in pairs], pa.bool_()))
            if due.num_rows:
                self._hands.put_scores(self._scored(due))
                self._report.scored += due.num_rows
            tell(self._report.scored)

    def _scored(self, rows: pa.Table) -> pa.Table:
        if self._score is None:
            self._score = self._hands.scorer(self._one.step)
        made = self._score(rows)
        ids = [f"{self._after}:{key}" for key in made["event_id"].to_pylist()]
        versions = pa.array([self._after] * made.num_rows, pa.string())
        return made.append_column("taxonomy_version", versions).append_column("score_id", pa.array(ids, pa.string()))

    def _scores(self) -> dict[str, str]:
        """event_id: text_hash of what is scored for the next version."""
        found = self._stored.scored(self._after)
        return dict(zip(found["event_id"].to_pylist(), found["text_hash"].to_pylist(), strict=True))

    def _shares(self) -> dict[str, dict[str, float]]:
        """Of each leaf that was split, where its complaints went; none for one without complaints."""
        scored = self._stored.scored(self._after)
        new = dict(zip(scored["event_id"].to_pylist(), scored["subcategory"].to_pylist(), strict=True))
        rows = self._stored.rows(self._before, ["event_id", "subcategory"])
        went: dict[str, Counter[str]] = {old: Counter() for old in self._splits}
        for key, old in zip(rows["event_id"].to_pylist(), rows["subcategory"].to_pylist(), strict=True):
            if old in went and key in new:
                went[old][new[key]] += 1
        return {old: {k: n / found.total() for k, n in found.items()} for old, found in went.items() if found}

    def _take_over(self, tell: Callable[[int], None]) -> None:
        """Rows of the version before become rows of the next, until there are none."""
        shares = self._one.step.crosswalk.shares
        quiet = False
        while True:
            rows = self._stored.rows(self._before, _MAPPED)
            leaves = rows["subcategory"].to_pylist()
            split = pa.array([leaf in self._one.step.splits for leaf in leaves], pa.bool_())
            mapped = pa.array([leaf in shares and leaf not in self._one.step.splits for leaf in leaves], pa.bool_())
            again, whole = rows.filter(split), rows.filter(mapped)
            if not again.num_rows and not whole.num_rows:
                if quiet or not self._hands.quiet_s:
                    break
                quiet = True
                time.sleep(self._hands.quiet_s)
                continue
            quiet = False
            if again.num_rows:
                self._score_splits(tell)
                scored = self._stored.scored(self._after)
                keys = set(again["event_id"].to_pylist())
                made = scored.filter(pa.array([key in keys for key in scored["event_id"].to_pylist()], pa.bool_()))
                self._report.rescored += self._hands.rescore(made.select(_SCORED), None)
            if whole.num_rows:
                self._report.mapped += self._go_on(whole)
        if self._one.state == LIVE and self._incidents().num_rows:
            self._go_on(rows.slice(0, 0))

    def _go_on(self, rows: pa.Table) -> int:
        """Map rows, and name incidents by the segments of afterwards with them; returns how many rows."""
        incidents = self._incidents()
        self._report.incidents += incidents.num_rows
        return self._hands.rescore(self._renamed(rows), incidents)

    def _renamed(self, rows: pa.Table) -> pa.Table:
        new = [next(iter(self._one.step.crosswalk.shares[leaf])) for leaf in rows["subcategory"].to_pylist()]
        return pa.table(
            {
                "event_id": rows["event_id"],
                "text_hash": rows["text_hash"],
                "category": pa.array([leaf.partition(".")[0] for leaf in new], pa.string()),
                "subcategory": pa.array(new, pa.string()),
                "taxonomy_version": pa.array([self._after] * rows.num_rows, pa.string()),
            }
        )

    def _incidents(self) -> pa.Table:
        """Those that change; none once it is done."""
        rows = self._stored.incidents.search().limit(1_000_000).to_arrow()
        now = datetime.now(UTC)
        found = (
            [carried(row, self._one.step.crosswalk, now) for row in rows.to_pylist()] if self._one.state == LIVE else []
        )
        return pa.Table.from_pylist([row for row in found if row is not None], schema=rows.schema)

    def _told(self) -> dict[str, Any]:
        return {
            "taxonomy": self._change.taxonomy,
            "from": self._change.source,
            "to": self._change.target,
            "state": self._one.state,
            "scored": self._report.scored,
            "rescored": self._report.rescored,
            "mapped": self._report.mapped,
            "incidents": self._report.incidents,
            "shares": dict(self._one.about.get("shares") or {}),
        }


def _version(change: Change, version: str) -> str:
    return f"{change.taxonomy}/{version}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
