"""A micro-batch as a bounded Ray Data pipeline over the stages."""

from __future__ import annotations

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


def run_batch(table: pa.Table, context: Any, now: datetime) -> list[Any]:
    """Run a micro-batch over the cluster.

    Args:
        table: columns as ENVELOPE_COLUMNS.
        context: an object reference of a Context.
        now: the time of the batch.

    Returns:
        References of the processed blocks, in order.

    Raises:
        Transient: a part was away.
        BatchFailed: workers died over it.
    """
    import ray

    blocks = [table.slice(start, _BLOCK_ROWS) for start in range(0, table.num_rows, _BLOCK_ROWS)]
    dataset = ray.data.from_arrow(blocks)
    always: dict[str, Any] = {"batch_format": "pyarrow", "batch_size": None, "max_retries": 2}
    try:
        if len(blocks) == 1:
            whole = partial(_process, reference=context, now=now)
            return list(dataset.map_batches(whole, num_cpus=1, **always).to_arrow_refs())
        # Different resources keep the two steps apart, so that cleaning overlaps embedding.
        cleaned = dataset.map_batches(partial(_clean, reference=context, now=now), num_cpus=0.6, **always)
        modelled = cleaned.map_batches(partial(_model, reference=context, now=now), num_cpus=0.4, **always)
        return list(modelled.to_arrow_refs())
    except Exception as error:
        raise _translated(error) from error


def _process(block: pa.Table, reference: Any, now: datetime) -> pa.Table:
    return pipeline.process(block, _context(reference, now))


def _clean(block: pa.Table, reference: Any, now: datetime) -> pa.Table:
    return pipeline.clean(block, _context(reference, now))


def _model(block: pa.Table, reference: Any, now: datetime) -> pa.Table:
    return pipeline.model(block, _context(reference, now))


def _context(reference: Any, now: datetime) -> Context:
    return replace(_fetched(reference), now=now)


@lru_cache(maxsize=2)
def _fetched(reference: Any) -> Context:
    import ray

    context: Context = ray.get(reference)
    return context


def _translated(error: BaseException) -> Exception:
    """Ray wraps what a worker raised several times over; a Transient inside means "try again"."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            break
        if isinstance(seen, Transient):
            return seen
        seen = getattr(seen, "cause", None) or seen.__cause__
    return BatchFailed(f"{type(error).__name__}")
