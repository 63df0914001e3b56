from __future__ import annotations

from typing import cast

import pyarrow as pa

from engine.stages.clean import find_language
from engine.stages.context import Context

SWITCHES = (
    "I was charged twice for the same transaction and nobody has answered any of my messages. "
    "Abeg make una return my money, I no know wetin una dey do with am since morning, e don tire me well well"
)


def test_a_row_gets_its_language_a_confidence_and_the_language_it_switches_to() -> None:
    rows = pa.table({"text": ["babu sadarwa tun jiya da safe", "N5,000", SWITCHES]})

    columns = find_language(rows, cast(Context, None)).columns

    assert columns["language"][:2] == ["hau", "und"]
    assert columns["language_confidence"][0] > 0.9
    assert columns["language_confidence"][1] == 0.0
    assert columns["second_language"][:2] == [None, None]
    assert {columns["language"][2], columns["second_language"][2]} == {"eng", "pcm"}
