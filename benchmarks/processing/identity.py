"""Identity on simulated people: who is linked right, pair by pair, and how fast, beside Splink over everything."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.processing.figure import Figure
from engine.identity.evidence import EVENT
from engine.identity.judge import judge
from engine.identity.people import Complaint, People
from engine.identity.probable import names_in, probable
from engine.identity.resolve import PROBABLE
from engine.simulate.identities import Told, tell
from models.own import own_values
from models.pii import mask
from models.pseudonym import identifier

#: Rules and thresholds were chosen on seeds 1 to 3.
_SEEDS = (101, 102, 103)
_PEOPLE = 1500
_SPEED_PEOPLE = 600
_START = datetime(2024, 1, 1, tzinfo=UTC)
_KEY = b"benchmark"
_FIELDS = {"customer_id": "customer", "account": "account", "phone": "phone", "email": "email"}
_LINK_FROM, _REVIEW_FROM = 0.99, 0.8


def evaluate(data: Path | None = None) -> list[Figure] | None:
    """Pairwise precision and recall after the deterministic links, and after the probable ones; needs no data."""
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for seed in _SEEDS:
        told = tell(_PEOPLE, seed=seed, start=_START)
        rows = [row_of(one, seed) for one in told]
        truth: dict[str, list[Hashable]] = {"all": [one.person for one in told], "tied": traces(told, rows)}
        people = People()
        people.add([complaint(row) for row in rows])
        for step in ("identity.deterministic", "identity"):
            if step == "identity":
                link(people, rows)
            found = _persons(people, rows)
            for name, who in truth.items():
                sums[step, name] += counts(who, found)
    return [figure for step in ("identity", "identity.deterministic") for figure in _figures(step, sums)]


def _figures(step: str, sums: dict[tuple[str, str], Counter[str]]) -> list[Figure]:
    split = f"simulated, seeds {_SEEDS[0]}-{_SEEDS[-1]}, {_PEOPLE} people each; rules chosen on seeds 1-3"
    whole, tied = sums[step, "all"], sums[step, "tied"]
    goals = (0.99, 0.95) if step == "identity" else (None, None)
    return [
        Figure(
            f"{step}.precision", whole["right"] / whole["linked"], goals[0], split,
            note=f"{whole['right']} of {whole['linked']} linked pairs of complaints",
        ),
        Figure(
            f"{step}.recall", tied["right"] / tied["true"], goals[1], split,
            note=f"{tied['right']} of {tied['true']} pairs that a chain of the person's own identifiers ties",
        ),
        Figure(
            f"{step}.recall_all_pairs", whole["right"] / whole["true"], None, split,
            note=f"of {whole['true']} pairs, also those that nothing but a name can tie",
        ),
    ]  # fmt: skip


def row_of(one: Told, seed: int) -> dict[str, Any]:
    """A complaint as it stands in curated."""
    text = one.fields["text"]
    masked = mask(text, _KEY)
    fields = _FIELDS | ({"customer_id": "handle"} if one.channel == "social" else {})
    found = {identifier(_KEY, value, kind) for name, kind in fields.items() if (value := one.fields.get(name))}
    found |= {identifier(_KEY, value, kind) for kind, value in own_values(text, masked.spans)}
    return {
        "event_id": sha256(f"{seed}:{one.key}".encode()).hexdigest(),
        "person_id": None,
        "identifiers": sorted(found),
        "names": names_in(masked.text),
        "region": one.fields["region"],
        "product": one.fields["product"],
        "language": None,
        "time": int(one.occurred_at.timestamp()),
    }


def complaint(row: dict[str, Any]) -> Complaint:
    """What links are made of."""
    return Complaint(row["event_id"], tuple(row["identifiers"]), row["time"])


def link(people: People, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One look for probable links, as the engine takes it."""
    known = [row | {"person_id": people.person_of(complaint(row))} for row in rows]
    decided = judge(probable(known, _REVIEW_FROM), _LINK_FROM)
    by_id = {row["event_id"]: row for row in rows}
    for one in decided:
        if one["state"] == "active":
            for end in (one["a"], one["b"]):
                kind, _, event_id = end.partition(":")
                if kind == EVENT:
                    people.mark(complaint(by_id[event_id]))
            people.decide(one["a"], one["b"], PROBABLE)
            people.touch(one["a"], one["b"])
    return decided


def counts(true: Iterable[Hashable], found: Iterable[str | None]) -> Counter[str]:
    """Pairs of complaints: `true`, `linked` and `right`; a complaint of nobody is linked to none."""
    truth, both, linked = Counter[Any](), Counter[Any](), Counter[Any]()
    for who, person in zip(true, found, strict=True):
        truth[who] += 1
        if person is not None:
            linked[person] += 1
            both[who, person] += 1
    return Counter({"true": _pairs(truth), "linked": _pairs(linked), "right": _pairs(both)})


def traces(told: Iterable[Told], rows: Iterable[dict[str, Any]]) -> list[Hashable]:
    """What could be linked at all: a person's complaints that a chain of identifiers ties together.

    Without such a chain (a number that is told in no complaint with anything else) they are pairs that no evidence
    connects but, at most, a common name.
    """
    above: dict[Hashable, Hashable] = {}

    def root(name: Hashable) -> Hashable:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    found: list[Hashable] = []
    for one, row in zip(told, rows, strict=True):
        names = [(one.person, name) for name in row["identifiers"]] or [(one.person, one.key)]
        for name in names[1:]:
            above[root(name)] = root(names[0])
        found.append(names[0])
    return [root(name) for name in found]


def _pairs(sizes: Counter[Any]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def _persons(people: People, rows: list[dict[str, Any]]) -> list[str | None]:
    return [people.person_of(complaint(row)) for row in rows]


def speed(data: Path | None = None) -> dict[str, Any]:
    """Complaints a second: linked one by one as they come, beside Splink over all of them at once, in turns."""
    rows = [row_of(one, 1) for one in tell(_SPEED_PEOPLE, seed=1, start=_START)]
    ours, peer = [], []
    for _ in range(3):
        began = time.perf_counter()
        people = People()
        for row in rows:
            people.add([complaint(row)])
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        probable(rows, _LINK_FROM)
        peer.append(time.perf_counter() - began)
    mine, theirs = len(rows) / min(ours), len(rows) / min(peer)
    return {
        "ours_per_s": mine,
        "peer": "Splink 5 over all complaints at once, trained and scored, without clustering",
        "peer_per_s": theirs,
        "ratio": mine / theirs,
        "texts": len(rows),
    }
