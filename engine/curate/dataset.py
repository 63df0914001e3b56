"""A micro-batch as a bounded Ray Data pipeline over the stages."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa

from connectors.errors import Transient
from engine.stages import pipeline
from engine.stages.context import Context

#: Rows of a block: several blocks keep cleaning and embedding busy side by side.
_BLOCK_ROWS = 256

#: The time limit of a small block: half of a full one's, but no more than this, s.
_LEAST_LIMIT_S = 20.0

#: Fetching the context, once a worker, has a limit of its own, s.
_FETCH_S = 120.0


class BatchFailed(Exception):
    """A batch that no worker got through, though no part was away: a record in it kills workers."""


def configure() -> None:
    """Quieten Ray Data and bound its retries, once a process."""
    import logging
    import warnings

    import ray.data

    # Without max_retries Ray tries a task that kills its worker for ever; the named parameter does not exist yet.
    warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = 0
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def time_limit(rows: int, limit_s: float) -> float:
    """How long a block may take, s: `limit_s` for a full one, less for a part of it."""
    return max(min(limit_s / 2, _LEAST_LIMIT_S), limit_s * min(rows, _BLOCK_ROWS) / _BLOCK_ROWS)


def run_batch(table: pa.Table, context: Any, now: datetime, *, limit_s: float = 120.0, retries: int = 1) -> list[Any]:
    """Run a micro-batch over the cluster.

    Args:
        table: columns as ENVELOPE_COLUMNS.
        context: an object reference of a Context.
        now: the time of the batch.
        limit_s: a worker that takes longer over a block is ended.
        retries: how often a block whose worker died is tried again.

    Returns:
        References of the processed blocks, in order.

    Raises:
        Transient: a part was away.
        BatchFailed: workers died over it, or were ended.
    """
    import ray

    how = {"reference": context, "now": now, "limit_s": limit_s}
    blocks = [table.slice(start, _BLOCK_ROWS) for start in range(0, table.num_rows, _BLOCK_ROWS)]
    dataset = ray.data.from_arrow(blocks)
    always: dict[str, Any] = {"batch_format": "pyarrow", "batch_size": None, "max_retries": retries}
    try:
        if len(blocks) == 1:
            whole = partial(_process, **how)
            return list(dataset.map_batches(whole, num_cpus=1, **always).to_arrow_refs())
        # Different resources keep the two steps apart, so that cleaning overlaps embedding.
        cleaned = dataset.map_batches(partial(_clean, **how), num_cpus=0.6, **always)
        modelled = cleaned.map_batches(partial(_model, **how), num_cpus=0.4, **always)
        return list(modelled.to_arrow_refs())
    except Exception as error:
        raise _translated(error) from error


def _process(block: pa.Table, reference: Any, now: datetime, limit_s: float) -> pa.Table:
    context = _context(reference, now)
    with _watched(limit_s):
        return pipeline.process(block, context)


def _clean(block: pa.Table, reference: Any, now: datetime, limit_s: float) -> pa.Table:
    context = _context(reference, now)
    with _watched(limit_s):
        return pipeline.clean(block, context)


def _model(block: pa.Table, reference: Any, now: datetime, limit_s: float) -> pa.Table:
    context = _context(reference, now)
    with _watched(limit_s):
        return pipeline.model(block, context)


@contextmanager
def _watched(limit_s: float) -> Iterator[None]:
    """End this worker if it takes longer: a watchdog in C, which a record that hangs in C cannot stop."""
    faulthandler.dump_traceback_later(limit_s, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _context(reference: Any, now: datetime) -> Context:
    with _watched(_FETCH_S):
        return replace(_fetched(reference), now=now)


@lru_cache(maxsize=2)
def _fetched(reference: Any) -> Context:
    import ray

    context: Context = ray.get(reference)
    return context


def _translated(error: BaseException) -> Exception:
    """Ray wraps what a worker raised several times over; a Transient inside means "try again"."""
    seen: BaseException | None = error
    name = type(error).__name__
    for _ in range(8):
        if seen is None:
            break
        if isinstance(seen, Transient):
            return seen
        name = type(seen).__name__
        seen = getattr(seen, "cause", None) or seen.__cause__
    return BatchFailed(name)
