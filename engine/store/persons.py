"""Who complaints are from, as the writer keeps it: filled in at the commit, brought up to date when it is quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connectors.errors import Terminal
from engine.identity.evidence import EVENT
from engine.identity.people import Complaint, Link, People
from engine.identity.resolve import CONFIRMED, PROBABLE, pair
from engine.store import filters, rows

if TYPE_CHECKING:
    from connectors.lance import Table

_READS = ["event_id", "occurred_at", "identifiers", "person_id"]

#: Of one step, so that new complaints wait a moment at most.
_SIGNATURES, _ROWS, _SWEPT = 200, 1000, 1000

MANUAL, PROBABILISTIC, DETERMINISTIC = "manual", "probabilistic", "deterministic"


class Persons:
    """Persons over the stored complaints and the decisions about them.

    Args:
        curated: where complaints stand.
        serving: where they stand a second time.
        links: the table of links.
    """

    def __init__(self, curated: Table, serving: Table, links: Table) -> None:
        self._curated, self._serving, self._links = curated, serving, links
        self._people: People | None = None
        self._pending = self._swept = False

    def doubt(self) -> None:
        """Forget everything: what is remembered may not be what is stored."""
        self._people = None

    def settle(self) -> None:
        """What was marked last is stored."""
        self._pending = False

    def mark(self, new: pa.Table, *, replacing: bool = False) -> pa.Table:
        """Rows with their `person_id`; they count as complaints from now on.

        Args:
            new: rows with event_id, occurred_at and identifiers.
            replacing: whether some may be stored already.
        """
        if self._pending:
            self.doubt()
        # Read only to be taken out again: what stands there may have other identifiers.
        present = self._stored(new["event_id"].to_pylist()) if replacing or self._pending else []
        people = self._known()
        self._pending = True
        people.forget(present)
        complaints = list(_complaints(new))
        return rows.with_column(new, "person_id", people.add(complaints))

    def earlier(self, found: pa.Table, within_days: float, most: int) -> list[int]:
        """How many complaints of its person came in the days before each row, as far as `most`; see People.earlier.

        Args:
            found: rows with occurred_at and identifiers.
            within_days: how far back.
            most: more are not counted.
        """
        people = self._known()
        columns = (found[name].to_pylist() for name in ("identifiers", "occurred_at"))
        return [
            people.earlier(Complaint("", tuple(names or ()), int(moment.timestamp())), within_days * 86_400, most)
            if names
            else 0
            for names, moment in zip(*columns, strict=True)
        ]

    def tidy(self) -> int:
        """Do a piece of what is left, rows that say another person and links that changed; returns how many."""
        people = self._known()
        if not self._swept:
            self._swept = not people.sweep(_SWEPT)
        done = self._correct(people) if people.stale else 0
        if people.changed:
            found = people.links()
            self._write([_row(link) for link in found if not _about_event(link)])
            done += len(found)
        return done

    @property
    def left(self) -> bool:
        """Whether there is something to tidy."""
        return self._people is None or not self._swept or bool(self._people.stale or self._people.changed)

    def decide(self, links: Sequence[dict[str, Any]]) -> int:
        """Keep decisions: rows of identity_links with the method manual or probabilistic; returns how many count.

        What was decided by hand is not overruled by what is estimated.
        """
        by_hand = {row["link_id"] for row in self._decided(MANUAL)}
        new = [
            row
            for row in (_decision(link) for link in links)
            if row["method"] == MANUAL or link_id(row["a"], row["b"], MANUAL) not in by_hand
        ]
        self._write(new)
        people = self._known()
        for row in new:
            self._apply(people, row)
            people.touch(row["a"], row["b"])
        return len(new)

    def explain(self, identifiers: Sequence[str]) -> list[dict[str, Any]]:
        """Every link of these identifiers, deterministic ones as they are now, then decisions."""
        people = self._known()
        found = [_row(link) for link in people.links_of(identifiers)]
        listed = ", ".join(filters.text(name) for name in identifiers)
        if listed:
            decided = self._links.scan(
                self._links.schema.names, f"method != '{DETERMINISTIC}' AND (a IN ({listed}) OR b IN ({listed}))"
            )
            found += decided.to_pylist()
        return found

    def standings(self, identifiers: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What identifiers are good for: state (links, conflict, shared), owners, and when they changed hands."""
        people = self._known()
        found = {name: people.standing(name) for name in identifiers}
        return {
            name: {"state": one.state, "owners": list(one.owners), "turns": [_moment(turn) for turn in one.turns]}
            for name, one in found.items()
        }

    def contested(self) -> list[dict[str, Any]]:
        """Identifiers that link nobody, as far as they were looked at since the start."""
        return [
            {"identifier": name, "state": one.state, "owners": list(one.owners)}
            for name, one in self._known().contested()
        ]

    def candidates(self) -> list[dict[str, Any]]:
        """Probable links that nobody has decided yet, the most probable first."""
        by_hand = {pair(row["a"], row["b"]) for row in self._decided(MANUAL)}
        found = [row for row in self._decided(PROBABILISTIC) if row["state"] == "candidate"]
        left = [row for row in found if pair(row["a"], row["b"]) not in by_hand]
        return sorted(left, key=lambda row: (-row["score"], row["link_id"]))

    def link(self, key: str) -> dict[str, Any] | None:
        """A link by its id; None where there is none."""
        found = self._links.scan(self._links.schema.names, f"link_id = {filters.text(key)}").to_pylist()
        return found[0] if found else None

    def _known(self) -> People:
        if self._people is None:
            people = People()
            decided = self._decided(MANUAL) + self._decided(PROBABILISTIC)
            marked = [name.partition(":")[2] for row in decided for name in (row["a"], row["b"]) if _is_event(name)]
            people.marked(marked)
            for row in decided:
                if row["method"] == MANUAL or row["state"] == "active":
                    self._apply(people, row, loading=True)
            stored = self._curated.scan(_READS, "array_length(identifiers) > 0")
            people.load(_complaints(stored), stored["person_id"].to_pylist())
            events = [key for key in marked if key]
            lonely = [one for one in self._stored(events) if not one.identifiers]
            people.load(lonely, [None] * len(lonely))
            self._people, self._swept, self._pending = people, False, False
        return self._people

    def _apply(self, people: People, row: dict[str, Any], *, loading: bool = False) -> None:
        if row["state"] == "candidate":
            return
        if not loading:
            events = [name.partition(":")[2] for name in (row["a"], row["b"]) if _is_event(name)]
            for complaint in self._stored(events):
                people.mark(complaint)
        rank = None if row["state"] == "unmerged" else CONFIRMED if row["method"] == MANUAL else PROBABLE
        people.decide(row["a"], row["b"], rank)

    def _decided(self, method: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._links.scan(self._links.schema.names, f"method = '{method}'").to_pylist()
        return sorted(found, key=lambda row: row["updated_at"])

    def _stored(self, ids: Sequence[str]) -> list[Complaint]:
        return list(_complaints(_rows(self._curated, ids, _READS)))

    def _correct(self, people: People) -> int:
        """Give stored rows the persons of today; a part of what is stale."""
        part = list(people.stale)[:_SIGNATURES]
        names = {one.identifiers[0] for one in part if not _is_event(one.identifiers[0])}
        events = [n.partition(":")[2] for one in part for n in one.identifiers if _is_event(n)]
        listed = ", ".join(filters.text(name) for name in sorted(names))
        found = [_rows(self._curated, events, _READS)]
        if listed:
            found.append(self._curated.scan(_READS, f"array_has_any(identifiers, [{listed}])"))
        wrong = {}
        for table in found:
            for complaint, person in zip(_complaints(table), table["person_id"].to_pylist(), strict=True):
                if (now := people.person_of(complaint)) != person:
                    wrong[complaint.event_id] = now
        ids = list(wrong)
        for start in range(0, len(ids), _ROWS):
            # Curated last: it is what is looked at, so that a crash between the two is mended.
            for table in (self._serving, self._curated):
                whole = _rows(table, ids[start : start + _ROWS], table.schema.names)
                persons = [wrong[key] for key in whole["event_id"].to_pylist()]
                table.upsert(rows.conform(rows.with_column(whole, "person_id", persons), table.schema), update=True)
                table.make_durable()
        for one in part:
            people.stale.pop(one, None)
        return len(wrong)

    def _write(self, found: list[dict[str, Any]]) -> None:
        if found:
            last = {row["link_id"]: row for row in found}
            self._links.upsert(pa.Table.from_pylist(list(last.values()), schema=self._links.schema), update=True)
            self._links.make_durable()


def link_id(a: str, b: str, method: str) -> str:
    """The key of a link."""
    return "link_" + sha256("|".join((*pair(a, b), method)).encode()).hexdigest()[:16]


def _decision(link: dict[str, Any]) -> dict[str, Any]:
    if link["method"] not in (MANUAL, PROBABILISTIC):
        raise Terminal(f"identity: method {link['method']!r} is not decided; expected manual or probabilistic")
    a, b = pair(link["a"], link["b"])
    always = {"score": None, "complaints": None, "first_at": None, "last_at": None, "decided_by": None}
    return always | link | {
        "link_id": link_id(a, b, link["method"]), "a": a, "b": b, "updated_at": datetime.now(UTC),
    }  # fmt: skip


def _row(link: Link) -> dict[str, Any]:
    state = "withdrawn" if not link.complaints else link.state
    return {
        "link_id": link_id(link.a, link.b, DETERMINISTIC),
        "a": link.a,
        "b": link.b,
        "method": DETERMINISTIC,
        "state": state,
        "score": 1.0 if state == "active" else None,
        "reasons": list(link.reasons),
        "complaints": link.complaints,
        "first_at": _moment(link.first) if link.complaints else None,
        "last_at": _moment(link.last) if link.complaints else None,
        "decided_by": None,
        "updated_at": datetime.now(UTC),
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _is_event(name: str) -> bool:
    return name.startswith(f"{EVENT}:")


def _about_event(link: Link) -> bool:
    return _is_event(link.a) or _is_event(link.b)


def _complaints(table: pa.Table) -> Iterator[Complaint]:
    columns = (table[name].to_pylist() for name in ("event_id", "identifiers", "occurred_at"))
    for key, identifiers, moment in zip(*columns, strict=True):
        yield Complaint(key, tuple(identifiers or ()), int(moment.timestamp()))


def _rows(table: Table, ids: Sequence[str], columns: list[str]) -> pa.Table:
    parts = [table.schema.empty_table().select(columns)]
    for start in range(0, len(ids), 1000):
        listed = ", ".join(filters.text(key) for key in ids[start : start + 1000])
        parts.append(table.scan(columns, f"event_id IN ({listed})"))
    return pa.concat_tables(parts)
