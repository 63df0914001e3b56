"""Decode: from the verbatim payload to named fields, by the source's mapping."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pyarrow as pa

from connectors.mapping import Mapping, apply, default_mapping
from engine.intake.envelope import Envelope
from engine.stages.context import Context
from engine.stages.stage import Output, Reject, Stage

Mappings = dict[str, Mapping]

#: What a payload may be; connectors give other types to records they could not read.
_READABLE = ("application/json", "text/plain")

FIELDS = ("occurred_at", "customer_id", "account", "phone", "email", "region", "product", "language")

ADDS = pa.schema([("raw_text", pa.string()), *[(f"field_{name}", pa.string()) for name in FIELDS]])


def decode(rows: pa.Table, context: Context) -> Output:
    """Read each payload: JSON fields through the mapping, plain text as it is.

    Rejects: what the connector marked as defective, JSON that is none, a missing required field, empty
    text, text over `max_text_chars`.
    """
    columns: dict[str, list[str | None]] = {name: [] for name in ADDS.names}
    rejects: dict[int, Reject] = {}
    for index, row in enumerate(rows.to_pylist()):
        result = _decode_row(row, context.max_text_chars, context.mappings)
        if isinstance(result, Reject):
            rejects[index] = result
            result = {}
        columns["raw_text"].append(result.get("text"))
        for name in FIELDS:
            columns[f"field_{name}"].append(result.get(name))
    return Output(columns, rejects)


def _decode_row(row: dict[str, Any], max_text_chars: int, mappings: Mappings) -> dict[str, str] | Reject:
    if row["defect_code"]:
        return Reject(row["defect_code"], row["defect_message"] or "the connector could not read the record")
    fields = _fields(row, mappings)
    if isinstance(fields, Reject):
        return fields
    text = fields.get("text") or ""
    if not any(character.isalnum() for character in text):
        return Reject("empty_text", "field text: no letter or digit in it; expected the complaint's words")
    if len(text) > max_text_chars:
        return Reject(
            "text_too_long",
            f"field text: {len(text)} characters; at most {max_text_chars} are taken. Cut the text, or "
            "raise intake.max_text_chars",
        )
    return fields


def _fields(row: dict[str, Any], mappings: Mappings) -> dict[str, str] | Reject:
    payload: bytes = row["payload"]
    if row["content_type"] not in _READABLE:
        return Reject(
            "unreadable_record",
            f"payload: content type {row['content_type']} is no record; mend the file and ingest it again",
        )
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        return Reject("invalid_encoding", f"payload: not UTF-8 at byte {error.start}; send UTF-8")
    if row["content_type"] != "application/json":
        return {"text": text}
    try:
        body = json.loads(text)
    except ValueError:
        return Reject("bad_json", "payload: not valid JSON; send an object of fields")
    if not isinstance(body, dict):
        return Reject("bad_json", f"payload: expected a JSON object, got {type(body).__name__}")
    values = {str(k): v if isinstance(v, str) else _plain(v) for k, v in body.items() if v is not None}
    mapping = _mapping(row["mapping"], values, mappings)
    if mapping is None:
        return Reject("unknown_mapping", f"mapping {row['mapping'][:60]!r}: not in configs/mappings")
    found = {k: v for k, v in apply(mapping, values).fields.items() if v}
    for name in mapping.require:
        if not found.get(name):
            code = "empty_text" if name == "text" else "missing_field"
            return Reject(code, f"field {name}: missing or empty; the source's mapping requires it")
    return _with_zone(found, mapping)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _mapping(name: str | None, values: dict[str, str], mappings: Mappings) -> Mapping | None:
    if name is None:
        return _by_names(tuple(values))
    return _inline(name) if name.startswith("{") else mappings.get(name)


@lru_cache(maxsize=256)
def _inline(text: str) -> Mapping | None:
    """A mapping that travels with the record; None where it is none."""
    try:
        return Mapping.model_validate_json(text)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _by_names(columns: tuple[str, ...]) -> Mapping:
    return default_mapping(columns)


def _with_zone(fields: dict[str, str], mapping: Mapping) -> dict[str, str]:
    if "occurred_at" not in fields:
        return fields
    rules = {
        "value": fields["occurred_at"],
        "timezone": mapping.timezone,
        "dayfirst": mapping.dayfirst,
        "formats": list(mapping.time_formats),
    }
    return fields | {"occurred_at": json.dumps(rules)}


def preview(envelope: Envelope, max_text_chars: int) -> Reject | None:
    """What decoding would say to a record, without a running engine."""
    names = ("payload", "content_type", "mapping", "defect_code", "defect_message")
    result = _decode_row({name: getattr(envelope, name) for name in names}, max_text_chars, {})
    return result if isinstance(result, Reject) else None


DECODE = Stage(
    name="decode",
    reads=("payload", "content_type", "mapping", "defect_code", "defect_message"),
    adds=ADDS,
    apply=decode,
    drops=("payload", "defect_code", "defect_message"),
)
