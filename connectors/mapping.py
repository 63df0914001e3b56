"""Field mappings: which field of a source's record is what in a complaint."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from connectors.errors import BadMapping

#: The fields of a complaint that a mapping may fill.
FIELDS = (
    "source_key", "text", "occurred_at", "customer_id", "account", "phone", "email", "region", "product", "language",
)  # fmt: skip

#: Column names taken without a mapping, besides the fields' own.
ALIASES = {
    "id": "source_key",
    "complaint_id": "source_key",
    "ticket": "source_key",
    "complaint": "text",
    "message": "text",
    "body": "text",
    "description": "text",
    "created_at": "occurred_at",
    "timestamp": "occurred_at",
    "date": "occurred_at",
    "account_id": "account",
    "account_number": "account",
    "phone_number": "phone",
    "msisdn": "phone",
    "state": "region",
}


class Mapping(BaseModel):
    """How to read one source.

    A value of `fields` is the name of the source's column, or several that are joined with a line break.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = Field(None, min_length=1, max_length=80, description="Name of the source")
    channel: Literal["social", "call_center", "sms", "web_form", "file"] | None = Field(None)
    fields: dict[str, str | tuple[str, ...]] = Field(description="Complaint field: column, or columns to join")
    constants: dict[str, str] = Field(default_factory=dict, description="Complaint field: fixed value")
    timezone: str = Field("UTC", description="IANA zone of times without an offset")
    dayfirst: bool = Field(False, description="Whether 04/05/2026 is 4 May")
    time_formats: tuple[str, ...] = Field((), description="strptime patterns; others are then refused")
    require: tuple[str, ...] = Field(("text",), description="Fields that must not be empty")

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
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {value!r}; expected an IANA name such as Africa/Lagos") from error
        return value

    def columns(self) -> set[str]:
        """Every source column that is mapped."""
        return {name for value in self.fields.values() for name in _names(value)}


@dataclass(frozen=True, slots=True)
class Mapped:
    """A record by our names, and what was left over."""

    fields: dict[str, str]
    metadata: dict[str, str]


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
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise BadMapping(f"mapping {path}: {problems}. See configs/mappings for examples") from error


def apply(mapping: Mapping, record: MappingType[str, str]) -> Mapped:
    """The record's fields by our names, stripped and without empty ones; the rest is metadata."""
    fields = dict(mapping.constants)
    for name, columns in mapping.fields.items():
        parts = [record[column].strip() for column in _names(columns) if (record.get(column) or "").strip()]
        if parts:
            fields[name] = "\n".join(parts)
    used = mapping.columns()
    return Mapped(fields, {key: value for key, value in record.items() if key not in used and value})


def default_mapping(columns: Iterable[str]) -> Mapping:
    """The mapping of a source whose columns are named like ours (case and spaces aside)."""
    fields: dict[str, str | tuple[str, ...]] = {}
    by_name = {column.strip().casefold().replace(" ", "_"): column for column in columns}
    for name in FIELDS:
        if name in by_name:
            fields[name] = by_name[name]
    for alias, name in ALIASES.items():
        if alias in by_name:
            fields.setdefault(name, by_name[alias])
    return Mapping.model_validate({"fields": fields})


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
