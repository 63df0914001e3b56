"""A mapping file: which column is what field, of which type and bounds, and what happens when it is not so."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from connectors.errors import BadMapping

#: The fields of a complaint that a mapping may fill.
FIELDS = (
    "source_key", "text", "occurred_at", "customer_id", "account", "phone", "email", "region", "product", "language",
)  # fmt: skip

#: What happens to a record that departs from the mapping: it is taken as it is; the file is refused before anything
#: is sent (a single record: dead-lettered); the record is dead-lettered; the value is dropped and the row flagged.
Policy = Literal["evolve", "freeze", "discard_row", "discard_value"]

Type = Literal["text", "integer", "number", "boolean", "date", "time", "phone", "email"]

_STRICT = ConfigDict(
    extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True, coerce_numbers_to_str=True
)


class Column(BaseModel):
    """One field in full: where it comes from, what its values are."""

    model_config = _STRICT

    columns: tuple[str, ...] = Field((), alias="from", description="Column, or several of which the first with a value")
    join: tuple[str, ...] = Field((), description="Columns whose values are joined with a line break")
    type: Type = Field("text", description="What a value must be")
    required: bool = Field(False, description="Whether it must be there and not empty")
    formats: tuple[str, ...] = Field((), description="strptime patterns of a date or time; others are then bad")
    timezone: str | None = Field(None, description="IANA zone of times without an offset; default the mapping's")
    dayfirst: bool | None = Field(None, description="Whether 04/05/2026 is 4 May; default the mapping's")
    country: str | None = Field(None, pattern="^[A-Z]{2}$", description="ISO country of phone numbers without +")
    pattern: str | None = Field(None, max_length=500, description="Regular expression for the whole value")
    one_of: tuple[str, ...] = Field((), description="The values there may be, after `values`")
    max_length: int | None = Field(None, ge=1, description="Longest value, characters")
    min: float | str | None = Field(None, description="Smallest number, earliest date or time")
    max: float | str | None = Field(None, description="Largest number, latest date or time")
    values: dict[str, str] = Field(default_factory=dict, description="The source's value: ours")
    if_missing: Policy | None = Field(None, description="What then; default the contract's")
    if_bad: Policy | None = Field(None, description="What then; default the contract's")

    @field_validator("columns", "join", "formats", "one_of", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("min", "max", mode="before")
    @classmethod
    def _date_as_text(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, (date, datetime)) else value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            matcher(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    @model_validator(mode="after")
    def _fits(self) -> Column:
        if self.columns and self.join:
            raise ValueError("give `from` or `join`, not both")
        timed, numeric = self.type in ("date", "time"), self.type in ("integer", "number")
        wrong = [n for n in ("formats", "timezone", "dayfirst") if getattr(self, n) not in (None, ()) and not timed]
        wrong += ["country"] if self.country and self.type != "phone" else []
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: not for type {self.type}")
        for name in ("min", "max"):
            self._bound(name, timed, numeric)
        return self

    def _bound(self, name: str, timed: bool, numeric: bool) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if numeric and isinstance(value, str):
            raise ValueError(f"{name}: expected a number, got {value!r}")
        if timed and not (isinstance(value, str) and _is_time(value)):
            raise ValueError(f"{name}: expected a date or time such as 2026-01-31, got {value!r}")
        if not (timed or numeric):
            raise ValueError(f"{name}: not for type {self.type}")


class Contract(BaseModel):
    """What happens by kind of departure, where a field says nothing of its own."""

    model_config = _STRICT

    unknown: Policy = Field("evolve", description="A column that the mapping does not name")
    missing: Policy | None = Field(None, description="No column, or a required value is empty; see docs/mappings.md")
    bad: Policy = Field("discard_row", description="A value of another type or outside its bounds")


class Mapping(BaseModel):
    """How to read one source.

    A value of `fields` is the name of a column, several that are joined with a line break, or a `Column`.
    """

    model_config = _STRICT

    source: str | None = Field(None, min_length=1, max_length=80, description="Name of the source")
    channel: Literal["social", "call_center", "sms", "web_form", "file"] | None = Field(None)
    fields: dict[str, str | tuple[str, ...] | Column] = Field(description="Complaint field: where it comes from")
    constants: dict[str, str] = Field(default_factory=dict, description="Complaint field: fixed value")
    timezone: str = Field("UTC", description="IANA zone of times without an offset")
    dayfirst: bool = Field(False, description="Whether 04/05/2026 is 4 May")
    time_formats: tuple[str, ...] = Field((), description="strptime patterns; others are then refused")
    require: tuple[str, ...] = Field(("text",), description="Fields that must not be empty")
    keep: tuple[str, ...] | dict[str, Column] = Field((), description="Safe columns whose values stay in metadata")
    ignore: tuple[str, ...] = Field((), description="Columns that are known and not used")
    contract: Contract = Field(
        default_factory=lambda: Contract.model_validate({}), description="What happens by kind of departure"
    )

    @field_validator("fields", mode="before")
    @classmethod
    def _time_is_a_time(cls, value: Any) -> Any:
        when = value.get("occurred_at") if isinstance(value, dict) else None
        return {**value, "occurred_at": {"type": "time", **when}} if isinstance(when, dict) else value

    @field_validator("fields", "constants", "require")
    @classmethod
    def _known(cls, value: Any) -> Any:
        unknown = [name for name in value if name not in FIELDS]
        if unknown:
            raise ValueError(f"unknown field {', '.join(unknown)}; known: {', '.join(FIELDS)}")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return known_zone(value)

    @model_validator(mode="after")
    def _fits(self) -> Mapping:
        for name, column in self.fields.items():
            if isinstance(column, Column) and not (column.columns or column.join):
                raise ValueError(f"fields.{name}: names no column; give `from` or `join`")
        key = self.fields.get("source_key")
        if isinstance(key, Column) and (key.values or key.if_bad == "discard_value"):
            raise ValueError("fields.source_key: the key is taken verbatim; no `values`, no `if_bad: discard_value`")
        when = self.fields.get("occurred_at")
        if isinstance(when, Column) and when.type not in ("date", "time"):
            raise ValueError(f"fields.occurred_at: is a time, not {when.type}")
        return self

    def column(self, name: str) -> Column:
        """A field of `fields` in full, with what the mapping says for all; `occurred_at` is a time."""
        given = self.fields[name]
        match given:
            case str():
                found = Column.model_validate({"from": given})
            case tuple():
                found = Column.model_validate({"join": given})
            case _:
                found = given
        changes: dict[str, Any] = {"required": found.required or name in self.require}
        if name == "occurred_at" and found.type == "text":
            changes["type"] = "time"
        return self._with_time(found.model_copy(update=changes))

    def kept(self) -> dict[str, Column]:
        """The columns of `keep` in full, by the name they have in metadata."""
        if not isinstance(self.keep, dict):
            return {name: Column.model_validate({"from": name}) for name in self.keep}
        return {
            name: self._with_time(
                column if column.columns or column.join else column.model_copy(update={"columns": (name,)})
            )
            for name, column in self.keep.items()
        }

    def _with_time(self, column: Column) -> Column:
        if column.type not in ("date", "time"):
            return column
        return column.model_copy(
            update={
                "formats": column.formats or self.time_formats,
                "timezone": column.timezone or self.timezone,
                "dayfirst": self.dayfirst if column.dayfirst is None else column.dayfirst,
            }
        )

    def columns(self) -> set[str]:
        """Every source column that is known: mapped, kept or ignored."""
        used = [*(self.column(name) for name in self.fields), *self.kept().values()]
        return {name for column in used for name in (*column.columns, *column.join)} | set(self.ignore)

    def policies(self) -> set[Policy]:
        """Every policy that the mapping names."""
        named = [c for c in (*self.fields.values(), *self.kept().values()) if isinstance(c, Column)]
        own = [policy for column in named for policy in (column.if_missing, column.if_bad)]
        general = [self.contract.unknown, self.contract.missing, self.contract.bad]
        return {policy for policy in (*own, *general) if policy is not None}


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        BadMapping: it is missing or wrong; the message names the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadMapping(f"mapping {path}: cannot be read ({type(error).__name__}); see configs/mappings") from error
    try:
        return Mapping.model_validate(values)
    except ValidationError as error:
        raise BadMapping(f"mapping {path}: {_problems(error)}. See docs/mappings.md for examples") from error


def _problems(error: ValidationError) -> str:
    found = []
    for one in error.errors():
        parts = [str(part) for part in one["loc"]]
        where = ".".join(p for p in parts if p not in _SHAPES and not p.startswith(("function-", "dict["))) or "file"
        quote = "; quote yes, no, on and off" if isinstance(one.get("input"), bool) else ""
        if not (one["loc"] and one["loc"][-1] in ("str", "tuple[str, ...]") and isinstance(one.get("input"), dict)):
            found.append(f"{where}: {one['msg'].removeprefix('Value error, ')}{quote}")
    return "; ".join(dict.fromkeys(found))


#: How pydantic names the forms that a value may take, which is no help to a reader.
_SHAPES = ("str", "tuple[str, ...]", "Column")


def source_key(mapping: Mapping, row: MappingType[str, Any]) -> str | None:
    """The source's own key of a record, verbatim but for spaces at its ends; None where it has none.

    It is part of the event id: neither types nor values of the mapping change it.
    """
    match mapping.fields.get("source_key"):
        case None:
            return None
        case str() as name:
            names: tuple[str, ...] = (name,)
        case Column(columns=(_, *_) as candidates):
            names = next(((name,) for name in candidates if str(row.get(name) or "").strip()), ())
        case Column(join=joined):
            names = joined
        case tuple() as joined:
            names = joined
    parts = [str(row[name]).strip() for name in names if str(row.get(name) or "").strip()]
    return ":".join(parts) or None


def known_zone(value: str) -> str:
    """The zone's name, where there is one.

    Raises:
        ValueError: there is none.
    """
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {value!r}; expected an IANA name such as Africa/Lagos") from error
    return value


def matcher(pattern: str) -> Any:
    """What checks a whole value against a pattern, in time linear in the value whatever the pattern.

    The engine behind pydantic is Rust's `regex`: no look-around and no back-references.

    Raises:
        ValueError: the pattern is none.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        return SchemaValidator(core_schema.str_schema(pattern=rf"\A(?:{pattern})\z", regex_engine="rust-regex"))
    except SchemaError as error:
        raise ValueError(f"pattern {pattern!r}: not a regular expression without look-around") from error


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
