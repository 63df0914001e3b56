"""Persons, kept up to date complaint by complaint: what a new complaint touches is resolved again, the rest stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.identity.evidence import ACCOUNT, EMAIL, EVENT, Evidence, Signature, key_of, kind_of
from engine.identity.resolve import Decisions, Pair, component, pair, parts_of, resolve
from engine.identity.standing import CONFLICT, LINKS, SHARED, Standing, standing


@dataclass(frozen=True, slots=True)
class Complaint:
    """What of a complaint says who it is from; `time` in s since 1970."""

    event_id: str
    identifiers: tuple[str, ...]
    time: int


@dataclass(frozen=True, slots=True)
class Link:
    """Two identifiers that stand together, and what follows from it.

    Args:
        a, b: identifiers, a < b.
        state: active, conflict or unmerged.
        reasons: why, for people.
        complaints: in which they stand together; 0: in none any more.
        first, last: the times of those, s since 1970.
    """

    a: str
    b: str
    state: str
    reasons: tuple[str, ...]
    complaints: int
    first: int = 0
    last: int = 0


class People:
    """The persons of an installation.

    The same complaints and decisions give the same persons, whatever order they come in.
    """

    def __init__(self) -> None:
        self._evidence = Evidence()
        self._decisions = Decisions()
        self._standings: dict[str, Standing] = {}
        self._marked: set[str] = set()
        self._refused: dict[Pair, str] = {}
        #: Signatures whose stored complaints may say another person than today's.
        self.stale: dict[Signature, None] = {}
        #: Pairs whose link is new or another one since the last `links`.
        self.changed: dict[Pair, None] = {}

    def __len__(self) -> int:
        return len(self._evidence)

    def load(self, complaints: Iterable[Complaint], persons: Iterable[str | None]) -> None:
        """Take in complaints that are stored already, with the persons they are said to belong to."""
        for complaint, person in zip(complaints, persons, strict=True):
            if names := self._names(complaint):
                signature, _ = self._evidence.add(key_of(complaint.event_id), names, complaint.time)
                signature.stored |= {person}

    def decide(self, one: str, other: str, rank: int | None) -> None:
        """Hold two identifiers to be one person (rank CONFIRMED or PROBABLE), or two (None); the last word holds.

        Args:
            one: an identifier, or `event:` and an event id.
            other: another one.
            rank: see Decisions.
        """
        self._decisions.joined.get(one, {}).pop(other, None)
        self._decisions.joined.get(other, {}).pop(one, None)
        self._decisions.apart.get(one, set()).discard(other)
        self._decisions.apart.get(other, set()).discard(one)
        for name, beside in ((one, other), (other, one)):
            if rank is None:
                self._decisions.apart.setdefault(name, set()).add(beside)
            else:
                self._decisions.joined.setdefault(name, {})[beside] = rank

    def marked(self, event_ids: Iterable[str]) -> None:
        """The same for complaints that are loaded after it."""
        self._marked.update(event_ids)

    def mark(self, complaint: Complaint) -> None:
        """Let decisions about this very complaint count: it gets an identifier of its own."""
        if complaint.event_id in self._marked:
            return
        self.forget([complaint])
        self._marked.add(complaint.event_id)
        self.add([complaint])

    def add(self, complaints: Sequence[Complaint]) -> list[str | None]:
        """Take in new complaints; returns who each is from, None where nothing says it or it is in conflict."""
        touched: dict[Signature, None] = {}
        for complaint in complaints:
            if names := self._names(complaint):
                signature, new = self._evidence.add(key_of(complaint.event_id), names, complaint.time)
                touched[signature] = None
                self._reconsider(signature, touched, new)
        self._resolve(touched, {c.event_id for c in complaints})
        return [self.person_of(complaint) for complaint in complaints]

    def forget(self, complaints: Sequence[Complaint]) -> None:
        """Take complaints out again, as if they had never come."""
        touched: dict[Signature, None] = {}
        for complaint in complaints:
            signature = self._evidence.find(self._names(complaint))
            if signature is None or self._evidence.remove(key_of(complaint.event_id), signature.identifiers) is None:
                continue
            for name in signature.identifiers:
                if self._standing(name).state == LINKS:
                    touched |= dict.fromkeys(self._evidence.seen(name))
            self._reconsider(signature, touched, True)
            self._note(signature)
        self._resolve({one: None for one in touched if one.keys}, set())

    def touch(self, *identifiers: str) -> None:
        """Resolve again what hangs together with these, after a decision about them."""
        touched: dict[Signature, None] = {}
        for name in identifiers:
            touched |= dict.fromkeys(self._evidence.seen(name))
        self._resolve(touched, set())

    def person_of(self, complaint: Complaint) -> str | None:
        """Who a complaint is from; None where it is not known or not told."""
        signature = self._evidence.find(self._names(complaint))
        if signature is None:
            return None
        if signature.persons is None:
            self._resolve({signature: None}, set())
        nodes = tuple(self._standing(name).node(name, complaint.time) for name in signature.identifiers)
        return (signature.persons or {}).get(nodes)

    def earlier(self, complaint: Complaint, within_s: float, most: int) -> int:
        """How many complaints of the same person lie in the time before this one, as far as `most`.

        Counted are those that share an identifier with it; the complaint itself is not among them.
        """
        person = self.person_of(complaint)
        if person is None:
            return 0
        count = 0
        links = [name for name in complaint.identifiers if self._standing(name).state == LINKS]
        for signature in {near: None for name in links for near in self._evidence.seen(name)}:
            for time in signature.times:
                if not complaint.time - within_s <= time < complaint.time:
                    continue
                count += self.person_of(Complaint("", signature.identifiers, time)) == person
                if count >= most:
                    return most
        return count

    def sweep(self, most: int) -> bool:
        """Resolve signatures that were only loaded, at most so many; returns whether some are left."""
        waiting = [signature for signature in self._evidence if signature.persons is None]
        self._resolve(dict.fromkeys(waiting[:most]), set())
        return len(waiting) > most

    def standing(self, identifier: str) -> Standing:
        """What an identifier is good for."""
        return self._standing(identifier)

    def contested(self) -> list[tuple[str, Standing]]:
        """Identifiers that link nobody, with why and whom they stand for."""
        return [(name, found) for name, found in sorted(self._standings.items()) if found.state != LINKS]

    def links(self) -> list[Link]:
        """The links that are new or other ones since the last call."""
        found = [self.link(*edge) for edge in self.changed]
        self.changed = {}
        return found

    def link(self, a: str, b: str) -> Link:
        """What two identifiers that stand together are to each other."""
        times = [t for one in self._evidence.seen(a) if b in one.identifiers for t in one.times]
        together = f"together in {len(times)} complaint{'s' if len(times) != 1 else ''}"
        if b in self._decisions.apart.get(a, ()):
            return Link(a, b, "unmerged", ("told apart by hand", together), len(times), *_span(times))
        reasons = [together]
        for name in (a, b):
            found = self._standing(name)
            if found.state == SHARED:
                reasons.append(f"{name} is shared by too many to link anybody")
            elif found.state == CONFLICT:
                reasons.append(f"{name} stands for {', '.join(found.owners)}: a conflict, it links nobody")
            elif found.turns:
                reasons.append(f"{name} changed hands after a long silence: each holder has their own complaints")
        refused = self._refused.get(pair(a, b))
        if refused:
            reasons.append(_REFUSALS[refused])
        blocked = refused or any(self._standing(name).state != LINKS for name in (a, b))
        return Link(a, b, "conflict" if blocked else "active", tuple(reasons), len(times), *_span(times))

    def links_of(self, identifiers: Iterable[str]) -> list[Link]:
        """All links of these identifiers to what stands beside them."""
        edges: dict[Pair, None] = {}
        for name in identifiers:
            for signature in self._evidence.seen(name):
                edges |= {pair(name, other): None for other in signature.identifiers if other != name}
        return [self.link(*edge) for edge in sorted(edges)]

    def beside(self, identifier: str) -> dict[str, int]:
        """Identifiers that stand beside one, with the complaints in which they do."""
        found: dict[str, int] = {}
        for signature in self._evidence.seen(identifier):
            for other in signature.identifiers:
                found[other] = found.get(other, 0) + len(signature.keys)
        return found

    def _names(self, complaint: Complaint) -> tuple[str, ...]:
        mark = (f"{EVENT}:{complaint.event_id}",) if complaint.event_id in self._marked else ()
        return (*complaint.identifiers, *mark)

    def _standing(self, identifier: str) -> Standing:
        found = self._standings.get(identifier)
        if found is None:
            found = self._standings[identifier] = standing(identifier, self._evidence.seen)
        return found

    def _reconsider(self, signature: Signature, touched: dict[Signature, None], new: bool) -> None:
        """Judge the identifiers again that a complaint bears on; where one changes, all that hold it are touched."""
        names = dict.fromkeys(signature.identifiers)
        if new:
            # What stands beside two of them may be judged otherwise; the busiest alone cannot be what tells.
            ranked = sorted(signature.identifiers, key=lambda name: len(self._evidence.seen(name)))
            for name in dict.fromkeys([*ranked[:-1], *(n for n in ranked if kind_of(n) in (ACCOUNT, EMAIL))]):
                for near in self._evidence.seen(name):
                    names |= dict.fromkeys(near.identifiers)
        for name in names:
            before = self._standings.get(name)
            if before is not None and (new or before.turns or before.state == CONFLICT):
                now = self._standings[name] = standing(name, self._evidence.seen)
                if now != before and now.state != LINKS:
                    for near in self._evidence.seen(name):
                        self._note(near)
                if (now.state, now.turns) != (before.state, before.turns):
                    touched |= dict.fromkeys(self._evidence.seen(name))

    def _resolve(self, touched: dict[Signature, None], fresh: set[str]) -> None:
        done: set[tuple[str, ...]] = set()
        new = {key_of(event_id) for event_id in fresh}
        for signature in touched:
            if all(part.nodes in done for part in parts_of(signature, self._standing)):
                continue
            for group in component(signature, self._evidence.seen, self._standing, self._decisions):
                found = resolve(group, self._decisions)
                done |= {part.nodes for part in group}
                for part, person in found.persons:
                    self._place(part.signature, part.nodes, person, new)
                edges = {
                    pair(a.partition("#")[0], b.partition("#")[0]) for part in group for a, b in _pairs(part.nodes)
                }
                for edge in edges:
                    if self._refused.get(edge) != found.conflicts.get(edge):
                        self.changed[edge] = None
                        self._refused.pop(edge, None)
                self._refused |= found.conflicts

    def _place(self, signature: Signature, nodes: tuple[str, ...], person: str | None, new: set[int]) -> None:
        if signature.persons is None:
            others = {p for p in signature.stored if p != person}
            signature.persons = {}
            changed = bool(others)
            if any(key in new for key in signature.keys):
                self._note(signature)
        else:
            changed = nodes not in signature.persons or signature.persons[nodes] != person
        signature.persons[nodes] = person
        if changed:
            self._note(signature)
            if not new.issuperset(signature.keys):
                self.stale[signature] = None

    def _note(self, signature: Signature) -> None:
        self.changed |= dict.fromkeys(pair(a, b) for a, b in _pairs(signature.identifiers))


_REFUSALS = {
    "two_customers": "they belong to two customers, which are not merged",
    "unmerged": "what they belong to was told apart by hand",
}


def _pairs(names: Sequence[str]) -> list[Pair]:
    return [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]


def _span(times: Sequence[int]) -> tuple[int, int]:
    return (min(times), max(times)) if times else (0, 0)
