"""The pipeline: which stages, in which order, for the stream, backfills, replays and tests alike."""

from __future__ import annotations

import pyarrow as pa

from engine.stages.clean import CLEAN, SEAL
from engine.stages.context import Context
from engine.stages.decode import DECODE
from engine.stages.long_texts import LONG_TEXTS
from engine.stages.model import MODEL, embed_stage
from engine.stages.stage import STATUS, Stage, run

#: On CPU alone: from the payload to masked, normalised rows.
CLEANING: tuple[Stage, ...] = (SEAL, DECODE, *CLEAN)


def clean(table: pa.Table, context: Context) -> pa.Table:
    """Run the cleaning stages; columns in as engine.intake.envelope.ENVELOPE_COLUMNS.

    The payload leaves sealed alone, also that of a record that fails.
    """
    return run(table, CLEANING, context)


def model(table: pa.Table, context: Context) -> pa.Table:
    """Embed cleaned rows and model them."""
    return remodel(run(table, (LONG_TEXTS,), context), context)


def remodel(table: pa.Table, context: Context) -> pa.Table:
    """Embed and model rows again that were flagged when they came."""
    return run(table, (_embed(context), *MODEL), context)


def _embed(context: Context) -> Stage:
    return embed_stage(context.embedder.dimensions, context.following.dimensions if context.following else None)


def process(table: pa.Table, context: Context) -> pa.Table:
    """The whole way in one process."""
    return model(clean(table, context), context)


def refuse(table: pa.Table, context: Context) -> pa.Table:
    """Records that harm whatever touches them: sealed, and failed by their defect, without a stage that looks at them.

    Args:
        table: columns as ENVELOPE_COLUMNS, `defect_code` and `defect_message` set.
        context: for the key.
    """
    sealed = run(table, (SEAL,), context)
    marks = (pa.array([DECODE.name] * table.num_rows, pa.string()), table["defect_code"], table["defect_message"])
    for name, values in zip(STATUS.names, marks, strict=True):
        sealed = sealed.set_column(sealed.column_names.index(name), name, values)
    # No row is left for the stages: they add their columns, empty.
    rest = (stage for stage in CLEANING if stage is not SEAL)
    return run(sealed, (*rest, _embed(context), *MODEL), context)
