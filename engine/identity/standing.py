"""Whether an identifier links: it does while one person at a time stands behind it.

A shop's phone or a call centre's number links nobody, two customers with one phone are a conflict, and a number
that was silent for long and then came back with another customer changed hands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.identity.evidence import ACCOUNT, CUSTOMER, EMAIL, EVENT, HANDLE, PHONE, Signature, kind_of

LINKS, CONFLICT, SHARED = "links", "conflict", "shared"

#: With this many owners an identifier is shared, with fewer and more than one it is a conflict.
SHARED_FROM = 4

#: Of one kind, beside one identifier: more belong to more than one person.
MOST_CONTACTS = 3

#: The same beside a customer id: with more it stands for "unknown" or a reseller.
MOST_OF_A_CUSTOMER = 12

#: Silence after which a number may have been given to somebody else, s: operators in Nigeria may take a line back
#: after 180 days without use (NCC, Quality of Service Business Rules).
SILENCE_S = 180 * 86_400

#: Complaints that each owner must have with a number that changed hands: silence alone is common where few complain.
LEAST_OF_AN_OWNER = 2

Seen = Callable[[str], Sequence[Signature]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What an identifier is good for.

    Args:
        state: links, conflict or shared.
        owners: whom it stands for: customers, else accounts; at most SHARED_FROM of them.
        turns: when it went to another owner, s since 1970, ascending; it links between them.
    """

    state: str
    owners: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()

    def node(self, identifier: str, time: int) -> str:
        """The identifier with its owner's turn at a time."""
        if not self.turns:
            return identifier
        return f"{identifier}#{sum(turn <= time for turn in self.turns)}"


_ALWAYS = Standing(LINKS)


def standing(identifier: str, seen: Seen) -> Standing:
    """Judge an identifier by the complaints that hold it."""
    kind = kind_of(identifier)
    if kind == EVENT:
        return _ALWAYS
    if kind == CUSTOMER:
        return Standing(SHARED) if _crowded(identifier, seen, MOST_OF_A_CUSTOMER) else _ALWAYS
    owners = _owners(identifier, seen)
    if len(owners) > 1:
        turns = _turns(identifier, owners, seen) if kind == PHONE and len(owners) < SHARED_FROM else ()
        state = LINKS if turns else SHARED if len(owners) >= SHARED_FROM else CONFLICT
        return Standing(state, tuple(sorted(owners)), turns)
    if _crowded(identifier, seen, MOST_CONTACTS):
        return Standing(SHARED, tuple(owners))
    return Standing(LINKS, tuple(owners))


def _owners(identifier: str, seen: Seen) -> list[str]:
    """Customers that stand beside it, by themselves or through an account of theirs; without any, accounts."""
    customers: dict[str, None] = {}
    accounts: dict[str, None] = {}
    for signature in seen(identifier):
        for other in signature.identifiers:
            kind = kind_of(other)
            if kind == CUSTOMER and other not in customers:
                if not _crowded(other, seen, MOST_OF_A_CUSTOMER):
                    customers[other] = None
            elif kind == ACCOUNT and other != identifier and other not in accounts:
                accounts[other] = None
                customers |= _customer_of(other, seen)
        if len(customers) >= SHARED_FROM or len(accounts) >= 4 * SHARED_FROM:
            break
    if len(customers) > 1:
        return list(customers)[:SHARED_FROM]
    return _rivals(identifier, seen)[:SHARED_FROM] or list(customers or accounts)[:SHARED_FROM]


def _rivals(identifier: str, seen: Seen) -> list[str]:
    """Accounts, or e-mail addresses, beside it that nothing but this identifier ties to each other.

    A family's phone stands beside two accounts that never stand together, nor with the same customer. One kind of
    contradiction is enough; a second account of the same person is told from it by whatever else ties the two.
    """
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    beside = {o for one in seen(identifier) for o in one.identifiers if o != identifier}
    if len(beside) > 4 * MOST_OF_A_CUSTOMER:
        return []
    for name in sorted(beside):
        for one in seen(name)[: 4 * MOST_OF_A_CUSTOMER]:
            near = [other for other in one.identifiers if other in beside or kind_of(other) == CUSTOMER]
            for other in near[1:]:
                above[max(root(near[0]), root(other))] = min(root(near[0]), root(other))
    for kind in (ACCOUNT, EMAIL):
        if kind != kind_of(identifier):
            groups = {root(name): name for name in sorted(beside, reverse=True) if kind_of(name) == kind}
            if len(groups) > 1:
                return sorted(groups.values())
    return []


def _customer_of(account: str, seen: Seen) -> dict[str, None]:
    """The one customer beside an account; none where there are several."""
    found: dict[str, None] = {}
    for signature in seen(account):
        found |= dict.fromkeys(other for other in signature.identifiers if kind_of(other) == CUSTOMER)
        if len(found) > 1:
            return {}
    return found


def _crowded(identifier: str, seen: Seen, most: int) -> bool:
    """Whether it stands beside too many identifiers of one kind; an account may also be beside many of its own."""
    beside: dict[str, set[str]] = {PHONE: set(), EMAIL: set(), HANDLE: set(), ACCOUNT: set()}
    for signature in seen(identifier):
        for other in signature.identifiers:
            if other != identifier and (kind := kind_of(other)) in beside:
                beside[kind].add(other)
                if len(beside[kind]) > most:
                    return True
    return False


def _turns(identifier: str, owners: Sequence[str], seen: Seen) -> tuple[int, ...]:
    """Where a number's owners followed each other with a long silence between them; empty where they did not."""
    times: list[int] = []
    spans: dict[str, tuple[int, int]] = {}
    told: dict[str, int] = {}
    for signature in seen(identifier):
        times += signature.times
        beside = set(signature.identifiers)
        for account in [other for other in beside if kind_of(other) == ACCOUNT]:
            beside |= set(_customer_of(account, seen))
        for owner in beside.intersection(owners):
            told[owner] = told.get(owner, 0) + len(signature.times)
            low, high = spans.get(owner, (min(signature.times), max(signature.times)))
            spans[owner] = min(low, *signature.times), max(high, *signature.times)
    if min(told.values()) < LEAST_OF_AN_OWNER:
        return ()
    times.sort()
    turns = []
    for (_, before), (after, _) in pairwise(sorted(spans.values())):
        gaps = [(high - low, high) for low, high in pairwise(times) if low >= before and high <= after]
        silence, turn = max(gaps, default=(0, 0))
        if silence < SILENCE_S:
            return ()
        turns.append(turn)
    return tuple(turns)
