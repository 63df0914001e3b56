"""Completes what was shed under load: rows marked `degraded` get the full model's vector, category and priority."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.stages import pipeline
from engine.stages.context import Context
from engine.store import filters

log = logging.getLogger("beejan.stream")

#: Where rows wait to be completed; null and empty lists do not.
DEGRADED = "array_length(degraded) > 0"

#: Rows of a commit: few enough that new complaints wait a second at most, enough that Lance keeps few versions.
_ROWS = 256

_READS = ["event_id", "text_hash", "text", "language", "amount", "currency", "occurred_at", "received_at"]


class Completer:
    """Works through degraded rows while there is nothing else to do.

    Args:
        table: a reader of serving.complaints.
        stages: embeds and models rows of what the model stages read, event_id and text_hash.
        put: Writer.complete.
        idle: whether there is nothing else to do.
    """

    def __init__(
        self,
        table: Any,
        stages: Callable[[pa.Table], pa.Table],
        put: Callable[[pa.Table], int],
        idle: Callable[[], bool],
    ) -> None:
        self._table, self._stages, self._put, self._idle = table, stages, put, idle
        self._failed: list[str] = []
        self._nothing_at = -1

    def run(self) -> int:
        """Complete rows until there are none left or there is something else to do; returns how many.

        Raises:
            Transient: a part was away; what was completed stays so.
        """
        done = 0
        while self._idle() and (part := self._next()).num_rows:
            made = self._stages(part)
            well = pc.is_null(made["error_stage"])
            self._leave(made.filter(pc.invert(well)))
            if not self._idle():
                break
            done += self._put(made.filter(well))
        return done

    def _next(self) -> pa.Table:
        version = int(self._table.version)
        if version == self._nothing_at:
            return pa.table({"event_id": pa.array([], pa.string())})
        failed = f" AND event_id NOT IN ({', '.join(map(filters.text, self._failed))})" if self._failed else ""
        found: pa.Table = self._table.search().where(DEGRADED + failed).select(_READS).limit(_ROWS).to_arrow()
        if found.num_rows == 0:
            self._nothing_at = version
        return found

    def _leave(self, failed: pa.Table) -> None:
        """Rows that the stages fail on stay as they are until the next start."""
        for key, code in zip(failed["event_id"].to_pylist(), failed["error_code"].to_pylist(), strict=True):
            log.error("complaint %s stays degraded: %s", key[:12], code)
            self._failed.append(key)


def modelled(rows: pa.Table, context: Context) -> pa.Table:
    """Embed and model rows, for `Writer.complete`."""
    made = pipeline.remodel(rows, context)
    return made.drop_columns(["text", "language", "pipeline_version"])
