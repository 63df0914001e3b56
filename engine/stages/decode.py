"""Decode: from the verbatim payload to named fields, by the source's mapping and its contract."""

from __future__ import annotations

import json
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connectors.mapping import Mapping
from engine.intake.contract import Finding, Reader, Taken, reader_by_names, reader_of
from engine.stages.context import Context
from engine.stages.stage import Output, Reject, Stage
from engine.tables import STRINGS

#: What a payload may be; connectors give other types to records they could not read.
_READABLE = ("application/json", "text/plain")

FIELDS = ("occurred_at", "customer_id", "account", "phone", "email", "region", "product", "language")

ADDS = pa.schema(
    [
        ("raw_text", pa.string()),
        *[(f"field_{name}", pa.string()) for name in FIELDS],
        ("contract_flags", STRINGS),
        ("record_notes", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Mappings:
    """The mappings that a batch may name, each made ready once."""

    named: MappingType[str, Mapping]
    ready: dict[str, Reader | None]

    def find(self, name: str | None, record: MappingType[str, Any]) -> Reader | None:
        """The reader for a record; None where its mapping is unknown."""
        if name is None:
            return reader_by_names(tuple(key for key, value in record.items() if value is not None))
        if name not in self.ready:
            text = name if name.startswith("{") else None
            if text is None and name in self.named:
                text = self.named[name].model_dump_json(exclude_defaults=True)
            self.ready[name] = reader_of(text) if text is not None else None
        return self.ready[name]


def decode(rows: pa.Table, context: Context) -> Output:
    """Read each payload: JSON fields through the mapping, plain text as it is.

    Rejects: what the connector marked as defective, JSON that is none, what the mapping's contract refuses,
    empty text, text over `max_text_chars`. Notes are what raw's metadata gets: the names of unknown fields, and
    the values of those that the mapping keeps; they are there for a rejected record too.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ADDS.names}
    rejects: dict[int, Reject] = {}
    mappings = Mappings(context.mappings, {})
    for index, row in enumerate(rows.to_pylist()):
        taken, reject = decode_row(row, context.max_text_chars, mappings)
        fields = taken.fields if taken and not reject else {}
        if reject:
            rejects[index] = reject
        columns["raw_text"].append(fields.get("text"))
        for name in FIELDS:
            columns[f"field_{name}"].append(fields.get(name))
        columns["contract_flags"].append(taken.flags if taken else [])
        columns["record_notes"].append(notes(taken) if taken else None)
    return Output(columns, rejects)


def decode_row(
    row: MappingType[str, Any], max_text_chars: int, mappings: Mappings
) -> tuple[Taken | None, Reject | None]:
    """What one envelope's columns give, and why it is rejected, if it is; `received_at` is what is now to it."""
    if row["defect_code"]:
        return None, Reject(row["defect_code"], row["defect_message"] or "the connector could not read the record")
    taken = _taken(row, mappings)
    if isinstance(taken, Reject):
        return None, taken
    refusal = taken.refusal
    if refusal is not None:
        return taken, _refused(refusal)
    text = taken.fields.get("text") or ""
    if not any(character.isalnum() for character in text):
        return taken, Reject("empty_text", "field text: no letter or digit in it; expected the complaint's words")
    if len(text) > max_text_chars:
        return taken, Reject(
            "text_too_long",
            f"field text: {len(text)} characters; at most {max_text_chars} are taken. Cut the text, or "
            "raise intake.max_text_chars",
        )
    return taken, None


def _refused(finding: Finding) -> Reject:
    if finding.policy != "freeze":
        return Reject(finding.code, finding.message)
    return Reject("contract_frozen", f"{finding.message}; the mapping freezes it: change the mapping, then retry")


def _taken(row: MappingType[str, Any], mappings: Mappings) -> Taken | Reject:
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
        return Taken({"text": text})
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return Reject("bad_json", "payload: not valid JSON; send an object of fields")
    if not isinstance(body, dict):
        return Reject("bad_json", f"payload: expected a JSON object, got {type(body).__name__}")
    reader = mappings.find(row["mapping"], body)
    if reader is None:
        return Reject("unknown_mapping", f"mapping {row['mapping'][:60]!r}: not in configs/mappings")
    return reader.read({k: v if isinstance(v, str) else _plain(v) for k, v in body.items()}, row["received_at"])


def _plain(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def notes(taken: Taken) -> str | None:
    """What the metadata in raw says of a record beside where it came from; None where there is nothing to say."""
    found: dict[str, Any] = {}
    if taken.unknown:
        found["unknown_fields"] = taken.unknown
    if taken.kept:
        found["kept"] = taken.kept
    return json.dumps(found, ensure_ascii=False) if found else None


DECODE = Stage(
    name="decode",
    reads=("payload", "content_type", "mapping", "received_at", "defect_code", "defect_message"),
    adds=ADDS,
    apply=decode,
    drops=("payload", "defect_code", "defect_message"),
)
