"""What to label next: several strategies, mixed by chance that a seed fixes, each item with its reason."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

UNCERTAIN, ERROR, NOVEL, WEAK, AUDIT = "uncertain", "error", "novel", "weak", "audit"
STRATEGIES = (UNCERTAIN, ERROR, NOVEL, WEAK, AUDIT)

#: Shares of what is not audit. Uncertainty leads: it is the strategy that is always there.
_SHARES = {UNCERTAIN: 0.5, NOVEL: 0.2, ERROR: 0.15, WEAK: 0.15}

#: Why the audit asks.
DRAWN = "drawn by chance, to measure the model: label what you see"

_SLICES = ("language", "channel", "region")
#: A slice of fewer complaints says little; one is weak where its mean confidence is this far below that of all.
_LEAST_SLICE, _LEAST_GAP = 30, 0.05
_NOISE = -1


@dataclass(frozen=True, slots=True)
class Item:
    """A complaint to be labelled, and why."""

    event_id: str
    strategy: str
    reason: str


class Offers(Protocol):
    """What there is to choose from; see Pool. Each part is asked for only where a strategy needs it."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """See Pool."""

    @property
    def labelled(self) -> Mapping[str, Mapping[str, Any]]:
        """See Pool."""

    @property
    def clusters(self) -> Collection[int]:
        """See Pool."""

    @property
    def suspected(self) -> Sequence[tuple[str, str, str]]:
        """See Pool."""

    @property
    def audit(self) -> Sequence[str]:
        """See Pool."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What there is to choose from, all at hand.

    Attributes:
        rows: complaints that may be labelled: event_id, text_hash, category, subcategory, confidence, cluster_id,
            language, channel and region of each.
        labelled: current labels by event id; those taken back are not among them.
        clusters: those that have a label.
        suspected: (event id, label, what it rather is) of labels that are probably wrong, the surest first.
        audit: event ids in the order of the audit, those done left out.
    """

    rows: Sequence[Mapping[str, Any]]
    labelled: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    clusters: Collection[int] = ()
    suspected: Sequence[tuple[str, str, str]] = ()
    audit: Sequence[str] = ()


def choose(
    pool: Offers,
    limit: int,
    *,
    seed: int,
    turn: int,
    audit_share: float,
    only: str | None = None,
    skip: Sequence[str] = (),
) -> list[Item]:
    """The next complaints to label.

    Args:
        pool: see above.
        limit: items at most.
        seed: fixes the mix.
        turn: how many labels were given so far: the mix goes on from there, so that asking for one item at a time
            and asking for many give the same strategies.
        audit_share: chance of an item to be the audit's, 0 to 1.
        only: one strategy alone.
        skip: event ids, or beginnings of them, to leave out.

    Returns:
        Items, no complaint and no text twice; a strategy that has nothing left gives its turn to the next one in
        the order of STRATEGIES.
    """
    offers = {name: _offers(name, pool, seed) for name in ([only] if only else STRATEGIES)}
    texts = {row["event_id"]: row["text_hash"] for row in pool.rows}
    seen: set[str] = set()
    items: list[Item] = []
    while len(items) < limit and offers:
        drawn = strategy_of(seed, turn + len(items), audit_share)
        name = drawn if drawn in offers else next(iter(offers))
        found = next((one for one in offers[name] if _fresh(one, texts, seen, skip)), None)
        if found is None:
            del offers[name]
            continue
        seen.update((found.event_id, texts.get(found.event_id) or found.event_id))
        items.append(found)
    return items


def strategy_of(seed: int, turn: int, audit_share: float) -> str:
    """The strategy whose turn it is: `audit` with the chance `audit_share`, else by the shares of the others."""
    chance = _chance(seed, f"turn {turn}")
    if chance < audit_share:
        return AUDIT
    left = (chance - audit_share) / (1 - audit_share)
    for name, share in _SHARES.items():
        left -= share
        if left < 0:
            return name
    return UNCERTAIN


def _fresh(item: Item, texts: Mapping[str, str | None], seen: set[str], skip: Sequence[str]) -> bool:
    """Whether neither the complaint nor its text was taken; the audit takes every copy, as every complaint counts."""
    if item.event_id.startswith(tuple(skip)) or item.event_id in seen:
        return False
    return item.strategy == AUDIT or texts.get(item.event_id) not in seen


def _offers(name: str, pool: Offers, seed: int) -> Iterator[Item]:
    makers = {UNCERTAIN: _uncertain, ERROR: _suspected, NOVEL: _novel, WEAK: _weak, AUDIT: _audit}
    return makers[name](pool, seed)


def _unlabelled(pool: Offers) -> list[Mapping[str, Any]]:
    """Without copies of a text that has a label."""
    done = {label["text_hash"] for label in pool.labelled.values()}
    return [row for row in pool.rows if row["event_id"] not in pool.labelled and row["text_hash"] not in done]


def _uncertain(pool: Offers, seed: int) -> Iterator[Item]:
    rows = [row for row in _unlabelled(pool) if row["confidence"] is not None]
    for row in sorted(rows, key=lambda row: (row["confidence"], row["event_id"])):
        reason = f"the model is unsure: {row['subcategory'] or row['category']} with confidence {row['confidence']:.2f}"
        yield Item(row["event_id"], UNCERTAIN, reason)


def _suspected(pool: Offers, seed: int) -> Iterator[Item]:
    for event_id, label, rather in pool.suspected:
        yield Item(event_id, ERROR, f"labelled {label}, but what is like it is labelled {rather}")


def _novel(pool: Offers, seed: int) -> Iterator[Item]:
    """A complaint of each cluster without a label in turn, the largest first; then of those in no cluster."""
    clusters: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in _unlabelled(pool):
        if row["cluster_id"] is not None:
            clusters[row["cluster_id"]].append(row)
    noise = clusters.pop(_NOISE, [])
    order = sorted((one for one in clusters if one not in pool.clusters), key=lambda one: (-len(clusters[one]), one))
    waiting = {one: _shuffled(clusters[one], seed) for one in order}
    for place in range(len(waiting[order[0]]) if order else 0):
        for one in order:
            for row in islice(waiting[one], place, place + 1):
                yield Item(row["event_id"], NOVEL, f"cluster {one} has {len(waiting[one]):,} complaints and no label")
    for row in _shuffled(noise, seed):
        yield Item(row["event_id"], NOVEL, "in no cluster: like nothing that is frequent")


def _weak(pool: Offers, seed: int) -> Iterator[Item]:
    rows = [row for row in _unlabelled(pool) if row["confidence"] is not None]
    found = weak_slices(rows)
    members = [_shuffled([row for row in rows if row[name] == value], seed) for name, value, _, _ in found]
    for place in range(max((len(one) for one in members), default=0)):
        for (name, value, mean, overall), group in zip(found, members, strict=True):
            for row in islice(group, place, place + 1):
                reason = f"{name} {value} is weak: mean confidence {mean:.2f}, over all {overall:.2f}"
                yield Item(row["event_id"], WEAK, reason)


def weak_slices(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, float, float]]:
    """(column, value, mean confidence, mean of all) of slices the model is least sure of, the weakest first."""
    if not rows:
        return []
    overall = sum(row["confidence"] for row in rows) / len(rows)
    found = []
    for name in _SLICES:
        counts, sums = Counter[str](), Counter[str]()
        for row in rows:
            if row[name] is not None:
                counts[row[name]] += 1
                sums[row[name]] += row["confidence"]
        found += [
            (name, value, sums[value] / count, overall)
            for value, count in counts.items()
            if count >= _LEAST_SLICE and overall - sums[value] / count >= _LEAST_GAP
        ]
    return sorted(found, key=lambda one: (one[2], one[0], one[1]))


def _audit(pool: Offers, seed: int) -> Iterator[Item]:
    for event_id in pool.audit:
        yield Item(event_id, AUDIT, DRAWN)


def _shuffled(rows: Sequence[Mapping[str, Any]], seed: int) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: _chance(seed, row["event_id"]))


def _chance(seed: int, what: str) -> float:
    """0 to 1, the same for the same seed and subject on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed} {what}".encode()).digest()[:8], "big") / 2**64
