"""Against real tables: persons at the commit, kept right when later complaints change them, and under replay."""

import pytest

from connectors.lance import open_reader
from engine.settings import Settings
from engine.store.writer import Writer
from models.pseudonym import identifier
from tests.store.test_writer import envelope, processed


class Store:
    def __init__(self, folder, context):
        self.settings, self.context = Settings(data_dir=folder), context
        self.writer = Writer(self.settings)

    def put(self, *sent):
        self.writer.commit(processed(self.context, *sent))
        self.tidy()

    def tidy(self):
        while self.writer.identity("left"):
            self.writer.identity("tidy")

    def again(self):
        self.writer.close()
        self.writer = Writer(self.settings)

    def replay(self, *sent):
        self.writer.replace(processed(self.context, *sent))
        self.tidy()

    def persons(self, zone="serving"):
        rows = open_reader(f"{self.settings.zones_uri}/{zone}", "complaints").search().limit(999).to_list()
        return {row["source_key"]: row["person_id"] for row in rows}

    def links(self):
        return open_reader(f"{self.settings.zones_uri}/governance", "identity_links").search().limit(999).to_list()

    def id(self, kind, value):
        return identifier(self.context.pseudonym_key, value, kind)

    def unmerge(self, a, b):
        self.writer.identity(
            "decide", [{"a": a, "b": b, "method": "manual", "state": "unmerged", "reasons": ["a mistake"]}]
        )
        self.tidy()


@pytest.fixture
def store(tmp_path, context):
    store = Store(tmp_path, context)
    yield store
    store.writer.close()


CALL = envelope("wrong bill for May", "call", customer_id="C1", phone="0803 123 4567")
SMS = envelope("no network since morning", "sms", phone="+234 803 123 4567")
MAIL = envelope("I want my refund", "mail", email="Ada.Obi@gmail.com", customer_id="C1")


def test_equal_values_link_across_channels_however_written(store):
    store.put(CALL)
    store.put(SMS, MAIL)
    store.put(envelope("still waiting", "mail2", email="adaobi@googlemail.com"))

    assert len(set(store.persons().values())) == 1
    assert store.persons() == store.persons("curated")


def test_a_complaint_that_joins_two_persons_moves_the_stored_rows(store):
    store.put(SMS)
    store.put(envelope("my mail", "mail", email="a@example.com"))
    assert len(set(store.persons().values())) == 2
    store.put(envelope("both", "form", email="a@example.com", phone="08031234567"))

    assert len(set(store.persons().values())) == 1
    assert store.persons() == store.persons("curated")


def test_a_phone_of_two_customers_is_a_conflict_and_links_nobody(store):
    store.put(CALL, SMS)
    store.put(envelope("not me", "other", customer_id="C2", phone="08031234567"))

    persons = store.persons()
    assert persons["sms"] is None
    assert persons["call"] != persons["other"]
    conflicts = [row for row in store.links() if row["state"] == "conflict"]
    phone = store.id("phone", "08031234567")
    assert {row["a"] for row in conflicts} | {row["b"] for row in conflicts} == {
        phone, store.id("customer", "C1"), store.id("customer", "C2"),
    }  # fmt: skip
    assert all("a conflict, it links nobody" in " ".join(row["reasons"]) for row in conflicts)


def test_an_unmerge_holds_over_a_restart_new_complaints_and_a_replay(store):
    store.put(CALL, SMS, MAIL)
    assert len(set(store.persons().values())) == 1
    store.unmerge(store.id("customer", "C1"), store.id("phone", "08031234567"))
    apart = store.persons()
    assert apart["call"] == apart["mail"] != apart["sms"]
    store.again()
    store.put(envelope("again no network", "sms2", phone="08031234567"))
    store.replay(CALL, SMS, MAIL)

    now = store.persons()
    assert now["call"] == now["mail"] == apart["call"]
    assert now["sms"] == now["sms2"] != now["call"]
    assert store.persons("curated") == now


def test_one_complaint_taken_out_of_a_person_leaves_the_rest_together(store):
    other = envelope("somebody borrowed the phone", "sms2", phone="08031234567")
    store.put(CALL, SMS, other)
    store.unmerge(f"event:{other.event_id}", store.id("customer", "C1"))
    store.replay(other, SMS)
    store.again()
    store.tidy()

    persons = store.persons()
    assert persons["call"] == persons["sms"] != persons["sms2"]
    assert persons["sms2"] is not None


def test_the_order_of_complaints_does_not_matter(tmp_path, context):
    sent = [
        CALL, SMS, MAIL, envelope("x one", "5", phone="08031234567", email="b@example.com"),
        envelope("x two", "6", customer_id="C9", email="b@example.com"), envelope("x three", "7", phone="08099999999"),
    ]  # fmt: skip
    found = []
    for name, order in (("a", sent), ("b", sent[::-1]), ("c", sent[3:] + sent[:3])):
        store = Store(tmp_path / name, context)
        for one in order:
            store.put(one)
        found.append(store.persons())
        store.writer.close()
    assert found[0] == found[1] == found[2]


def test_a_redelivered_batch_counts_a_complaint_once(store):
    store.put(CALL)
    store.put(CALL)
    assert [row["complaints"] for row in store.links()] == [1]


def test_a_probable_link_joins_and_a_candidate_does_not(store):
    store.put(SMS, envelope("mail", "mail", email="a@example.com"))
    phone, mail = store.id("phone", "08031234567"), store.id("email", "a@example.com")
    link = {"a": phone, "b": mail, "method": "probabilistic", "score": 0.9, "reasons": ["same name"]}
    store.writer.identity("decide", [link | {"state": "candidate"}])
    store.tidy()
    assert len(set(store.persons().values())) == 2
    store.writer.identity("decide", [link | {"state": "active"}])
    store.tidy()
    assert len(set(store.persons().values())) == 1
    store.unmerge(phone, mail)
    assert store.writer.identity("decide", [link | {"state": "active"}]) == 0
    store.tidy()
    assert len(set(store.persons().values())) == 2


def test_a_commit_that_fails_half_way_and_comes_again_counts_once(store, monkeypatch):
    from connectors.errors import StoreFull

    store.put(CALL)
    real = store.writer._serving.upsert
    monkeypatch.setattr(store.writer._serving, "upsert", lambda *a, **k: (_ for _ in ()).throw(StoreFull("no room")))
    with pytest.raises(StoreFull):
        store.writer.commit(processed(store.context, SMS, MAIL))
    monkeypatch.setattr(store.writer._serving, "upsert", real)
    store.put(SMS, MAIL)

    assert len(set(store.persons().values())) == 1
    phone = store.id("phone", "08031234567")
    found = store.writer.identity("explain", [phone])
    assert [row["complaints"] for row in found] == [1]


def test_a_crash_between_the_two_tables_is_mended_at_the_next_start(store, monkeypatch):
    store.put(SMS, envelope("my mail", "mail", email="a@example.com"))
    store.writer.commit(processed(store.context, envelope("both", "form", email="a@example.com", phone="08031234567")))

    def dies(*args, **more):
        raise RuntimeError("killed")

    monkeypatch.setattr(store.writer._curated, "upsert", dies)
    with pytest.raises(RuntimeError):
        store.writer.identity("tidy")
    store.again()
    store.tidy()
    assert len(set(store.persons().values())) == 1
    assert store.persons() == store.persons("curated")
