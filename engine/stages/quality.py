"""Quality: hold each complaint to the rules of rows; flag those that break one, or keep them out."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from engine.quality.rows import broken
from engine.quality.rules import Contract, RowRule
from engine.stages.context import Context
from engine.stages.stage import Output, Reject, Stage
from engine.tables import STRINGS

READS = (
    "text", "language", "language_confidence", "occurred_at", "received_at", "field_occurred_at", "customer_id",
    "account_id", "region", "product", "channel", "source", "contract_flags", "encoding",
)  # fmt: skip


def note_encoding(rows: pa.Table, context: Context) -> Output:
    """How a text came: clean, mojibake (which `repair` undoes), or with characters lost on the way.

    Mojibake is UTF-8 that was read as Latin-1 or Windows-1252, by far the commonest, where ftfy's `badness` finds
    sequences that no language writes.
    """
    return Output({"encoding": note(rows["raw_text"])})


def note(texts: pa.ChunkedArray) -> list[str]:
    """See `note_encoding`."""
    return [_encoding(text) for text in texts.to_pylist()]


def _encoding(text: str) -> str:
    from ftfy.badness import is_bad

    if text.isascii():
        return "clean"
    if "\ufffd" in text:
        return "replaced"
    return "mojibake" if _MISREAD.search(text) and is_bad(text) else "clean"


#: A lead byte of UTF-8 as Latin-1 shows it, and a continuation byte as Latin-1 or Windows-1252 shows it.
_MISREAD = re.compile(
    r"[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)


def check_quality(rows: pa.Table, context: Context) -> Output:
    """The names of the rules that a row breaks; those of a rule that quarantines reject the row."""
    return judge(rows, context.quality)


def judge(rows: pa.Table, rules: Mapping[str, RowRule]) -> Output:
    """Flags in the order of the rules; a rejected row has the name of the first rule that quarantines it as reason."""
    flags: list[list[str]] = [[] for _ in range(rows.num_rows)]
    rejects: dict[int, Reject] = {}
    for name, rule in rules.items():
        found = np.flatnonzero(broken(rule, rows)).tolist()
        contract = rows["contract_flags"].to_pylist() if found and isinstance(rule, Contract) else None
        for row in found:
            flags[row] += contract[row] if contract else [name]
            if rule.action == "quarantine" and row not in rejects:
                rejects[row] = Reject(name, _message(name, rule))
    return Output({"quality_flags": flags}, rejects)


def _message(name: str, rule: RowRule) -> str:
    column = getattr(rule, "column", "occurred_at" if rule.check == "age" else "the mapping's contract")
    return (
        f"quality rule {name}: {column} fails its check {rule.check}; mend the source, or change the rule and start "
        "the engine again, then retry"
    )


NOTE_ENCODING = Stage("encoding", ("raw_text",), pa.schema([("encoding", pa.string())]), note_encoding)

QUALITY = Stage("quality", READS, pa.schema([("quality_flags", STRINGS)]), check_quality, drops=("encoding",))
