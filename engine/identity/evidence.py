"""What complaints say about who they are from: which identifiers stand in one complaint, and when.

An identifier is `kind:pseudonym`; kinds are customer, account, phone, email, handle, and `event` for a complaint
that somebody decided about. Complaints with the same identifiers share a signature, so that memory grows with
people rather than with complaints.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CUSTOMER, ACCOUNT, PHONE, EMAIL, HANDLE, EVENT = "customer", "account", "phone", "email", "handle", "event"


def kind_of(identifier: str) -> str:
    """The kind of an identifier."""
    return identifier.partition(":")[0]


@dataclass(slots=True, eq=False)
class Signature:
    """Identifiers that stand together, and the complaints in which they do.

    Args:
        identifiers: sorted.
        times: of its complaints, s since 1970.
        keys: of its complaints, the first 64 bits of their event ids.
        persons: who its complaints belong to, by the nodes of `engine.identity.resolve`; None: not resolved yet.
        stored: who its stored complaints are said to belong to, until it is resolved.
    """

    identifiers: tuple[str, ...]
    times: array[int] = field(default_factory=lambda: array("q"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    persons: dict[tuple[str, ...], str | None] | None = None
    stored: frozenset[str | None] = frozenset()


class Evidence:
    """All signatures, by identifier."""

    def __init__(self) -> None:
        self._signatures: dict[tuple[str, ...], Signature] = {}
        self._by: dict[str, list[Signature]] = {}

    def __len__(self) -> int:
        return len(self._signatures)

    def __iter__(self) -> Iterator[Signature]:
        return iter(self._signatures.values())

    def seen(self, identifier: str) -> Sequence[Signature]:
        """The signatures that hold an identifier."""
        return self._by.get(identifier, ())

    def find(self, identifiers: Sequence[str]) -> Signature | None:
        """The signature of exactly these identifiers."""
        return self._signatures.get(tuple(sorted(set(identifiers))))

    def add(self, key: int, identifiers: Sequence[str], time: int) -> tuple[Signature, bool]:
        """Note a complaint; returns its signature and whether the signature is new."""
        names = tuple(sorted(set(identifiers)))
        found = self._signatures.get(names)
        new = found is None
        if found is None:
            found = self._signatures[names] = Signature(names)
            for name in names:
                self._by.setdefault(name, []).append(found)
        found.times.append(time)
        found.keys.append(key)
        return found, new

    def remove(self, key: int, identifiers: Sequence[str]) -> int | None:
        """Take a complaint out again; returns its time, None where it is not there."""
        found = self.find(identifiers)
        if found is None or key not in found.keys:
            return None
        place = found.keys.index(key)
        time = found.times.pop(place)
        found.keys.pop(place)
        if not found.keys:
            del self._signatures[found.identifiers]
            for name in found.identifiers:
                self._by[name].remove(found)
        return time


def key_of(event_id: str) -> int:
    """The first 64 bits of an event id."""
    return int(event_id[:16], 16)
