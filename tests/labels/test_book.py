"""Against real tables, through the one writer."""

import pytest

from connectors.lance import open_reader
from engine.settings import Settings
from engine.store.writer import Writer
from tests.store.test_writer import envelope, processed

ONE, TWO = envelope("no network since morning", "1"), envelope("wrong bill for May", "2")


def given(sent, *labels, kind="human", labeller="Ada", version="telecom/1"):
    return {
        "event_id": sent.event_id,
        "labels": list(labels),
        "kind": kind,
        "labeller": labeller,
        "taxonomy_version": version,
    }


@pytest.fixture
def writer(tmp_path, context):
    writer = Writer(Settings(data_dir=tmp_path))
    writer.commit(processed(context, ONE, TWO))
    yield writer
    writer.close()


@pytest.fixture
def rows(tmp_path):
    def read():
        found = open_reader(str(tmp_path / "zones" / "governance"), "labels").search().limit(999).to_list()
        return sorted(found, key=lambda row: row["created_at"])

    return read


def test_a_label_is_kept_without_the_text(writer, rows):
    (done,) = writer.put_labels([given(ONE, "network.outage", "billing.overcharge")])
    (row,) = rows()
    assert (done["state"], done["label_id"]) == ("new", row["label_id"])
    assert (row["category"], row["subcategory"]) == ("network", "network.outage")
    assert row["labels"] == ["network.outage", "billing.overcharge"]
    assert row["text_hash"]
    assert "morning" not in str(row)


def test_a_category_alone_has_no_leaf(writer, rows):
    writer.put_labels([given(ONE, "network")])
    assert (rows()[0]["category"], rows()[0]["subcategory"]) == ("network", None)


def test_a_newer_label_supersedes_and_the_older_stays(writer, rows):
    writer.put_labels([given(ONE, "network.outage")])
    (done,) = writer.put_labels([given(ONE, "billing", labeller="Obi")])
    old, new = rows()
    assert done["state"] == "superseded"
    assert (old["labels"], old["labeller"], old["superseded_by"]) == (["network.outage"], "Ada", new["label_id"])
    assert (new["labels"], new["superseded_by"]) == (["billing"], None)


def test_a_label_given_twice_is_kept_once(writer, rows):
    first = writer.put_labels([given(ONE, "network"), given(ONE, "network")])
    again = writer.put_labels([given(ONE, "network")])
    assert [one["state"] for one in first + again] == ["new", "unchanged", "unchanged"]
    assert len(rows()) == 1


def test_two_labels_of_one_complaint_in_a_call_are_a_chain(writer, rows):
    writer.put_labels([given(ONE, "network"), given(ONE, "billing"), given(TWO, "device")])
    current = {row["event_id"]: row["labels"] for row in rows() if row["superseded_by"] is None}
    assert current == {ONE.event_id: ["billing"], TWO.event_id: ["device"]}
    assert len(rows()) == 3


def test_a_complaint_that_is_not_stored_is_told(writer, rows):
    (done,) = writer.put_labels([given(envelope("never sent", "9"), "network")])
    assert done["state"] == "unknown"
    assert rows() == []


def test_what_was_taken_back_leaves_what_stood_before(writer, rows):
    writer.put_labels([given(ONE, "network")])
    writer.put_labels([given(ONE, "billing")])
    assert writer.withdraw_label(ONE.event_id, "Ada")["labels"] == ["network"]
    assert [row["labels"] for row in rows() if row["superseded_by"] is None] == [["network"]]
    assert len(rows()) == 3


def test_a_first_label_taken_back_leaves_none(writer, rows):
    writer.put_labels([given(ONE, "network", kind="audit")])
    assert writer.withdraw_label(ONE.event_id, "Ada")["labels"] == []
    assert writer.withdraw_label(ONE.event_id, "Ada") is None
    (row,) = [row for row in rows() if row["superseded_by"] is None]
    assert (row["category"], row["kind"]) == (None, "human")


def test_the_last_bulk_accept_is_taken_back_together(writer, rows, context):
    def put(*envelopes, kind="bulk", labeller="Ada", name="network"):
        writer.put_labels([given(one, name, kind=kind, labeller=labeller) for one in envelopes])

    sent = [envelope(f"bulk {number}", f"bulk {number}") for number in range(6)]
    writer.commit(processed(context, *sent))
    put(sent[0], kind="human", name="billing")
    put(sent[1])
    put(sent[2], labeller="Bo")
    put(sent[0], sent[3], sent[4], sent[5])
    put(sent[5], kind="human", name="billing")  # looked at since then: it stays

    taken = writer.withdraw_bulk("Ada")

    assert {row["event_id"] for row in taken} == {one.event_id for one in (sent[0], sent[3], sent[4])}
    stand = {row["event_id"]: row["labels"] for row in rows() if row["superseded_by"] is None}
    wanted = [["billing"], ["network"], ["network"], [], [], ["billing"]]
    assert [stand[one.event_id] for one in sent] == wanted
    assert [row["event_id"] for row in writer.withdraw_bulk("Ada")] == [sent[1].event_id]
    assert writer.withdraw_bulk("Ada") == []


def test_a_complaint_of_the_audit_stays_one(writer, rows):
    writer.put_labels([given(ONE, "network", kind="audit")])
    writer.put_labels([given(ONE, "billing", kind="bulk")])
    assert [row["kind"] for row in rows()] == ["audit", "audit"]


def test_labels_outlive_the_writer(writer, rows, tmp_path):
    writer.put_labels([given(ONE, "network")])
    writer.close()
    other = Writer(Settings(data_dir=tmp_path))
    assert other.put_labels([given(ONE, "network")])[0]["state"] == "unchanged"
    other.close()
