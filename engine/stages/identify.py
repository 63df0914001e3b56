"""Identify: who a complaint is from, as pseudonyms; which person that is, the writer says (engine.identity)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from engine.stages.context import Context
from engine.stages.stage import Output, Stage
from engine.tables import STRINGS
from models.own import own_values
from models.pii import Masked
from models.pseudonym import identifier

#: Where the identifiers of the mapping's fields are: field -> kind.
_FIELDS = {"customer_id": "customer", "account": "account", "phone": "phone", "email": "email"}

#: Here the sender's id is the network's and no customer number of ours.
_SOCIAL = "social"


def own_identifiers(texts: Sequence[str], masked: Iterable[Masked], context: Context) -> list[list[str]]:
    """Identifiers that senders name as their own in their texts, for `identify`; pseudonyms alone leave the masking."""
    return [
        [
            identifier(context.pseudonym_key, value, kind, context.phone_region)
            for kind, value in own_values(text, m.spans)
        ]
        for text, m in zip(texts, masked, strict=True)
    ]


def identify(rows: pa.Table, context: Context) -> Output:
    """`identifiers`: `kind:pseudonym` of the sender, sorted; of the fields, and of what the text calls its own."""
    names = [f"field_{name}" for name in _FIELDS]
    found = []
    columns = (rows[name].to_pylist() for name in ("channel", "own_identifiers", *names))
    for channel, own, *values in zip(*columns, strict=True):
        kinds = ["handle" if k == "customer" and channel == _SOCIAL else k for k in _FIELDS.values()]
        given = {
            identifier(context.pseudonym_key, value, kind, context.phone_region)
            for kind, value in zip(kinds, values, strict=True)
            if value and any(c.isalnum() for c in value)
        }
        found.append(sorted(given | set(own or ())))
    return Output({"identifiers": found})


IDENTIFY = Stage(
    "identify",
    ("channel", "own_identifiers", *(f"field_{name}" for name in _FIELDS)),
    pa.schema([("identifiers", STRINGS)]),
    identify,
    drops=("own_identifiers",),
)
