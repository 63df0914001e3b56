"""A complaint's passport: from its payload through every stage to the incidents that it fed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from engine.govern.api_keys import Principal
from engine.stages.long_texts import LONG_TEXTS
from engine.stages.model import MODEL, embed_stage
from engine.stages.pipeline import CLEANING
from engine.stages.stage import Stage
from engine.store import filters
from engine.surge import segments
from serve.auth import require, services
from serve.complaints import id_of
from serve.problems import Problem
from serve.services import Services, iso, plain
from serve.shown import shown

router = APIRouter(prefix="/v1", tags=["complaints"])

#: Of the envelope: where it came from, and nothing of what it says.
_ENVELOPE = (
    "event_id", "channel", "source", "source_key", "occurred_at", "received_at", "content_type", "key_id", "mapping",
    "stream_seq",
)  # fmt: skip
#: Long arrays: said to be there, not shown.
_BULK = ("vector", "vector_next", "vector_former", "minhash", "text_map")


@router.get("/complaints/{event_id}/trace")
async def get_trace(
    request: Request, who: Annotated[Principal, Depends(require("analyst", "ml", "ops", "steward"))], event_id: str
) -> dict[str, Any]:
    """What every stage made of a complaint, what it is a duplicate of, where it was counted, which incidents it fed.

    A record that was dead-lettered has a trace too. Payloads are not shown.
    """
    found = await asyncio.to_thread(trace, services(request), event_id)
    if found is None:
        raise Problem(404, f"complaint {event_id[:64]!r}: not found; nothing with this id was received")
    answer: dict[str, Any] = shown(services(request).pii, who.role, found)
    return answer


def trace(served: Services, event_id: str) -> dict[str, Any] | None:
    """The passport for JSON; None where nothing with this id, or this beginning of one, was received."""
    key = id_of(served.raw, event_id)
    if key is None:
        return None
    where = f"event_id = {filters.text(key)}"
    (envelope,) = served.raw.search().where(where).select(list(_ENVELOPE)).limit(1).to_list()
    rows = [_row(table, where) for table in (served.curated, served.complaints)]
    attempts = served.dead.search().where(where).limit(100).to_list()
    row = {**(rows[0] or {}), **(rows[1] or {})}
    return {
        "event_id": key,
        "state": "stored" if rows[1] else "dead_lettered" if attempts else "in progress",
        "envelope": plain({name: envelope[name] for name in _ENVELOPE}),
        "steps": steps(row) if row else [],
        "versions": {name: row.get(name) for name in _VERSIONS} if row else {},
        "duplicates": _duplicates(served.complaints, key, row) if row else None,
        "counted_in": _segments(row, served.settings.surge.bucket_s) if row else [],
        "incidents": [plain(i) for i in _incidents(served, row)] if row else [],
        "dead_letters": [plain(a) for a in sorted(attempts, key=lambda a: a["attempt"])],
    }


_VERSIONS = (
    "pipeline_version", "embedding_model", "embedding_revision", "taxonomy_version", "classifier_version",
)  # fmt: skip


def steps(row: Mapping[str, Any], stages: Sequence[Stage] | None = None) -> list[dict[str, Any]]:
    """Each stage in its order, with the columns it left in the row.

    Args:
        row: curated and serving columns of one complaint.
        stages: those it went through; default the pipeline's.
    """
    found = []
    for stage in stages or (*CLEANING, LONG_TEXTS, embed_stage(1), *MODEL):
        made = {name: _shown(name, row[name]) for name in stage.adds.names if name in row}
        if made:
            found.append({"stage": stage.name, "reads": list(stage.reads), "made": made})
    return found


def _shown(name: str, value: Any) -> Any:
    if name in _BULK:
        return None if value is None else f"{len(value)} values"
    return iso(value)


def _row(table: Any, where: str) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = table.search().where(where).limit(1).to_list()
    return rows[0] if rows else None


def _duplicates(complaints: Any, key: str, row: Mapping[str, Any]) -> dict[str, Any]:
    head = row.get("duplicate_of") or key
    pointing = complaints.search().where(f"duplicate_of = {filters.text(head)}")
    others = pointing.select(["event_id", "duplicate_kind", "duplicate_score"]).limit(200).to_list()
    return {
        "head": head,
        "kind": row.get("duplicate_kind"),
        "score": row.get("duplicate_score"),
        "others": [plain(o) for o in others if o["event_id"] != key],
    }


def _segments(row: Mapping[str, Any], bucket_s: int) -> list[dict[str, Any]]:
    at = _utc(row["occurred_at"])
    bucket = datetime.fromtimestamp(int(at.timestamp()) // bucket_s * bucket_s, UTC)
    return [{"segment": name, "bucket": iso(bucket)} for name in segments.of(dict(row))]


def _incidents(served: Services, row: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    at, mine = _utc(row["occurred_at"]), set(segments.of(dict(row)))
    slack = timedelta(seconds=served.settings.surge.bucket_s)
    for incident in served.incidents.search().limit(100_000).to_list():
        ended = _utc(incident["ended_at"]) + slack if incident["ended_at"] else datetime.max.replace(tzinfo=UTC)
        touched = {incident["segment"], *(incident["related"] or ())} & mine
        if touched and _utc(incident["started_at"]) <= at <= ended:
            shown = {name: incident[name] for name in ("incident_id", "segment", "state", "severity", "started_at")}
            yield shown | {"ended_at": incident["ended_at"], "through": sorted(touched)}


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)
