"""The endpoints over real tables; the writer is called in this process."""

import asyncio
from types import SimpleNamespace

import pytest

from engine.taxonomy import local
from serve import taxonomies
from serve.problems import Problem
from tests.conftest import HashEmbedder
from tests.taxonomy.test_apply import AFTER_MAPPED, MAPPED, SPLIT, Shop


@pytest.fixture
def shop(tmp_path, context, monkeypatch):
    made = Shop(tmp_path, context)

    def writer_call(method, *arguments, limit_s):
        return getattr(made.writer, method)(*arguments)

    monkeypatch.setattr(local.actors, "writer_call", writer_call)
    monkeypatch.setattr(local, "_IN_HAND_S", 0.0)
    monkeypatch.setattr(local, "_TAKEN_S", 0.0)
    monkeypatch.setattr(local, "noted", lambda folder: {"taxonomy_version": "shop/2"})
    services = SimpleNamespace(settings=made.settings, embedder=HashEmbedder())
    made.request = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(services=services)))
    made.put(*[f"mobile internet crawls {n}" for n in range(4)], "charged twice money 1", "charged twice money 2")
    made.put(*[f"refund pending weeks {n}" for n in range(4)], *[f"hello there {n}" for n in range(5)])
    yield made
    made.writer.close()


def ask(question):
    return asyncio.run(question)


def change(shop, mode, data=MAPPED):
    return ask(taxonomies.post_change(shop.request, taxonomies.NewChange(mode=mode, change=data)))


def test_a_change_is_planned_and_applied_and_its_versions_are_told(shop):
    assert change(shop, "plan")["affected"] == 13
    assert ask(taxonomies.get_taxonomies(shop.request))["current"] == "1"
    assert change(shop, "apply")["mapped"] == 15
    assert shop.leaves() == AFTER_MAPPED
    found = ask(taxonomies.get_taxonomies(shop.request))
    assert (found["current"], [one["version"] for one in found["versions"]]) == ("2", ["1", "2"])
    tree = ask(taxonomies.get_taxonomy(shop.request, "current"))
    assert [one["id"] for one in tree["categories"]] == ["web", "bill"]
    walk = ask(taxonomies.get_crosswalk(shop.request, "1", "current"))
    assert (walk["to"], walk["shares"]["net.slow"], walk["estimated"]) == ("2", {"web.slow": 1.0}, [])
    told = ask(taxonomies.get_version_trends(shop.request, "1", "category", 86_400, None, None))
    assert told["series"] == {"bill": [6], "net": [4], "other": [5]}
    assert (told["breaks"][0]["end"], told["breaks"][0]["begin"]) == (["net", "other"], ["web"])


def test_what_cannot_be_is_told_with_its_status(shop):
    for question, status in (
        (taxonomies.get_taxonomy(shop.request, "9"), 404),
        (taxonomies.get_crosswalk(shop.request, "1", "9"), 404),
        (taxonomies.post_change(shop.request, taxonomies.NewChange(mode="plan", change=SPLIT | {"from": "7"})), 422),
        (taxonomies.post_change(shop.request, taxonomies.NewChange(mode="plan", change={"to": "2"})), 422),
    ):
        with pytest.raises(Problem) as raised:
            ask(question)
        assert raised.value.status == status


def test_two_applications_do_not_run_at_once(shop):
    with local._alone(shop.settings), pytest.raises(Problem) as raised:
        change(shop, "apply")
    assert raised.value.status == 409


def test_a_stream_that_does_not_take_the_version_is_told_and_it_goes_on_later(shop, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(local, "noted", lambda folder: {"taxonomy_version": "shop/1"})
        with pytest.raises(Problem, match="does not classify by shop/2") as raised:
            change(shop, "apply")
    assert raised.value.status == 503
    assert ask(taxonomies.get_taxonomies(shop.request))["versions"][1]["state"] == "live"
    assert change(shop, "apply")["state"] == "done"
    assert shop.leaves() == AFTER_MAPPED
