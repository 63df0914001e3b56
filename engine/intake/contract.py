"""The contract of a mapping, applied to one record: what is taken, kept, dropped, refused.

One pure function serves the dry run, the check before a file is sent, and the decode stage. It never raises on a
record. Its messages name the field, the kind of value and what was expected, never the value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from connectors.mapping import Column, Mapping, Policy, default_mapping
from engine.intake.values import Check, Unfit, check, kind
from models.pii import find


@dataclass(frozen=True, slots=True)
class Finding:
    """A departure of a record from its mapping.

    Args:
        rule: `unknown`, `missing` or `bad`.
        field: the complaint field, the name in `keep`, or the unknown column; without personal data.
        policy: what happens.
        code: reason code, were it dead-lettered.
        message: for people, without values.
    """

    rule: str
    field: str
    policy: Policy
    code: str
    message: str


@dataclass(slots=True)
class Taken:
    """What became of a record.

    Args:
        fields: by our names, stripped, none empty.
        kept: values of the columns declared as safe.
        unknown: names of the columns that the mapping does not know, without personal data.
        flags: `discarded:<field>` for every value that was dropped.
        findings: every departure, in the order of the mapping.
    """

    fields: dict[str, str]
    kept: dict[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    flags: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def refusal(self) -> Finding | None:
        """The departure that keeps the record out: a frozen one before others."""
        out = [finding for finding in self.findings if finding.policy in ("freeze", "discard_row")]
        return next((f for f in out if f.policy == "freeze"), out[0] if out else None)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A column, made ready to be read many times."""

    name: str
    columns: tuple[str, ...]
    joined: bool
    required: bool
    values: MappingType[str, str]
    check: Check | None
    if_missing: Policy
    if_bad: Policy
    kept: bool
    private: bool

    def pick(self, record: MappingType[str, str]) -> str:
        """The value in the record, stripped and mapped; empty where there is none."""
        parts = (value for column in self.columns if (value := (record.get(column) or "").strip()))
        found = "\n".join(parts) if self.joined else next(parts, "")
        return self.values.get(found, found) if self.values else found

    def take(self, text: str, value: Any) -> Any:
        """What is stored of a value that fits: a field's is text; a kept one is masked where it may be personal."""
        if not self.kept:
            return value if isinstance(value, str) else text
        return _safe_value(value) if self.private else value


class Reader:
    """A mapping made ready: compile once, read many records.

    Args:
        mapping: what to hold the records to.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.freezes = "freeze" in mapping.policies()
        self._known = mapping.columns()
        self._constants = {name: value for name, value in mapping.constants.items() if value}
        self._fields = [_rule(name, mapping.column(name), mapping) for name in mapping.fields]
        self._kept = [_rule(name, column, mapping, kept=True) for name, column in mapping.kept().items()]
        self._unfilled = [name for name in mapping.require if name not in mapping.fields]
        self._timing = _timing(mapping, next((rule for rule in self._fields if rule.name == "occurred_at"), None))
        self._layout = lru_cache(maxsize=512)(self._lay_out)

    def read(self, record: MappingType[str, str], now: datetime) -> Taken:
        """Hold a record to the mapping; see `Taken`.

        Args:
            record: column to text; a null is the empty text.
            now: the time of the batch, against which "in the future" is told.
        """
        unknown, absent, findings = self._layout(tuple(record))
        taken = Taken(dict(self._constants), unknown=unknown, findings=list(findings))
        if findings and self.mapping.contract.unknown == "discard_value":
            taken.flags.append("discarded:unknown_field")
        for rule in self._fields:
            value = self._one(rule, record, now, absent, taken)
            if value is not None:
                taken.fields[rule.name] = value
        for name in self._unfilled:
            if not taken.fields.get(name):
                policy: Policy = "freeze" if self.mapping.contract.missing == "freeze" else "discard_row"
                taken.findings.append(_missing(name, policy, f"{_NEEDED}, and maps no column to it"))
        for rule in self._kept:
            value = self._one(rule, record, now, absent, taken)
            if value is not None:
                taken.kept[rule.name] = value
        if "occurred_at" in taken.fields:
            taken.fields["occurred_at"] = self._with_rules(taken.fields["occurred_at"])
        return taken

    def _one(
        self, rule: _Rule, record: MappingType[str, str], now: datetime, absent: frozenset[str], taken: Taken
    ) -> Any:
        """The value of a rule's column, or None; departures are noted in `taken`."""
        value: Any = rule.pick(record)
        if value and rule.check is not None:
            try:
                return rule.take(value, rule.check(value, now))
            except Unfit as unfit:
                if rule.if_bad == "discard_value":
                    taken.flags.append(f"discarded:{rule.name}")
                message = f"field {rule.name}: {kind(value)} of {len(value)} characters; expected {unfit.expected}"
                taken.findings.append(Finding("bad", rule.name, rule.if_bad, unfit.code, message))
                if rule.if_bad != "discard_value":
                    return _safe_value(value) if rule.kept else value
                value = ""
        if value:
            return rule.take(value, value)
        if rule.required and not self._constants.get(rule.name):
            taken.findings.append(_missing(rule.name, rule.if_missing, _NEEDED))
        elif rule.name in absent:
            columns = " or ".join(safe_name(column) for column in rule.columns)
            taken.findings.append(_missing(rule.name, rule.if_missing, f"no column {columns}"))
        else:
            return None
        if rule.if_missing == "discard_value" and f"discarded:{rule.name}" not in taken.flags:
            taken.flags.append(f"discarded:{rule.name}")
        return None

    def _lay_out(self, columns: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str], tuple[Finding, ...]]:
        """(unknown names, rules without any column, findings about unknown names) of records with these columns."""
        there = set(columns)
        unknown = tuple(dict.fromkeys(safe_name(name) for name in columns if name not in self._known))
        absent = frozenset(r.name for r in (*self._fields, *self._kept) if there.isdisjoint(r.columns))
        policy = self.mapping.contract.unknown
        message = "field {}: new; the source's mapping does not name it"
        return (
            unknown,
            absent,
            tuple(Finding("unknown", name, policy, "unknown_field", message.format(name)) for name in unknown),
        )

    def _with_rules(self, value: str) -> str:
        """A time with the rules to read it by, for the stage that places it."""
        return f'{{"value":{json.dumps(value)},{self._timing}'


#: No more than this many values of `keep` are remembered as masked.
_REMEMBERED = 8192

_NEEDED = "missing or empty; the source's mapping requires it"


def _missing(name: str, policy: Policy, what: str) -> Finding:
    code = "empty_text" if name == "text" else "missing_field"
    return Finding("missing", name, policy, code, f"field {name}: {what}")


def _rule(name: str, column: Column, mapping: Mapping, *, kept: bool = False) -> _Rule:
    contract = mapping.contract
    # A plain time column is left to the stage that reads times, whose reasons are the same.
    plain_time = name == "occurred_at" and not kept and not isinstance(mapping.fields[name], Column)
    return _Rule(
        name=name,
        columns=column.columns or column.join,
        joined=bool(column.join),
        required=column.required,
        values=column.values,
        check=None if plain_time and contract.bad == "discard_row" else check(column),
        if_missing=_if_missing(name, column, contract.missing, kept),
        if_bad=column.if_bad
        or ("discard_row" if _must(name, kept) and contract.bad == "discard_value" else contract.bad),
        kept=kept,
        private=column.type in ("text", "phone", "email") and not column.one_of,
    )


def _must(name: str, kept: bool) -> bool:
    """Whether a complaint cannot do without the field's value as the source gave it."""
    return name in ("text", "source_key") and not kept


def _if_missing(name: str, column: Column, general: Policy | None, kept: bool) -> Policy:
    policy = column.if_missing or general or ("discard_row" if column.required else "evolve")
    return "discard_row" if name == "text" and not kept and policy != "freeze" else policy


def _timing(mapping: Mapping, rule: _Rule | None) -> str:
    """The end of the JSON that goes with every time of a mapping; one that was checked is in ISO form already."""
    column = mapping.column("occurred_at") if rule else None
    rules = {
        "timezone": (column.timezone if column else None) or mapping.timezone,
        "dayfirst": bool(column.dayfirst) if column else mapping.dayfirst,
        "formats": list(mapping.time_formats) if rule is None or rule.check is None else [],
    }
    return json.dumps(rules, separators=(",", ":"))[1:]


@lru_cache(maxsize=_REMEMBERED)
def safe_name(name: str) -> str:
    """A column's name; what in it looks like personal data is named by its kind. One word is nobody's name here."""
    return named_by_kind(name[:200], but="" if len(name.split()) > 1 else "PERSON")


@lru_cache(maxsize=_REMEMBERED)
def _safe_value(value: str) -> str:
    """A kept text: its first 200 characters, masked, although it was declared as safe."""
    return named_by_kind(value[:200])


def named_by_kind(text: str, but: str = "") -> str:
    """`text` with each personal value as its kind alone, `<PHONE>`; for messages, where nothing is joined on it.

    Args:
        text: any text.
        but: a kind that stays.
    """
    parts, position = [], 0
    for span in find(text):
        if span.type == but:
            continue
        parts += [text[position : span.start], f"<{span.type}>"]
        position = span.end
    return "".join(parts) + text[position:]


@lru_cache(maxsize=256)
def reader_of(text: str) -> Reader | None:
    """The reader of a mapping that travels as JSON; None where it is none."""
    try:
        return Reader(Mapping.model_validate_json(text))
    except ValueError:
        return None


@lru_cache(maxsize=256)
def reader_by_names(columns: tuple[str, ...]) -> Reader:
    """The reader of records that come without a mapping."""
    return Reader(default_mapping(columns))
