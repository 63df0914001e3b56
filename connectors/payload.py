"""A record's payload as JSON in one form, so that the same content is the same bytes; and keys of bounded length."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

#: Longest key of a record, characters.
_KEY_CHARS = 200


def as_json(values: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON of an object: sorted names, no empty values, lone surrogates replaced."""
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def as_key(given: str) -> str:
    """A source's own id as a key; a long or unprintable one is hashed."""
    plain = 0 < len(given) <= _KEY_CHARS and given.isprintable()
    return given if plain else hashed(given)


def hashed(*parts: str) -> str:
    """A key from what a record consists of; lengths are part of it."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return f"~{digest.hexdigest()[:40]}"
