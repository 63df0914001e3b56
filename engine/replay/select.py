"""Which records of raw a replay takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from connectors.errors import Terminal
from engine.store import filters

#: Records that go through together.
BATCH_ROWS = 1024


class BadSelection(Terminal):
    """A selection that can hold nothing."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Bounds that all have to be met; without any, everything.

    Args:
        since: received at this time or later.
        until: received before this time.
        from_seq: of this stream sequence or a later one.
        to_seq: of this stream sequence or an earlier one.
        channel: of this channel.
        source: of this source.
        ids: of these event ids.
    """

    since: datetime | None = None
    until: datetime | None = None
    from_seq: int | None = None
    to_seq: int | None = None
    channel: str | None = None
    source: str | None = None
    ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since >= self.until:
            raise BadSelection(f"since {self.since.isoformat()} is not before until {self.until.isoformat()}")
        if self.from_seq is not None and self.to_seq is not None and self.from_seq > self.to_seq:
            raise BadSelection(f"from_seq {self.from_seq} lies after to_seq {self.to_seq}")

    def where(self) -> str | None:
        """The condition on raw.envelopes but for `ids`, or None."""
        parts = []
        if self.since:
            parts.append(f"received_at >= {filters.moment(self.since)}")
        if self.until:
            parts.append(f"received_at < {filters.moment(self.until)}")
        if self.from_seq is not None:
            parts.append(f"stream_seq >= {int(self.from_seq)}")
        if self.to_seq is not None:
            parts.append(f"stream_seq <= {int(self.to_seq)}")
        parts += [f"{name} = {filters.text(v)}" for name in ("channel", "source") if (v := getattr(self, name))]
        return " AND ".join(parts) or None

    def public(self) -> dict[str, Any]:
        """What is set, for JSON."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value is not None and name != "ids"
        }


def event_ids(raw: Any, selection: Selection) -> list[str]:
    """The event ids of a selection in the order of the stream.

    Args:
        raw: a reader of raw.envelopes.
        selection: what to take.
    """
    query = raw.search().select(["event_id", "stream_seq"])
    condition = selection.where()
    rows = (query.where(condition) if condition else query).limit(2**31 - 1).to_arrow()
    ordered = rows.sort_by([("stream_seq", "ascending"), ("event_id", "ascending")])["event_id"].to_pylist()
    if selection.ids is None:
        return list(ordered)
    wanted = set(selection.ids)
    return [event_id for event_id in ordered if event_id in wanted]


def batches(ids: list[str], size: int = BATCH_ROWS) -> Iterator[list[str]]:
    """Parts of at most `size`, in order."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def listed(ids: list[str]) -> str:
    """`event_id IN (…)`."""
    return f"event_id IN ({', '.join(filters.text(event_id) for event_id in ids)})"
