from datetime import UTC, datetime, timedelta

import pytest

from connectors.lance import open_reader
from engine.search.similar import Incident, incidents, relations, similar
from engine.settings import Settings
from engine.store.writer import Writer
from tests.store.test_writer import envelope, processed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(event_id, **more):
    given = dict.fromkeys(
        ("duplicate_of", "text_hash", "person_id", "customer_id", "cluster_id", "category", "subcategory", "region",
         "channel", "product")
    )  # fmt: skip
    return given | {"event_id": event_id, "occurred_at": NOON} | more


def kinds(other, *, cosine=0.5, near=True, mine=(), **me):
    return list(relations(row("a", **me), other, cosine, near, mine))


def test_each_relation_is_told_from_the_others():
    assert kinds(row("b", text_hash="x"), text_hash="x") == ["probable_duplicate"]
    assert kinds(row("b", duplicate_of="a")) == ["probable_duplicate"]
    assert kinds(row("b"), cosine=0.96) == ["probable_duplicate"]
    assert kinds(row("b", customer_id="c1"), customer_id="c1") == ["same_customer"]
    assert kinds(row("b", person_id="p1"), person_id="p1") == ["same_customer"]
    assert kinds(row("b", cluster_id=3), cluster_id=3) == ["same_topic"]
    assert kinds(row("b", subcategory="billing/wrong"), subcategory="billing/wrong") == ["same_topic"]
    assert kinds(row("b")) == []


def test_noise_is_no_topic_and_a_category_far_away_is_none_either():
    assert kinds(row("b", cluster_id=-1), cluster_id=-1) == []
    assert kinds(row("b", subcategory="x"), near=False, subcategory="x") == []


def test_the_same_incident_is_one_that_both_are_of():
    (one,) = incidents(
        [{"incident_id": "i1", "segment": "region=Kano", "related": None, "started_at": NOON - timedelta(hours=1),
          "ended_at": NOON + timedelta(minutes=1)}],
        300,
    )  # fmt: skip
    assert isinstance(one, Incident)
    assert kinds(row("b", region="Kano"), mine=[one]) == ["same_incident"]
    assert kinds(row("b", region="Lagos"), mine=[one]) == []
    assert kinds(row("b", region="Kano", occurred_at=NOON + timedelta(hours=1)), mine=[one]) == []
    assert kinds(row("b", region="Kano"), near=False, mine=[one]) == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory, context):
    settings = Settings(data_dir=tmp_path_factory.mktemp("similar"))
    writer = Writer(settings)
    texts = {
        "1": "my luggage was lost at the airport and nobody answers the phone",
        "2": "my luggage was lost at the airport and nobody answers the phone",
        "3": "the bill is wrong again",
    }
    people = {"1": "C-1", "3": "C-1"}
    writer.commit(processed(context, *(envelope(t, k, customer_id=people.get(k)) for k, t in texts.items())))
    yield open_reader(f"{settings.zones_uri}/serving", "complaints")
    writer.close()


def test_neighbours_of_a_stored_complaint_come_by_their_strongest_relation(stored):
    ids = {r["source_key"]: r["event_id"] for r in stored.search().select(["source_key", "event_id"]).to_list()}
    found = similar(stored, ids["1"], [])
    assert [(one["source_key"], one["relation"]) for one in found["similar"]] == [
        ("2", "probable_duplicate"),
        ("3", "same_customer"),
    ]
    assert found["counts"] == {"probable_duplicate": 1, "same_incident": 0, "same_customer": 1, "same_topic": 0}
    assert [one["source_key"] for one in similar(stored, ids["1"], [], relation="same_customer")["similar"]] == ["3"]
    assert len(similar(stored, ids["1"], [], limit=1)["similar"]) == 1
    assert similar(stored, "f" * 64, []) is None
