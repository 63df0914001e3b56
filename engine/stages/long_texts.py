"""Tell of long complaints how they are embedded: in several windows, or without their end."""

from __future__ import annotations

import pyarrow as pa

from engine.stages.context import Context
from engine.stages.stage import Output, Stage
from engine.tables import STRINGS
from models.windows import MOST_WINDOWS

#: The vector is the mean of several windows.
WINDOWED = "embedding_windowed"
#: So is it, and what is beyond the last window is not in it; the text itself is stored and found by its words.
CUT = "embedding_cut"


def flag_long_texts(rows: pa.Table, context: Context) -> Output:
    """`quality_flags` with WINDOWED or CUT where the masked text is longer than the model reads at once."""
    windows = context.embeds[0].windows(rows["text"].to_pylist())
    flags = rows["quality_flags"].to_pylist()
    for row, count in enumerate(windows):
        if count > 1:
            flags[row] = [*(flags[row] or []), CUT if count > MOST_WINDOWS else WINDOWED]
    return Output({"quality_flags": flags})


LONG_TEXTS = Stage("long_texts", ("text", "quality_flags"), pa.schema([("quality_flags", STRINGS)]), flag_long_texts)
