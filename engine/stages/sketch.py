"""Sketch: what near-duplicates are found by, made where there are many processors, so that the writer only compares."""

from __future__ import annotations

import pyarrow as pa

from engine.stages.context import Context
from engine.stages.stage import Output, Stage
from models import near_duplicates


def sketch(rows: pa.Table, context: Context) -> Output:
    """`minhash`: the signature, little-endian uint32; `shingles`: for the writer, stored in no table."""
    made = near_duplicates.sketch(rows["text"].to_pylist())
    return Output(
        {
            "minhash": [row.astype("<u4").tobytes() for row in made.signatures],
            "shingles": [one.astype("<u4").tobytes() for one in made.shingles],
        }
    )


SKETCH = Stage("sketch", ("text",), pa.schema([("minhash", pa.binary()), ("shingles", pa.binary())]), sketch)
