"""Who is who: from what stands together in complaints to persons, the same whatever order it came in.

A person is a set of nodes (identifiers, each with its owner's turn) that stand together in complaints. Joins are
tried from the best supported one down, and one that would put two customers, or what somebody has told apart,
into one person is kept as a conflict.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.identity.evidence import CUSTOMER, EVENT, Signature, kind_of
from engine.identity.standing import LINKS, Seen, Standing

CONFIRMED, OBSERVED, PROBABLE = 0, 1, 2

Pair = tuple[str, str]


def pair(one: str, other: str) -> Pair:
    """Two identifiers in one order."""
    return (one, other) if one <= other else (other, one)


@dataclass(slots=True)
class Decisions:
    """What people and the probabilistic job decided, by identifier: who is one, with its rank, and who is not.

    Ranks of what is decided are CONFIRMED, by people, and PROBABLE.
    """

    joined: dict[str, dict[str, int]] = field(default_factory=dict)
    apart: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The complaints of a signature that fall into the same turns of its identifiers."""

    signature: Signature
    nodes: tuple[str, ...]
    linking: tuple[str, ...]
    complaints: int
    first: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Persons of one component.

    Args:
        persons: part and the person its complaints belong to; None: nobody in particular.
        conflicts: identifiers that stand together and are not the same person.
    """

    persons: list[tuple[Part, str | None]]
    conflicts: dict[Pair, str]


def parts_of(signature: Signature, standings: Callable[[str], Standing]) -> list[Part]:
    """A signature's complaints by the turns of its identifiers."""
    found = [(name, standings(name)) for name in signature.identifiers]
    events = list(zip(signature.times, signature.keys, strict=True))
    if not any(one.turns for _, one in found):
        linking = tuple(name for name, one in found if one.state == LINKS)
        return [Part(signature, signature.identifiers, linking, len(events), min(events))]
    groups: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for time, key in events:
        groups.setdefault(tuple(one.node(name, time) for name, one in found), []).append((time, key))
    links = [one.state == LINKS for _, one in found]
    return [
        Part(signature, nodes, tuple(n for n, ok in zip(nodes, links, strict=True) if ok), len(group), min(group))
        for nodes, group in groups.items()
    ]


def component(
    start: Signature, seen: Seen, standings: Callable[[str], Standing], decisions: Decisions
) -> list[list[Part]]:
    """The parts that hang together with each part of `start` through identifiers that link."""
    done: set[tuple[str, ...]] = set()
    found = []
    for first in parts_of(start, standings):
        if first.nodes in done:
            continue
        done.add(first.nodes)
        group, queue, reached = [], deque([first]), set()
        while queue:
            part = queue.popleft()
            group.append(part)
            for node in part.linking:
                if node in reached:
                    continue
                reached.add(node)
                name = plain(node)
                near = [name, *decisions.joined.get(name, ())]
                for signature in [one for other in near for one in seen(other)]:
                    for other_part in parts_of(signature, standings):
                        nodes = other_part.linking
                        if other_part.nodes in done or not (node in nodes or any(plain(n) in near[1:] for n in nodes)):
                            continue
                        done.add(other_part.nodes)
                        queue.append(other_part)
        found.append(group)
    return found


def plain(node: str) -> str:
    """The identifier of a node."""
    return node.partition("#")[0]


def resolve(parts: Sequence[Part], decisions: Decisions) -> Resolution:
    """The persons among parts that hang together."""
    clusters = _Clusters({node for part in parts for node in part.linking}, decisions)
    conflicts: dict[Pair, str] = {}
    for one, other in _edges(parts, decisions):
        refusal = clusters.join(one, other)
        if refusal:
            conflicts[pair(plain(one), plain(other))] = refusal
    homes = [_home(part, clusters) for part in parts]
    firsts: dict[str, tuple[int, int]] = {}
    for part, home in zip(parts, homes, strict=True):
        if home is not None:
            firsts[home] = min(firsts.get(home, part.first), part.first)
    persons = [(part, person_id(firsts[home]) if home else None) for part, home in zip(parts, homes, strict=True)]
    return Resolution(persons, conflicts)


def person_id(first: tuple[int, int]) -> str:
    """The id of a person: that of the earliest of its complaints."""
    return f"person_{first[1]:016x}"


def _edges(parts: Sequence[Part], decisions: Decisions) -> list[Pair]:
    """What may be joined, the surest first."""
    support: dict[Pair, int] = {}
    by_name: dict[str, list[str]] = {}
    for part in parts:
        for place, one in enumerate(part.linking):
            for other in part.linking[place + 1 :]:
                edge = pair(one, other)
                support[edge] = support.get(edge, 0) + part.complaints
        for node in part.linking:
            by_name.setdefault(plain(node), []).append(node)
    ranked = [((OBSERVED, -count, EVENT in (kind_of(e[0]), kind_of(e[1]))), e) for e, count in support.items()]
    for name, others in (
        decisions.joined.items() if len(decisions.joined) < len(by_name) else _known(by_name, decisions)
    ):
        for other, rank in others.items():
            if name < other and name in by_name and other in by_name:
                # A number with several owners is not what anybody can have meant.
                ones, twos = set(by_name[name]), set(by_name[other])
                if len(ones) == len(twos) == 1:
                    ranked.append(((rank, 0, False), pair(ones.pop(), twos.pop())))
    return [edge for _, edge in sorted(ranked)]


def _known(by_name: Iterable[str], decisions: Decisions) -> Iterable[tuple[str, dict[str, int]]]:
    return ((name, decisions.joined[name]) for name in by_name if name in decisions.joined)


def _home(part: Part, clusters: _Clusters) -> str | None:
    """The cluster a part belongs to: what was decided of the complaint, its customer, else all its identifiers'."""
    for kind in (EVENT, CUSTOMER):
        homes = {clusters.root(node) for node in part.linking if kind_of(node) == kind}
        if homes:
            return homes.pop() if len(homes) == 1 else None
    homes = {clusters.root(node) for node in part.linking}
    return homes.pop() if len(homes) == 1 else None


class _Clusters:
    """Disjoint sets of nodes, of which some may not meet."""

    def __init__(self, nodes: Iterable[str], decisions: Decisions) -> None:
        self._apart = decisions.apart
        self._parent = {node: node for node in nodes}
        self._members = {node: [node] for node in self._parent}
        self._customer = {node: node if kind_of(node) == CUSTOMER else None for node in self._parent}

    def root(self, node: str) -> str:
        while (above := self._parent[node]) != node:
            self._parent[node] = node = self._parent[above]
        return node

    def join(self, one: str, other: str) -> str | None:
        """Make them one; returns why not, where they may not be."""
        one, other = sorted((self.root(one), self.root(other)))
        if one == other:
            return None
        owners = {owner for owner in (self._customer[one], self._customer[other]) if owner}
        if len(owners) > 1:
            return "two_customers"
        if self._apart and self._told_apart(one, other):
            return "unmerged"
        self._parent[other] = one
        self._members[one] += self._members.pop(other)
        self._customer[one] = owners.pop() if owners else None
        return None

    def _told_apart(self, one: str, other: str) -> bool:
        names = {plain(node) for node in self._members[other]}
        return any(not names.isdisjoint(self._apart.get(plain(node), ())) for node in self._members[one])
