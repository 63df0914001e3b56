"""A change of the taxonomy as a file: operations that make the next version, and the crosswalk to it.

All operations speak of the version before and happen at once, so none may take what another gives up.

Errors:
    TaxonomyError (ValueError)   the file is malformed, or cannot be applied to this version
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.crosswalk import Crosswalk
from models.taxonomy import Taxonomy, TaxonomyError, to_dict

Definition = dict[str, Any]


class _Operation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(_Operation):
    """A leaf becomes several; each of its complaints is scored again among them.

    `into` holds ids of live leaves, definitions of new ones, and the leaf's own id or new definition where it stays.
    """

    split: str
    into: list[str | Definition] = Field(min_length=2)
    otherwise: str = Field(description="Where complaints go that are like none of them")
    shares: dict[str, float] | None = Field(None, description="What is expected until it is measured")

    @property
    def targets(self) -> list[str]:
        """Ids it becomes, in the order written."""
        return [_id(one) for one in self.into]


class Merge(_Operation):
    """Leaves become one: one of them, another live one, or a new one."""

    merge: list[str] = Field(min_length=1)
    into: str | Definition


class Rename(_Operation):
    """Another id, name or description of a leaf or category; it means what it meant."""

    rename: str
    to: str | None = None
    name: str | None = None
    description: str | None = None


class Move(_Operation):
    """A leaf goes to another category, with that category in its id."""

    move: str
    to: str = Field(description="The category")


class Add(_Operation):
    """A new leaf, or a new category with its leaves."""

    add: Definition
    formerly: str | None = Field(None, description="Where such complaints went before; default: the fallback")


class Retire(_Operation):
    """A leaf or category that is never predicted again; rows keep it."""

    retire: str


Operation = Split | Merge | Rename | Move | Add | Retire
_KINDS: dict[str, type[_Operation]] = {
    "split": Split, "merge": Merge, "rename": Rename, "move": Move, "add": Add, "retire": Retire,
}  # fmt: skip


class _ChangeIn(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    taxonomy: str = Field(min_length=1)
    source: str = Field(alias="from", pattern=r"^[\w.-]{1,40}$")
    target: str = Field(alias="to", pattern=r"^[\w.-]{1,40}$")
    note: str = ""
    operations: list[dict[str, Any]] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Change:
    """One step from a version to the next.

    Attributes:
        taxonomy: the tree's name.
        source: the version that it is applied to.
        target: the version that it makes.
        note: why, for people.
        operations: in the order written.
    """

    taxonomy: str
    source: str
    target: str
    note: str
    operations: tuple[Operation, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Change:
        """Check what a change file holds: taxonomy, from, to, note, operations.

        Raises:
            TaxonomyError: a key is unknown or missing, an operation is none or several, or it leads nowhere.
        """
        try:
            parsed = _ChangeIn.model_validate(dict(data))
        except ValidationError as error:
            raise TaxonomyError(_explain("taxonomy change", error)) from error
        if parsed.source == parsed.target:
            raise TaxonomyError(f"taxonomy change from {parsed.source} to itself: `to` has to be a new version")
        operations = tuple(_operation(number, one) for number, one in enumerate(parsed.operations, 1))
        return cls(parsed.taxonomy, parsed.source, parsed.target, parsed.note, operations)


@dataclass(frozen=True, slots=True)
class Step:
    """What a change makes of a version.

    Attributes:
        taxonomy: the next version.
        crosswalk: from the version before; splits by the shares of the file, or evenly.
        splits: the operation of each leaf that was split.
        formerly: for each new leaf that nothing became, the old one under which such complaints went.
    """

    taxonomy: Taxonomy
    crosswalk: Crosswalk
    splits: Mapping[str, Split]
    formerly: Mapping[str, str]


def apply_change(taxonomy: Taxonomy, change: Change, given_up: frozenset[str] = frozenset()) -> Step:
    """Make the next version of `taxonomy`, all operations at once.

    Args:
        given_up: ids of earlier versions that are no more; only a rename brings one back.

    Raises:
        TaxonomyError: the change is for another version, an id is unknown, taken, lost, given up by two operations
            or taken by one from another, or the tree that comes out cannot be used.
    """
    if (change.taxonomy, change.source) != (taxonomy.name, taxonomy.version):
        raise TaxonomyError(
            f"change {change.taxonomy} {change.source} to {change.target}: the taxonomy is {taxonomy.name!r} version "
            f"{taxonomy.version}; write a change from that version"
        )
    where = f"change {change.taxonomy} {change.source} to {change.target}"
    problems = list(_problems(taxonomy, change, given_up))
    if problems:
        raise TaxonomyError(f"{where}: " + "; ".join(problems))
    tree = _Tree(taxonomy)
    for one in sorted(change.operations, key=lambda one: _ORDER.index(type(one))):
        tree.do(one)
    try:
        made = Taxonomy.from_dict(tree.written(change.target))
        crosswalk = Crosswalk(change.source, change.target, tree.shares)
    except ValueError as error:
        raise TaxonomyError(f"{where}: {error}") from error
    reached = {name for new in crosswalk.shares.values() for name in new}
    homeless = {leaf.id for leaf in made.leaves(retired=True)} - reached
    formerly = {name: tree.formerly.get(name, taxonomy.fallback) for name in homeless}
    return Step(made, crosswalk, {one.split: one for one in change.operations if isinstance(one, Split)}, formerly)


#: Categories are there before leaves are put under them, and are renamed and retired with what they hold in the end.
_ORDER = (Add, Split, Merge, Move, Rename, Retire)


class _Tree:
    """The tree while it is changed: definitions of categories and leaves by their ids."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        data = to_dict(taxonomy)
        self._about = {"name": data["name"], "fallback": data["fallback"]}
        self._categories: dict[str, Definition] = {c["id"]: c for c in data["categories"]}
        self._leaves: dict[str, Definition] = {
            leaf["id"]: leaf for category in data["categories"] for leaf in category.pop("subcategories")
        }
        self.shares: dict[str, dict[str, float]] = {name: {name: 1.0} for name in self._leaves}
        self.formerly: dict[str, str] = {}

    def do(self, one: Operation) -> None:
        match one:
            case Add():
                self._add(one)
            case Split():
                self._replace(one.split, one.into, one.otherwise)
                shares = one.shares or {name: 1 / len(one.targets) for name in one.targets}
                self.shares[one.split] = dict(shares)
            case Merge():
                for old in one.merge:
                    self._replace(old, [one.into], _id(one.into))
                    self.shares[old] = {_id(one.into): 1.0}
            case Move():
                self._put(one.move, f"{one.to}.{one.move.partition('.')[2]}", {})
            case Rename():
                said = {k: v for k, v in (("name", one.name), ("description", one.description)) if v}
                if one.rename in self._categories:
                    self._rename_category(one.rename, one.to or one.rename, said)
                else:
                    self._put(one.rename, one.to or one.rename, said)
            case Retire():
                (self._categories if one.retire in self._categories else self._leaves)[one.retire]["retired"] = True

    def _add(self, one: Add) -> None:
        leaves = one.add.get("subcategories")
        if leaves is not None:
            self._categories[_id(one.add)] = {k: v for k, v in one.add.items() if k != "subcategories"}
        for leaf in [one.add] if leaves is None else leaves:
            self._leaves[_id(leaf)] = dict(leaf)
            if one.formerly:
                self.formerly[_id(leaf)] = one.formerly

    def _replace(self, old: str, into: list[str | Definition], otherwise: str) -> None:
        """`old` goes, unless it is among `into`; definitions come."""
        if old not in map(_id, into):
            del self._leaves[old]
        self._leaves.update({_id(one): dict(one) for one in into if isinstance(one, dict)})
        if self._about["fallback"] == old:
            self._about["fallback"] = otherwise

    def _put(self, old: str, new: str, said: Definition) -> None:
        """A leaf under another id, where it stood."""
        if new != old and new in self._leaves:
            raise TaxonomyError(f"{old!r} would become {new!r}, which is there already; merge them")
        self._leaves = {
            new if name == old else name: leaf | {"id": new} | said if name == old else leaf
            for name, leaf in self._leaves.items()
        }
        # In a category that is renamed as well, a merged or split leaf may have a way here already.
        for shares in self.shares.values():
            if old in shares:
                shares[new] = shares.pop(old)
        self.formerly = {new if name == old else name: before for name, before in self.formerly.items()}
        if self._about["fallback"] == old:
            self._about["fallback"] = new

    def _rename_category(self, old: str, new: str, said: Definition) -> None:
        self._categories = {
            new if name == old else name: category | {"id": new} | said if name == old else category
            for name, category in self._categories.items()
        }
        for name in [name for name in self._leaves if new != old and name.partition(".")[0] == old]:
            self._put(name, f"{new}.{name.partition('.')[2]}", {})

    def written(self, version: str) -> Definition:
        """As a taxonomy file holds it; a category whose leaves are all gone goes, too."""
        found = []
        for name, category in self._categories.items():
            leaves = [leaf for key, leaf in self._leaves.items() if key.partition(".")[0] == name]
            if leaves:
                found.append(category | {"subcategories": leaves})
        stray = sorted({key for key in self._leaves if key.partition(".")[0] not in self._categories})
        if stray:
            raise TaxonomyError(f"{', '.join(map(repr, stray))}: no such category; add it, or use one that there is")
        return self._about | {"version": version, "categories": found}


def _operation(number: int, data: dict[str, Any]) -> Operation:
    kinds = [kind for kind in _KINDS if kind in data]
    if len(kinds) != 1:
        raise TaxonomyError(
            f"operation {number} has the keys {sorted(map(str, data))}: expected one of {', '.join(_KINDS)} among them"
        )
    try:
        found: Any = _KINDS[kinds[0]].model_validate(data)
    except ValidationError as error:
        raise TaxonomyError(_explain(f"operation {number} ({kinds[0]})", error)) from error
    for one in _definitions(found):
        if not isinstance(one.get("id"), str):
            raise TaxonomyError(f"operation {number} ({kinds[0]}): a definition has no id; got {sorted(map(str, one))}")
    return found  # type: ignore[no-any-return]


def _explain(what: str, error: ValidationError) -> str:
    places = [
        f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']} (got {str(e['input'])[:60]!r})" for e in error.errors()
    ]
    return f"{what} is malformed, correct these places: " + "; ".join(places)


def _id(one: str | Definition) -> str:
    return one if isinstance(one, str) else str(one["id"])


def _definitions(one: Operation) -> list[Definition]:
    match one:
        case Split():
            return [d for d in one.into if isinstance(d, dict)]
        case Merge():
            return [one.into] if isinstance(one.into, dict) else []
        case Add():
            leaves = one.add.get("subcategories")
            return [one.add, *leaves] if isinstance(leaves, list) else [one.add]
        case _:
            return []


def _sources(one: Operation) -> list[str]:
    """Ids that an operation is about."""
    match one:
        case Split():
            return [one.split]
        case Merge():
            return one.merge
        case Rename():
            return [one.rename]
        case Move():
            return [one.move]
        case Retire():
            return [one.retire]
        case _:
            return []


def _targets(one: Operation) -> list[str]:
    """Ids that there are after an operation in the place of its sources."""
    match one:
        case Split():
            return one.targets
        case Merge():
            return [_id(one.into)]
        case Rename():
            return [one.to or one.rename]
        case Move():
            return [f"{one.to}.{one.move.partition('.')[2]}"]
        case Add():
            return [_id(d) for d in _definitions(one)]
        case _:
            return []


def _problems(taxonomy: Taxonomy, change: Change, given_up: frozenset[str]) -> Iterator[str]:
    live = {leaf.id for leaf in taxonomy.leaves()}
    every = {leaf.id for leaf in taxonomy.leaves(retired=True)}
    categories = {category.id for category in taxonomy.categories}
    for number, one in enumerate(change.operations, 1):
        here = f"operation {number}"
        may = every | categories if isinstance(one, Rename | Retire) else live
        for name in _sources(one):
            if name not in may:
                what = "is retired" if name in every else f"is not in version {taxonomy.version}"
                yield f"{here}: {name!r} {what}; use a live id of that version"
        yield from (f"{here}: {said}" for said in _own_problems(one, live, every | categories, categories, given_up))
    yield from _between(change)


def _own_problems(
    one: Operation, live: set[str], taken: set[str], categories: set[str], given_up: frozenset[str]
) -> Iterator[str]:
    sources = set(_sources(one))
    defined = [_id(d) for d in _definitions(one)]
    fresh = [*defined, *_targets(one)] if isinstance(one, Rename | Move) else defined
    for name in dict.fromkeys(fresh):
        if name in taken - sources:
            yield f"{name!r} is there already; merge into it, or take another id"
        if name in given_up and not isinstance(one, Rename):
            yield f"{name!r} had a meaning in an earlier version; take another id"
    match one:
        case Split():
            yield from _split_problems(one, live)
        case Merge():
            if isinstance(one.into, str) and one.into not in live:
                yield f"into {one.into!r}: no live id of this version; give a definition of a new one"
            if len(set(one.merge) | {_id(one.into)}) < 2:
                yield f"{one.merge[0]!r} is merged into itself"
        case Move():
            if one.to == one.move.partition(".")[0]:
                yield f"{one.move!r} is in {one.to!r} already"
        case Rename():
            if one.rename in categories and one.to and "." in one.to:
                yield f"{one.rename!r} is a category; {one.to!r} is no id of one"
            if one.rename not in categories and one.to and one.to.partition(".")[0] != one.rename.partition(".")[0]:
                yield f"{one.rename!r} to {one.to!r} is another category; use move"
            if not (one.to or one.name or one.description):
                yield f"rename of {one.rename!r} says nothing new: give to, name or description"
        case Add():
            if one.formerly is not None and one.formerly not in live:
                yield f"formerly {one.formerly!r}: no live id of this version"


def _split_problems(one: Split, live: set[str]) -> Iterator[str]:
    for name in one.into:
        if isinstance(name, str) and name not in live:
            yield f"into {name!r}: no live id of this version; give a definition of a new one"
    for name, times in Counter(one.targets).items():
        if times > 1:
            yield f"{name!r} stands {times} times under into"
    if one.otherwise not in one.targets:
        yield (
            f"otherwise {one.otherwise!r} is not under into, so the split of {one.split!r} would lose complaints; "
            f"expected one of {', '.join(one.targets)}"
        )
    if one.shares is not None:
        total = math.fsum(one.shares.values())
        if set(one.shares) != set(one.targets) or not math.isclose(total, 1, abs_tol=1e-6):
            yield f"shares are of {sorted(one.shares)} and sum to {total:g}; expected a share of each id under into, sum 1"


def _between(change: Change) -> Iterator[str]:
    """What operations do to each other."""
    gives: dict[str, list[str]] = {}
    for one in change.operations:
        for name in _sources(one):
            if name in gives:
                yield f"{name!r} is given to two operations; do the second in a version after this one"
            gives[name] = [target for target in _targets(one) if target != name]
    # A category's leaves change with its id.
    renamed = {o.rename for o in change.operations if isinstance(o, Rename) and o.to and "." not in o.rename}
    for name in gives:
        if name.partition(".")[0] in renamed and "." in name:
            yield f"{name!r} changes, and so does its category; do one of them in a version after this one"
    made = Counter(t for o in change.operations for t in set(_targets(o)) if t not in _sources(o))
    defined = Counter(_id(d) for o in change.operations for d in _definitions(o))
    for name in sorted(made):
        if defined[name] > 1 or (defined[name] and made[name] > 1):
            yield f"{name!r} is made by several operations"
        keeps = any(name in _sources(o) and name in _targets(o) for o in change.operations)
        if name in gives and not keeps:
            yield f"{_chain(name, gives)}: do one of them in a version after this one"


def _chain(start: str, gives: Mapping[str, list[str]]) -> str:
    """How an id that one operation takes is given up by another: in a cycle, or on the way to something else."""
    path = [start]
    while path[-1] in gives and gives[path[-1]]:
        following = gives[path[-1]][0]
        path.append(following)
        if following == start:
            return f"a cycle, {' -> '.join(path)}"
        if path.count(following) > 1:
            break
    return f"{start!r} is taken by one operation and given up by another ({' -> '.join(path)})"
