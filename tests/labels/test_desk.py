"""Against real tables, written by the one writer."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from connectors.lance import open_reader
from engine.labels import ring
from engine.labels.concept import propose, terms, threshold
from engine.labels.desk import Desk, for_training, standing
from engine.labels.queue import AUDIT, UNCERTAIN
from engine.settings import LabelSettings, Settings
from engine.store.writer import Writer
from tests.store.test_writer import envelope, processed

TEXTS = [f"no network in the town since {day}" for day in ("monday", "tuesday", "wednesday", "thursday")] + [
    f"you charged me twice for {thing}" for thing in ("data", "calls", "nothing", "roaming")
]
SENT = [envelope(text, str(number)) for number, text in enumerate(TEXTS)]
IDS = [one.event_id for one in SENT]


@pytest.fixture
def office(tmp_path, context):
    settings = Settings(data_dir=tmp_path)
    writer = Writer(settings)
    writer.commit(processed(context, *SENT))
    complaints = open_reader(f"{settings.zones_uri}/serving", "complaints")
    labels = open_reader(f"{settings.zones_uri}/governance", "labels")
    # Received in March 2026: the window has to reach back to there.
    window = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() + 3600 * 24 * 365
    desk = Desk(complaints, labels, LabelSettings(audit_share=0.5, window_s=window, seed=1))
    yield SimpleNamespace(writer=writer, desk=desk, complaints=complaints, labels=labels, window=window)
    writer.close()


def put(office, *pairs, kind="human", **more):
    return office.writer.put_labels(
        [
            {"event_id": key, "labels": [name], "labeller": "Ada", "kind": kind, "taxonomy_version": "telecom/1"} | more
            for key, name in pairs
        ]
    )


def test_each_item_has_its_text_and_its_reason_and_the_audits_hide_the_model(office):
    items = office.desk.next(8)
    assert sorted(item["event_id"] for item in items) == sorted(IDS)
    assert all(item["text"] and item["reason"] for item in items)
    audit = [item for item in items if item["strategy"] == AUDIT]
    assert audit and all(item["category"] is None and item["category_reasons"] is None for item in audit)
    assert all(item["category"] for item in items if item["strategy"] != AUDIT)


def test_what_is_labelled_leaves_the_queue_but_not_the_audit(office):
    put(office, (IDS[0], "network.outage"))
    assert IDS[0] not in {item["event_id"] for item in office.desk.next(9, UNCERTAIN)}
    assert IDS[0] in {item["event_id"] for item in office.desk.next(9, AUDIT)}
    put(office, (IDS[0], "network.outage"), kind="audit")
    assert IDS[0] not in {item["event_id"] for item in office.desk.next(9, AUDIT)}


def test_old_complaints_are_not_asked_for(office):
    assert Desk(office.complaints, office.labels, LabelSettings(window_s=3600)).next(8) == []


def test_a_suspected_label_is_asked_for_until_it_was_looked_at(office, context):
    more = [envelope(f"no network in the town since {day}", f"n{day}") for day in range(9)]
    other = [envelope(f"you charged me twice for {thing}", f"b{thing}") for thing in range(9)]
    office.writer.commit(processed(context, *more, *other))
    put(office, *((one.event_id, "network") for one in more), *((one.event_id, "billing") for one in other[1:]))
    assert office.desk.next(5, "error") == []
    put(office, (other[0].event_id, "network"))
    (item,) = office.desk.next(5, "error")
    assert (item["event_id"], item["reason"]) == (
        other[0].event_id,
        "labelled network, but what is like it is labelled billing",
    )
    assert office.desk.stats(["network", "billing"])["suspected"] == 1
    put(office, (other[0].event_id, "network"), confirm=True)
    assert office.desk.next(5, "error") == []


def test_the_audit_goes_down_the_ring_and_knows_what_it_asked_for(office):
    start = ring.start_of(1, "audit")
    order = sorted(IDS, key=lambda key: (int(key[:16], 16) - start) % 2**64)
    assert [item["event_id"] for item in office.desk.next(8, AUDIT)] == order
    assert office.desk.in_audit([IDS[3], "f" * 64]) == {IDS[3]}


@pytest.mark.parametrize("start", [0, int(IDS[2][:16], 16) + 1, 2**64 - 1])
def test_a_part_of_the_ring_goes_round(office, start):
    order = sorted(IDS, key=lambda key: (int(key[:16], 16) - start) % 2**64)
    # A million complaints are told of, so that a first, small part is widened until it holds three.
    assert ring.first(office.complaints, "event_id >= ''", 10**6, start, 3, {order[1]}) == [order[n] for n in (0, 2, 3)]
    assert ring.first(office.complaints, "event_id >= ''", 10**6, start, 99, set()) == order


def test_neighbours_are_those_of_like_words_without_a_label(office):
    put(office, (IDS[1], "network.outage"))
    found = office.desk.alike(IDS[0], 0.5, 10)
    assert {row["event_id"] for row in found} == set(IDS[2:4])
    assert [row["similarity"] for row in found] == sorted((row["similarity"] for row in found), reverse=True)
    assert office.desk.alike("f" * 64, 0.5, 10) == []
    assert len(office.desk.alike(IDS[0], 0.5, 1)) == 1


def test_a_concept_matches_what_is_like_its_examples(office):
    found = propose(office.desk, "billing.double", [IDS[4], IDS[5]], 10)
    assert {row["event_id"] for row in found["matches"]} == set(IDS[6:])
    assert found["share"] == 0.5 and found["of"] == 8
    assert found["proposal"]["examples"] == TEXTS[4:6]


def test_a_concept_of_one_stored_example_is_none(office):
    assert propose(office.desk, "billing.double", [IDS[4], "f" * 64], 10) == {"found": [IDS[4]]}


def test_the_audit_measures_the_model_that_serves(office):
    served = {row["event_id"]: row for row in office.complaints.search().limit(99).to_list()}
    wrong = "device" if served[IDS[1]]["category"] != "device" else "billing"
    put(office, (IDS[0], served[IDS[0]]["subcategory"]), (IDS[1], wrong), kind="audit")
    put(office, (IDS[2], wrong))
    known = sorted({row["subcategory"] for row in served.values()} | {"device", "billing"})
    found = office.desk.stats(known)
    assert (found["audit"]["category"]["right"], found["audit"]["category"]["of"]) == (1, 2)
    assert (found["labelled"], found["by_kind"]["audit"], found["by_kind"]["human"]) == (3, 2, 1)


def test_no_model_learns_from_the_audit_or_copies_of_it(office):
    put(office, (IDS[0], "network"), kind="audit")
    put(office, (IDS[1], "network"), (IDS[2], "network"))
    history = office.desk.history()
    assert {row["event_id"] for row in for_training(history)} == {IDS[1], IDS[2]}
    copied = [row | {"text_hash": standing(history)[IDS[0]]["text_hash"]} for row in history]
    assert for_training(copied) == []


def test_labels_of_forgotten_complaints_stand_and_break_nothing(office):
    put(office, (IDS[0], "network"), kind="audit")
    put(office, (IDS[1], "network"))
    office.complaints.delete(f"event_id IN ('{IDS[0]}', '{IDS[1]}')")
    assert len(office.desk.next(9)) == 6
    assert office.desk.stats(["network"])["audit"]["gone"] == 1
    assert len(office.desk.history()) == 2


def test_terms_are_words_of_several_examples_that_are_rarer_elsewhere():
    examples = ["the sim swap was refused", "a sim swap since monday", "my swap since friday"]
    others = ["since monday the network is away", "network since friday", "since long", "the bill is wrong"] * 5
    # swap: all three and none of 20; since: in three of four of the others; sim has three letters only.
    assert terms(examples, others) == ["swap"]


def test_the_threshold_lets_every_example_in_by_hand():
    # The third is at 45 degrees to the other two's centre, which are the same.
    vectors = np.array([[1, 0], [1, 0], [0.5**0.5, 0.5**0.5]], dtype=np.float32)
    assert threshold(vectors) == pytest.approx(0.5**0.5, abs=1e-6)
    assert threshold(np.eye(2, dtype=np.float32)) == 0.3
