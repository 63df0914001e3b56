"""The endpoints over real tables; the writer is called in this process."""

import asyncio
from types import SimpleNamespace

import pytest

from connectors.lance import open_reader
from engine.govern.api_keys import Principal
from serve import identity
from serve.problems import Problem
from tests.store.test_persons import CALL, MAIL, SMS, Store

WHO = Principal("k1", "steward Ada", "steward")


@pytest.fixture
def served(tmp_path, context, monkeypatch):
    store = Store(tmp_path, context)

    async def call(method, *arguments):
        return getattr(store.writer, method)(*arguments)

    monkeypatch.setattr(identity, "call", call)
    monkeypatch.setattr(identity.job, "tidy", store.tidy)
    services = SimpleNamespace(complaints=open_reader(f"{store.settings.zones_uri}/serving", "complaints"))
    store.request = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(services=services)))
    store.put(CALL, SMS, MAIL)
    yield store
    store.writer.close()


def ask(question):
    return asyncio.run(question)


def test_a_person_is_listed_and_told_with_every_link(served):
    (row,) = ask(identity.get_persons(served.request, 2, 50, 0))["persons"]
    assert (row["complaints"], row["channels"]) == (3, ["sms"])
    found = ask(identity.get_person(served.request, row["person_id"]))
    assert {name.partition(":")[0] for name in found["identifiers"]} == {"customer", "phone", "email"}
    assert [(link["state"], link["reasons"]) for link in found["links"]] == [
        ("active", ["together in 1 complaint"]),
        ("active", ["together in 1 complaint"]),
    ]


def test_an_identifier_is_taken_out_of_a_person_and_put_back(served):
    (row,) = ask(identity.get_persons(served.request, 2, 50, 0))["persons"]
    phone = served.id("phone", "08031234567")
    wanted = identity.Decision(a=row["person_id"], b=phone, reason="a shop's")
    done = ask(identity.post_unmerge(served.request, wanted, WHO))
    assert served.persons()["sms"] != served.persons()["call"] == served.persons()["mail"]
    explained = ask(identity.get_explanation(served.request, phone))
    by_hand = next(link for link in explained["links"] if link["method"] == "manual")
    assert (by_hand["decided_by"], by_hand["reasons"]) == ("steward Ada", ["told apart by hand: a shop's"])

    ask(identity.post_confirm(served.request, identity.Decision(a=done["link_id"]), WHO))
    assert len(set(served.persons().values())) == 1


def test_a_complaint_is_taken_out_of_a_person(served):
    person = served.persons()["sms"]
    ask(identity.post_unmerge(served.request, identity.Decision(a=SMS.event_id[:12], b=person), WHO))
    assert served.persons()["sms"] != served.persons()["call"] == served.persons()["mail"]
    assert ask(identity.get_explanation(served.request, SMS.event_id[:12]))["person_id"] == served.persons()["sms"]


@pytest.mark.parametrize(
    ("a", "b", "status"),
    [("nobody", "x", 422), ("phone:0123456789abcdef", None, 422), ("link_0123456789abcdef", None, 404),
     ("person_0123456789abcdef", "phone:0123456789abcdef", 404), ("0123456789abcdef", "phone:0123456789abcdef", 404),
     ("phone:0123456789abcdef", "phone:0123456789abcdef", 422)],
)  # fmt: skip
def test_what_cannot_be_decided_is_told(served, a, b, status):
    with pytest.raises(Problem) as told:
        ask(identity.post_unmerge(served.request, identity.Decision(a=a, b=b), WHO))
    assert told.value.status == status


def test_a_person_that_is_not_there_is_not_found(served):
    with pytest.raises(Problem) as told:
        ask(identity.get_person(served.request, "person_0123456789abcdef"))
    assert told.value.status == 404
