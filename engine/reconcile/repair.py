"""Repair what the reconciler found: from the stream, from raw, and by telling what neither has."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from connectors.nats import publish_retrying
from connectors.nats_server import write_private
from connectors.nats_stream import message
from engine.reconcile.watch import FILE, SEEN, Writer
from engine.settings import Settings

#: Headers that belong to one publication and not to the message.
_OF_JETSTREAM = "Nats-"


async def repair(settings: Settings, js: Any, writer: Writer, *, give_up: bool = False) -> dict[str, Any]:
    """Mend the gaps of the last look; it is safe to do again.

    Args:
        settings: where the data lie.
        js: JetStream context that may read the intake stream and publish to it.
        writer: calls a method of the writer by its name.
        give_up: whether records that are nowhere are not to be reported any more.

    Returns:
        `sent_again` (messages put through the stream again), `volumes_corrected`, `make_again` (event ids of rows
        to be made from raw), `without_payload` (event ids of rows whose payload raw lacks) and `lost` (what has to
        be sent again from its source).
    """
    found = _last(settings)
    by_kind = {gap["kind"]: gap for gap in found["gaps"]}
    sent = 0
    for seq in _each(by_kind.get("skipped", {}).get("sequences", [])):
        sent += await _again(js, settings.nats.stream, seq)
    missing = await asyncio.to_thread(writer, "missing")
    lost = by_kind.get("lost", {"count": 0, "sequences": [], "ids": [], "sources": {}})
    report = {
        "sent_again": sent,
        "volumes_corrected": await asyncio.to_thread(writer, "repair_volumes"),
        "make_again": sorted({*missing["curated"], *missing["serving"]} - set(missing["raw"])),
        "without_payload": missing["raw"],
        "lost": {name: lost[name] for name in ("count", "sequences", "ids", "sources")},
    }
    seen = {"rewound": found["memory"]["rewound"], "given_up": lost["ids"] if give_up else []}
    await asyncio.to_thread(write_private, settings.data_dir / SEEN, json.dumps(seen))
    return report


def _last(settings: Settings) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((settings.data_dir / FILE).read_text())
    except (OSError, ValueError):
        return {"gaps": [], "memory": {"rewound": []}}
    return found


def _each(sequences: list[list[int]]) -> Iterator[int]:
    for low, high in sequences:
        yield from range(low, high + 1)


async def _again(js: Any, stream: str, seq: int) -> bool:
    """Publish a message of the stream once more, as it is; its records are stored once by their event ids."""
    stored = await message(js, stream, seq)
    if stored is None:
        return False
    headers = {name: value for name, value in stored.headers.items() if not name.startswith(_OF_JETSTREAM)}
    identity = f"again:{seq}:{hashlib.sha256(stored.data).hexdigest()[:16]}"
    await publish_retrying(js, stored.subject, stored.data, identity, limit_s=20, headers=headers)
    return True
