"""Retry dead letters: their payloads go through the stream again, as a further attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.govern.crypto import DataKey
from engine.intake.envelope import Envelope


def again(raw: Mapping[str, Any], attempt: int, key: DataKey) -> Envelope:
    """The envelope of a dead letter's record, as attempt `attempt`.

    Args:
        raw: its row of raw.envelopes.
        attempt: 2 or more.
        key: what the payload was sealed with.

    Raises:
        KeyTrouble: the payload cannot be opened.
    """
    return Envelope(
        channel=raw["channel"],
        source=raw["source"],
        source_key=raw["source_key"],
        payload=key.decrypt(raw["payload"], raw["event_id"]),
        content_type=raw["content_type"],
        received_at=raw["received_at"],
        mapping=raw["mapping"],
        metadata=json.loads(raw["metadata"] or "{}"),
        attempt=attempt,
    )
