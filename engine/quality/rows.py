"""Which rows break a rule: whole Arrow columns at a time, each rule in time linear in the text."""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.intake.envelope import CHANNELS
from engine.quality.rules import Age, Contract, Length, Number, Pattern, Present, RowRule, Values

#: What the rules call a column, where the stages call it otherwise.
_COLUMNS = {"time_given": "field_occurred_at"}

#: Up to so many letters are searched for rather than counted.
_SEARCHED = 100


def broken(rule: RowRule, rows: pa.Table) -> NDArray[np.bool_]:
    """(n,) bool: the rows that break `rule`.

    A row without a value breaks no rule but `present`; a row of a channel that the rule is not for breaks none.

    Args:
        rule: what to hold them to.
        rows: the columns of engine.stages.quality.READS.
    """
    wrong = pc.fill_null(_broken(rule, rows), False)
    if set(rule.channels) != set(CHANNELS):
        wrong = pc.and_(wrong, pc.is_in(rows["channel"], pa.array(rule.channels, pa.string())))
    return np.asarray(wrong).astype(bool)


def _broken(rule: RowRule, rows: pa.Table) -> Any:
    match rule:
        case Contract():
            return pc.greater(pc.list_value_length(rows["contract_flags"]), 0)
        case Present():
            return pc.is_null(_column(rows, rule.column))
        case Values():
            column = _column(rows, rule.column)
            found = pc.is_in(column, pa.array(rule.any_of or rule.none_of, pa.string()))
            return pc.and_(pc.is_valid(column), pc.invert(found) if rule.any_of else found)
        case Length():
            column = _column(rows, rule.column)
            if rule.count == "characters":
                return _outside(pc.utf8_length(column), rule.least, rule.most)
            if rule.most is None and rule.least <= _SEARCHED:  # a search ends at the last letter it needs
                return pc.invert(pc.match_substring_regex(column, rf"\p{{L}}(?:\P{{L}}*\p{{L}}){{{rule.least - 1}}}"))
            return _outside(pc.count_substring_regex(column, r"\p{L}"), rule.least, rule.most)
        case Pattern():
            column = _column(rows, rule.column)
            if rule.matches is not None:
                return pc.invert(pc.match_substring_regex(column, rule.matches))
            return pc.match_substring_regex(column, rule.lacks)
        case Number():
            return _outside(rows[rule.column], rule.least, rule.most)
        case Age():
            passed = pc.subtract(_micros(rows["received_at"]), _micros(rows["occurred_at"]))
            low = None if rule.ahead_s is None else -int(rule.ahead_s * 1e6)
            return _outside(passed, low, None if rule.most_s is None else int(rule.most_s * 1e6))
        case _:
            assert_never(rule)


def _column(rows: pa.Table, name: str) -> pa.ChunkedArray:
    return rows[_COLUMNS.get(name, name)]


def _micros(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.int64())


def _outside(values: Any, least: float | None, most: float | None) -> Any:
    low = pc.less(values, least) if least is not None else None
    high = pc.greater(values, most) if most is not None else None
    return low if high is None else high if low is None else pc.or_(low, high)
