import pyarrow as pa
import pytest

from engine.stages.spell import SPELL, spell

TEXT = "i was dissapointed becuase nobody called"


@pytest.mark.parametrize(
    ("language", "confidence", "second", "corrected"),
    [("eng", 0.95, None, True), ("eng", 0.8, None, True), ("eng", 0.79, None, False), ("pcm", 0.99, None, False),
     ("eng", 0.95, "pcm", False), ("und", 0.0, None, False)],
)  # fmt: skip
def test_only_a_text_that_is_surely_english_and_nothing_else_is_corrected(
    context, language, confidence, second, corrected
):
    columns = [pa.array([value], kind) for value, kind in
               ((TEXT, pa.string()), (language, pa.string()), (confidence, pa.float64()), (second, pa.string()))]  # fmt: skip
    found = spell(pa.table(columns, names=list(SPELL.reads)), context).columns["search_text"]
    assert found == [TEXT + "\ndisappointed because" if corrected else TEXT]
