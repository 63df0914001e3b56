"""Probable links by Splink on DuckDB: the Fellegi-Sunter model over what is known of persons.

The model learns from complaints without labels: u from random pairs, m by expectation maximisation on pairs that
share an identifier or a name (Fellegi and Sunter 1969; Linacre et al., Splink, 2022). It scores pairs of persons.
Only pseudonyms and placeholders go in.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from engine.identity.evidence import kind_of

log = logging.getLogger("beejan.identity")

KINDS = ("customer", "account", "phone", "email", "handle")

_LISTS = (*KINDS, "name")

#: Complaints that the model learns from.
_LEARN_ROWS = 20_000
_SEED = 7
_U_PAIRS = 500_000

#: A value that more persons share is no reason to compare them.
_MOST_IN_BLOCK = 30

_NAME = re.compile(r"<PERSON_([0-9a-f]+)>")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Probable:
    """Two persons, by an identifier or complaint of each, that are probably one."""

    a: str
    b: str
    probability: float
    reasons: tuple[str, ...]


def names_in(text: str) -> list[str]:
    """The pseudonyms of the names in a masked text."""
    return sorted(set(_NAME.findall(text)))


def persons_of(complaints: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records to compare: one a person, and one a complaint of nobody in particular that says something.

    Args:
        complaints: event_id, person_id, identifiers, names, region, product, language, time (s since 1970).
    """
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in complaints:
        if one["person_id"]:
            groups[one["person_id"]].append(one)
        elif one["identifiers"] or one["names"]:
            groups[f"event:{one['event_id']}"].append(one)
    return [_record(key, group) for key, group in sorted(groups.items())]


def _record(key: str, group: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = Counter(name for one in group for name in one["identifiers"])
    ranked = sorted(counts, key=lambda name: (KINDS.index(kind_of(name)), -counts[name], name))
    values = {kind: sorted(name for name in counts if kind_of(name) == kind) for kind in KINDS}
    times = [one["time"] for one in group]
    names = sorted({name for one in group for name in one["names"]})
    return {
        "unique_id": key,
        "anchor": key if key.startswith("event:") else ranked[0],
        **values,
        "name": names,
        **{column: _usual(group, column) for column in ("region", "product", "language")},
        "first_day": min(times) // _DAY_S,
        "last_day": max(times) // _DAY_S,
    }


def _usual(group: Sequence[dict[str, Any]], column: str) -> str | None:
    found = Counter(one[column] for one in group if one[column])
    return min(found, key=lambda value: (-found[value], value)) if found else None


def probable(complaints: Sequence[dict[str, Any]], least: float) -> list[Probable]:
    """Pairs of persons whose probability of being one is at least `least`, the surest first.

    Args:
        complaints: as for `persons_of`.
        least: probability.

    Returns:
        Nothing where there is too little to learn from.
    """
    persons = persons_of(complaints)
    pairs = _pairs(persons)
    if not pairs:
        return []
    single = [_record(f"event:{one['event_id']}", [one]) for one in _sample(complaints)]
    model = _learn(single)
    return [] if model is None else _score(persons, pairs, model, least)


def _sample(complaints: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All of some persons' complaints, so that the sample has pairs; by id, so that it is the same each time."""
    told = [one for one in complaints if one["identifiers"] or one["names"]]
    chosen = sorted(told, key=lambda one: ((one["person_id"] or one["event_id"])[-8:], one["event_id"]))
    return chosen[:_LEARN_ROWS]


def _pairs(persons: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """Persons that share an identifier, or a name and a region: what is worth comparing."""
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, person in enumerate(persons):
        for kind in KINDS:
            for value in person[kind]:
                blocks[(value,)].append(place)
        for name in person["name"]:
            blocks[("name", name, person["region"] or "")].append(place)
    found = set()
    for members in blocks.values():
        if len(members) <= _MOST_IN_BLOCK:
            found |= {(a, b) for at, a in enumerate(members) for b in members[at + 1 :]}
    return sorted(found)


def _settings() -> Any:
    import splink.comparison_level_library as levels
    import splink.comparison_library as comparisons
    from splink import SettingsCreator, block_on

    def shared(column: str) -> Any:
        empty = f"len({column}_l) = 0 OR len({column}_r) = 0"
        return comparisons.CustomComparison(
            output_column_name=column,
            comparison_levels=[
                levels.CustomLevel(empty, label_for_charts="not known of both").configure(is_null_level=True),
                levels.CustomLevel(f"list_has_any({column}_l, {column}_r)", label_for_charts=f"the same {column}"),
                levels.ElseLevel(),
            ],
        )

    apart = "greatest(first_day_l, first_day_r) - least(last_day_l, last_day_r)"
    time = comparisons.CustomComparison(
        output_column_name="time",
        comparison_levels=[
            levels.CustomLevel(f"{apart} <= 30", label_for_charts="within a month of each other"),
            levels.CustomLevel(f"{apart} <= 180", label_for_charts="within half a year of each other"),
            levels.ElseLevel(),
        ],
    )
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            *(shared(column) for column in _LISTS),
            *(comparisons.ExactMatch(column) for column in ("region", "product", "language")),
            time,
        ],
        blocking_rules_to_generate_predictions=[block_on("pair")],
        retain_intermediate_calculation_columns=True,
        linker_uid="beejan",
    )


def _quiet() -> None:
    logging.getLogger("splink").setLevel(logging.ERROR)


def _learn(complaints: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """A trained model, as Splink saves it; None where too few pairs share anything."""
    from splink import DuckDBAPI, Linker

    blocks = [name for name in ("phone", "email", "customer", "account", "name") if _shared(complaints, name)]
    if len(blocks) < 2:
        return None
    _quiet()
    rows = [one | {"pair": 0} | {f"{n}_one": (one[n] or [None])[0] for n in _LISTS} for one in complaints]
    api = DuckDBAPI()
    api.duckdb_con.execute("SET threads = 1")
    linker = Linker(api.register(_table(rows)), _settings(), log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=_U_PAIRS, seed=_SEED)
    for name in blocks:
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                f"l.{name}_one = r.{name}_one AND l.{name}_one IS NOT NULL AND list_has_any(l.{name}, r.{name})",
                estimate_without_term_frequencies=True,
            )
        except ValueError:  # so few pairs share it that a probability falls to nothing
            log.info("identity: too few pairs share a %s to learn from; no probable links yet", name)
            return None
    found: dict[str, Any] = linker.misc.save_model_to_json()
    return found


def _shared(complaints: Sequence[dict[str, Any]], name: str) -> bool:
    counts = Counter((one[name] or [None])[0] for one in complaints)
    del counts[None]
    return sum(count > 1 for count in counts.values()) >= 20


def _table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    lists = {name: pa.list_(pa.string()) for name in _LISTS}
    texts = {name: pa.string() for name in ("unique_id", "region", "product", "language")}
    numbers = {name: pa.int64() for name in ("first_day", "last_day", "pair")}
    more = {f"{name}_one": pa.string() for name in _LISTS if rows and f"{name}_one" in rows[0]}
    return pa.Table.from_pylist(list(rows), schema=pa.schema(list((texts | lists | numbers | more).items())))


def _score(
    persons: Sequence[dict[str, Any]], pairs: Sequence[tuple[int, int]], model: dict[str, Any], least: float
) -> list[Probable]:
    """Score pairs of persons; two that have a customer id each, and none in common, are never one."""
    from splink import DuckDBAPI, Linker

    # Each pair is a block of its own: a person stands once for every pair.
    rows = []
    for number, (a, b) in enumerate(pairs):
        if persons[a]["customer"] and persons[b]["customer"]:
            continue
        rows += [persons[at] | {"pair": number, "unique_id": f"{number}|{at}"} for at in (a, b)]
    if not rows:
        return []
    prior = min(0.01, 1 / max(2, len(persons)))
    api = DuckDBAPI()
    linker = Linker(api.register(_table(rows)), model | {"probability_two_random_records_match": prior}, log_level=None)
    scored = linker.inference.predict(threshold_match_probability=least).as_pyarrow_table().to_pylist()  # type: ignore[no-untyped-call]
    found = []
    for row in scored:
        left, right = (persons[int(row[f"unique_id_{side}"].partition("|")[2])] for side in "lr")
        one, other = sorted((left["anchor"], right["anchor"]))
        found.append(Probable(one, other, float(row["match_probability"]), _reasons(row)))
    return sorted(found, key=lambda link: (-link.probability, link.a, link.b))


def _reasons(row: dict[str, Any]) -> tuple[str, ...]:
    """Each comparison that bore on it, with its match weight (log2 of the Bayes factor)."""
    found = []
    for name in (*_LISTS, "region", "product", "language", "time"):
        gamma, weight = row.get(f"gamma_{name}"), row.get(f"mw_{name}")
        if gamma is None or gamma < 0 or weight is None:
            continue
        said = (
            {0: "another"}.get(gamma, "the same")
            if name != "time"
            else {0: "far apart", 1: "half a year apart"}.get(gamma, "near")
        )
        found.append(
            (abs(weight), f"{said} {name}: {weight:+.1f}" if name != "time" else f"times {said}: {weight:+.1f}")
        )
    return tuple(reason for _, reason in sorted(found, reverse=True))
