import numpy as np
import pyarrow as pa

from engine.replay.compare import compare
from engine.tables import STRINGS, TIME

SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        ("text", pa.string()),
        ("confidence", pa.float32()),
        ("category_reasons", STRINGS),
        ("scored_at", TIME),
        ("duplicate_of", pa.string()),
        ("vector", pa.list_(pa.float32(), 2)),
    ]
)


def rows(*changes):
    base = {"event_id": "a", "text": "no network", "confidence": 0.5, "category_reasons": ["like 'x' (0.51)"], "vector": [1.0, 0.0]}  # fmt: skip
    return pa.Table.from_pylist([base | change for change in changes], schema=SCHEMA)


def columns(before, after):
    return [(c.event_id, c.column) for c in compare(before, after)]


def test_the_same_row_is_no_change():
    assert columns(rows({}), rows({})) == []


def test_each_column_that_differs_is_a_change_with_both_values():
    (change,) = compare(rows({}), rows({"text": "no data"}))
    assert (change.event_id, change.column, change.before, change.after) == ("a", "text", "no network", "no data")


def test_last_digits_are_none_but_a_score_that_moves_is():
    assert columns(rows({}), rows({"confidence": 0.5009, "category_reasons": ["like 'x' (0.52)"]})) == []
    assert columns(rows({}), rows({"confidence": 0.51})) == [("a", "confidence")]
    assert columns(rows({}), rows({"category_reasons": ["like 'y' (0.51)"]})) == [("a", "category_reasons")]
    assert columns(rows({"confidence": None}), rows({})) == [("a", "confidence")]


def test_vectors_are_compared_by_their_angle():
    angle = np.arccos(0.9995)
    near, far = [float(np.cos(angle)), float(np.sin(angle))], [0.8, 0.6]
    assert columns(rows({}), rows({"vector": near})) == []
    (change,) = compare(rows({}), rows({"vector": far}))
    assert (change.column, change.after) == ("vector", "cosine 0.8000")


def test_a_vector_that_is_not_a_number_is_a_change():
    assert columns(rows({}), rows({"vector": [float("nan"), 0.0]})) == [("a", "vector")]


def test_what_follows_the_clock_or_other_jobs_is_left_out():
    from datetime import UTC, datetime

    assert columns(rows({}), rows({"scored_at": datetime(2026, 3, 1, tzinfo=UTC), "duplicate_of": "b"})) == []


def test_rows_meet_by_their_id_whatever_their_order():
    before = rows({"event_id": "a"}, {"event_id": "b", "text": "bill"}, {"event_id": "c"})
    after = rows({"event_id": "new"}, {"event_id": "b", "text": "bill!"}, {"event_id": "a"})
    assert columns(before, after) == [("b", "text")]
    assert columns(rows(), after) == []
