import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from engine.features import FEATURES, VERSION, compute
from engine.features.compute import READS, condition
from engine.settings import ROOT
from engine.tables import CUSTOMERS, serving

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
SCHEMA = pa.schema([serving(4).schema.field(name) for name in READS])


def complaint(days, customer="c1", late=0.0, **more):
    at = AS_OF - timedelta(days=days)
    row = {
        "customer_id": customer, "occurred_at": at, "received_at": at + timedelta(days=late), "scored_at": at,
        "category": "network", "priority": "P3", "priority_score": 0.5, "channel": "sms",
    }  # fmt: skip
    return row | more


def made(*rows, known="received"):
    found = compute(pa.Table.from_pylist(list(rows), schema=SCHEMA), AS_OF, known).to_pylist()
    return {row["customer_id"]: row for row in found}


def test_windows_priorities_and_categories_are_counted():
    one = made(
        complaint(1, priority="P1", priority_score=1.0),
        complaint(6.99, category="billing"),
        complaint(7, repeat_of="x"),
        complaint(40, category=None, channel="social"),
        complaint(100),
    )["c1"]
    assert [one[f"complaints_{days}d"] for days in (7, 30, 90)] == [2, 3, 4]
    assert [one["p1_7d"], one["p3_7d"], one["p3_90d"], one["p2_90d"]] == [1, 1, 3, 0]
    assert json.loads(one["categories_90d"]) == {"network": 2, "billing": 1, "none": 1}
    assert (one["repeats_7d"], one["repeats_30d"], one["channels_90d"], one["complaints_ever"]) == (0, 1, 2, 5)
    assert (one["share_p1_90d"], one["severity_max_90d"], one["severity_mean_7d"]) == (0.25, 1.0, 0.75)
    assert (round(one["days_since_last"], 6), round(one["days_since_first"], 6)) == (1, 100)
    assert (one["as_of"], one["dictionary_version"], one["rescored_share"]) == (AS_OF, VERSION, 0)


def test_a_resend_is_no_complaint_more():
    one = made(complaint(2), complaint(1, duplicate_kind="resend"))["c1"]
    assert (one["complaints_7d"], one["resends_7d"], one["p3_7d"]) == (1, 1, 1)


def test_what_was_not_known_then_changes_nothing():
    rows = [complaint(5), complaint(20, late=3)]
    later = [complaint(-1), complaint(10, late=20), complaint(3, late=3.01), complaint(1, "c2", late=2)]
    assert made(*rows, *later) == made(*rows)


def test_complaints_of_another_system_are_known_when_they_occurred():
    rows = [complaint(5, late=100), complaint(-1, late=100)]
    assert made(*rows) == {}
    assert made(*rows, known="occurred")["c1"]["complaints_7d"] == 1


def test_scores_that_are_newer_than_the_point_in_time_are_told():
    one = made(complaint(5), complaint(4, scored_at=AS_OF + timedelta(days=1)))["c1"]
    assert one["rescored_share"] == 0.5


def test_customers_are_apart_and_complaints_without_one_are_nobodys():
    found = made(complaint(1, "b"), complaint(200, "a"), complaint(1, None))
    assert list(found) == ["a", "b"]
    assert (found["a"]["complaints_90d"], found["a"]["share_p1_90d"], found["a"]["severity_mean_90d"]) == (
        0,
        None,
        None,
    )


def test_the_table_has_what_is_computed():
    rows = compute(pa.Table.from_pylist([complaint(1)], schema=SCHEMA), AS_OF)
    assert rows.schema.names == CUSTOMERS.schema.names
    assert rows["feature_id"].to_pylist() == ["c1@2026-03-31T00:00:00.000000Z"]
    rows.cast(CUSTOMERS.schema)


@pytest.mark.parametrize("known", ["received", "occurred"])
def test_the_stores_condition_leaves_out_the_same(known, tmp_path):
    import lance

    rows = [complaint(5), complaint(10, late=20), complaint(-1), complaint(1, None)]
    lance.write_dataset(pa.Table.from_pylist(rows, schema=SCHEMA), str(tmp_path / "x.lance"))
    read = lance.dataset(str(tmp_path / "x.lance")).to_table(filter=condition(AS_OF, known))
    assert {row["customer_id"]: row for row in compute(read, AS_OF, known).to_pylist()} == made(*rows, known=known)


def test_the_dictionary_is_in_the_docs():
    text = (ROOT / "docs" / "features.md").read_text()
    for feature in FEATURES:
        assert f"| `{feature.name}` | {feature.type} | {feature.meaning} |" in text
