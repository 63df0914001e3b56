"""Clean: repair the text, place the complaint in time, mask personal data, normalise fields, seal the payload."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pyarrow as pa

from engine.stages.context import Context
from engine.stages.identify import IDENTIFY, own_identifiers
from engine.stages.quality import NOTE_ENCODING, QUALITY
from engine.stages.reference import REFERENCE
from engine.stages.sketch import SKETCH
from engine.stages.spell import SPELL
from engine.stages.stage import Output, Reject, Stage
from engine.tables import OFFSETS, STRINGS, TIME
from models.language import detect
from models.offsets import Map, compose
from models.pii import Masked, mask
from models.pseudonym import pseudonym
from models.text import repair, text_hash
from models.times import BadTime, parse_time


def repair_text(rows: pa.Table, context: Context) -> Output:
    """Undo mojibake, entities, tags and odd Unicode; emoji stay. `repair_map` leads back to the text as given.

    Rejects: a text of which no letter or digit is left.
    """
    done = [repair(text) for text in rows["raw_text"].to_pylist()]
    rejects = {
        index: Reject("empty_text", "field text: markup without a letter or digit; expected the complaint's words")
        for index, one in enumerate(done)
        if one.edits and not any(character.isalnum() for character in one.text)
    }
    return Output({"clean_text": [one.text for one in done], "repair_map": [one.edits for one in done]}, rejects)


def place_in_time(rows: pa.Table, context: Context) -> Output:
    """`occurred_at` in UTC; without one, the time of receipt, which is also what "in the future" is measured by."""
    times: list[datetime | None] = []
    rejects: dict[int, Reject] = {}
    pairs = zip(rows["field_occurred_at"].to_pylist(), rows["received_at"].to_pylist(), strict=True)
    for index, (rules, received) in enumerate(pairs):
        if rules is None:
            times.append(received)
            continue
        try:
            times.append(read_time(json.loads(rules), received))
        except BadTime as error:
            times.append(None)
            rejects[index] = Reject(f"bad_time_{error.code}", f"field occurred_at: {_safe(str(error), context)}")
    return Output({"occurred_at": times}, rejects)


def read_time(given: dict[str, Any], now: datetime) -> datetime:
    """A time that travels with the rules of its mapping.

    Raises:
        BadTime: see models.times.
    """
    return parse_time(
        given["value"], timezone=given["timezone"], dayfirst=given["dayfirst"], formats=given["formats"], now=now
    )


def mask_text(rows: pa.Table, context: Context) -> Output:
    """Personal data out of the text, typed placeholders in; nothing after this stage sees the original.

    `text_map` leads from the masked text to the text as given (models.offsets).
    """
    texts = rows["clean_text"].to_pylist()
    masked = [
        mask(text, context.pseudonym_key, context.pii, channel)
        for text, channel in zip(texts, rows["channel"].to_pylist(), strict=True)
    ]
    repairs = rows["repair_map"].to_pylist()
    return Output(
        {
            "text": [m.text for m in masked],
            "text_map": [compose(_replaced(m), edits) for m, edits in zip(masked, repairs, strict=True)],
            "pii_types": [sorted({span.type for span in m.spans}) for m in masked],
            "text_hash": [text_hash(m.text) for m in masked],
            "own_identifiers": own_identifiers(texts, masked, context),
        }
    )


def _replaced(masked: Masked) -> Map:
    """The map of a masking: a placeholder, or nothing, stands for each span."""
    edits: list[int] = []
    shift = 0
    for span in masked.spans:
        start, old = span.start + shift, span.end - span.start
        found = _PLACEHOLDER.match(masked.text, start)
        new = found.end() - start if found else 0
        edits += (start, new, old)
        shift += new - old
    return tuple(edits)


_PLACEHOLDER = re.compile(r"<[A-Z_]+_[0-9a-f]+>")


def normalise(rows: pa.Table, context: Context) -> Output:
    """Fields in one form: pseudonyms for customer and account, masked region and product."""
    key = context.pseudonym_key
    fields = {name: rows[f"field_{name}"].to_pylist() for name in _NORMALISED}
    customers = [
        next((pseudonym(key, v, kind, context.phone_region) for kind, v in zip(_IDENTITY, who, strict=True) if v), None)
        for who in zip(*(fields[name] for name in _IDENTITY.values()), strict=True)
    ]
    return Output(
        {
            "customer_id": customers,
            "account_id": [pseudonym(key, v, "account") if v else None for v in fields["account"]],
            "region": [_label(v, key) for v in fields["region"]],
            "product": [_label(v, key) for v in fields["product"]],
        }
    )


#: What identifies a customer, the surest first: kind of pseudonym -> field.
_IDENTITY = {"customer": "customer_id", "account": "account", "phone": "phone", "email": "email"}
_NORMALISED = ("customer_id", "account", "phone", "email", "region", "product")


def _label(value: str | None, key: bytes) -> str | None:
    text = " ".join((value or "").split())[:80]
    return mask(text, key).text if text else None


def _safe(message: str, context: Context) -> str:
    return mask(message[:300], context.pseudonym_key).text


def find_language(rows: pa.Table, context: Context) -> Output:
    """The text's language, ISO 639-3, with confidence, and a second one where it switches; `und` for what has none."""
    found = detect(rows["text"].to_pylist())
    return Output(
        {
            "language": [f.code for f in found],
            "language_confidence": [float(f.confidence) for f in found],
            "second_language": [f.second for f in found],
        }
    )


def seal(rows: pa.Table, context: Context) -> Output:
    """Encrypt the payload for raw, before anything can fail: a dead letter keeps its payload too."""
    key = context.data_key
    pairs = zip(rows["payload"].to_pylist(), rows["event_id"].to_pylist(), strict=True)
    return Output({"sealed": [key.encrypt(p, e) for p, e in pairs], "key_id": [key.key_id] * rows.num_rows})


SEAL = Stage(
    "seal",
    ("event_id", "payload"),
    pa.schema([("sealed", pa.binary()), ("key_id", pa.string())]),
    seal,
)

CLEAN = (
    NOTE_ENCODING,
    Stage(
        "repair",
        ("raw_text",),
        pa.schema([("clean_text", pa.string()), ("repair_map", OFFSETS)]),
        repair_text,
        drops=("raw_text",),
    ),
    Stage("times", ("field_occurred_at", "received_at"), pa.schema([("occurred_at", TIME)]), place_in_time),
    Stage(
        "mask",
        ("clean_text", "repair_map", "channel"),
        pa.schema(
            [
                ("text", pa.string()),
                ("text_map", OFFSETS),
                ("pii_types", STRINGS),
                ("text_hash", pa.string()),
                ("own_identifiers", STRINGS),
            ]
        ),
        mask_text,
        drops=("clean_text", "repair_map"),
    ),
    Stage(
        "normalise",
        tuple(f"field_{name}" for name in _NORMALISED),
        pa.schema([(n, pa.string()) for n in ("customer_id", "account_id", "region", "product")]),
        normalise,
    ),
    IDENTIFY,
    REFERENCE,
    Stage(
        "language",
        ("text",),
        pa.schema([("language", pa.string()), ("language_confidence", pa.float32()), ("second_language", pa.string())]),
        find_language,
    ),
    SPELL,
    SKETCH,
    QUALITY,
)
