"""From a JSON object that somebody sent to an envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from engine.intake.envelope import CHANNELS, Envelope

#: Keys that describe the envelope and not the complaint.
_ABOUT = ("channel", "source", "source_key", "mapping")


def problems(record: Any) -> list[tuple[str, str]]:
    """What is wrong with the shape of a record: (field, message); content is judged by the stages."""
    if not isinstance(record, Mapping):
        return [("", f"expected a JSON object, got {type(record).__name__}")]
    found = []
    if record.get("mapping") is None and not isinstance(record.get("text"), str):
        found.append(("text", "missing or not a string; it is the complaint's words"))
    channel = record.get("channel")
    if channel is not None and channel not in CHANNELS:
        found.append(("channel", f"{str(channel)[:40]!r} is unknown; expected one of {', '.join(CHANNELS)}"))
    for name in ("source", "id", "source_key", "mapping"):
        value = record.get(name)
        if value is not None and (not isinstance(value, (str, int)) or not 0 < len(str(value)) <= 200):
            found.append((name, "expected a string of 1 to 200 characters"))
    return found


def envelope(
    record: Mapping[str, Any], now: datetime, *, channel: str = "web_form", source: str = "api", key: str | None = None
) -> Envelope:
    """The envelope of a record without `problems`.

    Its `source_key` is the record's `source_key` or `id`, else `key`, else a random one: without any of
    them the same record sent twice is two complaints.

    Args:
        record: the JSON object; keys of ours are taken, others are kept in the payload.
        now: the time of receipt.
        channel: where the record has none.
        source: where the record has none.
        key: e.g. from an Idempotency-Key header.
    """
    about = {name: record[name] for name in _ABOUT if record.get(name) is not None}
    given = about.get("source_key") or record.get("id") or key or f"~{uuid4().hex}"
    body = {name: value for name, value in record.items() if name not in _ABOUT}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Envelope(
        channel=str(about.get("channel", channel)),
        source=clean(str(about.get("source", source))),
        source_key=clean(str(given)),
        payload=clean(text).encode(),
        content_type="application/json",
        received_at=now,
        mapping=about.get("mapping"),
    )


def clean(text: str) -> str:
    """Without lone surrogates, which no UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode()
