"""A stage: a pure function from an Arrow table to the columns it adds, and the runner that keeps rows apart.

One bad row never fails its batch: a stage rejects rows one by one, and where it raises on a batch the
runner tries its rows alone and rejects only those that raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from connectors.errors import Transient
from engine.stages.context import Context

#: Where a row failed; null while it is well.
STATUS = pa.schema([("error_stage", pa.string()), ("error_code", pa.string()), ("error_message", pa.string())])


@dataclass(frozen=True, slots=True)
class Reject:
    """Why a row cannot be processed: a reason code and a message without personal data."""

    code: str
    message: str


@dataclass(slots=True)
class Output:
    """What a stage made of n rows: a column of n values a name, and the rejected rows by position."""

    columns: Mapping[str, Any]
    rejects: dict[int, Reject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the pipeline.

    Args:
        name: the stage's name in dead letters and traces.
        reads: the columns it reads.
        adds: the columns it adds or replaces, with their types.
        apply: the pure function; it may raise on a row it did not foresee.
        drops: columns that nobody reads after it.
    """

    name: str
    reads: tuple[str, ...]
    adds: pa.Schema
    apply: Callable[[pa.Table, Context], Output]
    drops: tuple[str, ...] = ()


def run(table: pa.Table, stages: Sequence[Stage], context: Context) -> pa.Table:
    """Run `stages` in order over `table`.

    Rows keep their order and none is lost: one that failed carries STATUS and nulls in the columns of
    the stages after. An empty table comes back with all columns.

    Raises:
        Transient: a part the stages need is away; the batch as a whole is to be tried again.
    """
    for name in STATUS.names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    for stage in stages:
        table = _run_stage(table.combine_chunks(), stage, context)
    return table


def _run_stage(table: pa.Table, stage: Stage, context: Context) -> pa.Table:
    alive = np.flatnonzero(np.asarray(table["error_stage"].is_null()))
    inputs = table.select(stage.reads).take(pa.array(alive)) if len(alive) else None
    output = _apply(inputs, stage, context) if inputs is not None else Output({n: [] for n in stage.adds.names})
    position = np.full(table.num_rows, -1, dtype=np.int64)
    position[alive] = np.arange(len(alive))
    spread = pa.array(position, mask=position < 0)
    for column in stage.adds:
        values = output.columns[column.name]
        array = values if isinstance(values, pa.Array) else pa.array(values, column.type)
        table = _put(table, column, array.cast(column.type).take(spread))
    table = _mark(table, stage.name, {int(alive[i]): r for i, r in output.rejects.items()})
    return table.drop_columns([name for name in stage.drops if name in table.column_names])


def _apply(inputs: pa.Table, stage: Stage, context: Context) -> Output:
    try:
        return stage.apply(inputs, context)
    except Transient:
        raise
    except Exception:  # any bug in a stage is a row's failure, found below row by row
        if inputs.num_rows > 1:
            return _one_by_one(inputs, stage, context)
    return _raised(inputs, stage, context)


def _raised(inputs: pa.Table, stage: Stage, context: Context) -> Output:
    try:
        return stage.apply(inputs, context)
    except Transient:
        raise
    except Exception as error:
        message = f"stage {stage.name} raised {type(error).__name__} on this record; see its payload"
        return Output({n: [None] for n in stage.adds.names}, {0: Reject("stage_error", message)})


def _one_by_one(inputs: pa.Table, stage: Stage, context: Context) -> Output:
    columns: dict[str, list[pa.Array]] = {name: [] for name in stage.adds.names}
    rejects = {}
    for row in range(inputs.num_rows):
        output = _raised(inputs.slice(row, 1), stage, context)
        for column in stage.adds:
            values = output.columns[column.name]
            array = values if isinstance(values, pa.Array) else pa.array(values, column.type)
            columns[column.name].append(array.cast(column.type))
        if 0 in output.rejects:
            rejects[row] = output.rejects[0]
    return Output({name: pa.concat_arrays(parts) for name, parts in columns.items()}, rejects)


def _put(table: pa.Table, column: pa.Field, array: pa.Array) -> pa.Table:
    if column.name in table.column_names:
        return table.set_column(table.column_names.index(column.name), column, array)
    return table.append_column(column, array)


def _mark(table: pa.Table, stage: str, rejects: Mapping[int, Reject]) -> pa.Table:
    if not rejects:
        return table
    marks = {name: table[name].to_pylist() for name in STATUS.names}
    for row, reject in rejects.items():
        marks["error_stage"][row] = stage
        marks["error_code"][row] = reject.code
        marks["error_message"][row] = reject.message
    for column in STATUS:
        table = _put(table, column, pa.array(marks[column.name], column.type))
    return table
