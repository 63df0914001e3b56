"""Spell: what search finds a complaint by: its masked text, and corrections of words that are surely misspelt."""

from __future__ import annotations

import pyarrow as pa

from engine.stages.context import Context
from engine.stages.stage import Output, Stage
from models.spelling import corrections

#: How sure it must be that a text is English: Pidgin is not misspelt English.
_SURE = 0.8

READS = ("text", "language", "language_confidence", "second_language")


def spell(rows: pa.Table, context: Context) -> Output:
    """`search_text`: `text`, and on a line of their own the corrections of an English one; `text` stays as it is."""
    texts, *judged = (rows[name].to_pylist() for name in READS)
    english = [code == "eng" and sure >= _SURE and second is None for code, sure, second in zip(*judged, strict=True)]
    pairs = zip(texts, english, strict=True)
    return Output({"search_text": [_search_text(text, context) if sure else text for text, sure in pairs]})


def _search_text(text: str, context: Context) -> str:
    found = corrections(text, context.protected)
    return f"{text}\n{' '.join(dict.fromkeys(found.values()))}" if found else text


SPELL = Stage("spell", READS, pa.schema([("search_text", pa.string())]), spell)
