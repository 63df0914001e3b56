"""The endpoints over real files and tables; Ray is not there, so nothing is being scored."""

import asyncio
from types import SimpleNamespace

import pytest

from connectors.lance import open_reader
from engine.govern.api_keys import Principal
from engine.intake.envelope import Envelope, to_table
from engine.registry.promote import challenge
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from serve import models
from serve.models import Comparison, Promotion, Rollback, Text
from serve.problems import Problem
from tests.conftest import NOW, HashEmbedder
from tests.registry.test_promote import train

ADA = Principal("k1", "ada", "ml")


@pytest.fixture
def shop(tmp_path, context, monkeypatch):
    settings = Settings(data_dir=tmp_path)
    train(settings, "1", ["billing.refund", "network.outage"])
    writer = Writer(settings)
    sent = Envelope("sms", "test", "1", b"no network", "text/plain", NOW)
    writer.commit(process(to_table([(sent.event_id, sent, 1)]), context))
    writer.close()
    monkeypatch.setattr(models.job, "status", lambda: {"state": "idle"})
    complaints = open_reader(f"{settings.zones_uri}/serving", "complaints")
    services = SimpleNamespace(settings=settings, embedder=HashEmbedder(), complaints=complaints)
    return SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(services=services)), settings=settings)


def ask(question):
    return asyncio.run(question)


def labelled(count):
    texts = [("refund money charged twice", "billing.refund"), ("slow internet no data", "network.outage")]
    return [Text(text=f"{text} {n}", label=label) for n in range(count) for text, label in texts]


def test_without_a_proof_a_promotion_is_a_409_and_the_list_is_as_it_was(shop):
    with pytest.raises(Problem) as raised:
        ask(models.post_promote(shop, "complaints", "1", Promotion(), ADA))
    assert raised.value.status == 409
    assert "no held-out labels" in str(raised.value.detail)
    assert ask(models.get_models(shop))["champion"] == "zero-shot/1"


def test_a_proof_promotes_and_the_way_back_is_one_call(shop):
    found = ask(models.post_promote(shop, "complaints", "1", Promotion(labelled=labelled(40)), ADA))
    assert (found["champion"]["to"], found["by"], found["report"]["of"]) == ("1", "ada (k1)", 80)
    assert ask(models.get_models(shop))["champion"] == "complaints/1"
    ask(models.post_rollback(shop, "complaints", Rollback(reason="worse"), ADA))
    listed = ask(models.get_models(shop))
    assert (listed["champion"], [one["id"] for one in listed["models"]]) == ("zero-shot/1", ["complaints/1"])
    shown = ask(models.get_model(shop, "complaints", "1"))
    assert [one["action"] for one in shown["decisions"]] == ["promote", "rollback"]


def test_a_challenger_is_shown_with_its_shadow(shop):
    challenge(shop.settings, "1", by="ada")
    shown = ask(models.get_model(shop, "complaints", "1"))
    assert (shown["role"], shown["shadow"]["champion"], shown["shadow"]["of"]) == ("challenger", "zero-shot/1", 0)
    assert ask(models.post_compare(shop, "complaints", "1", Comparison(), ADA))["shadow"]["of"] == 0


def test_what_is_not_there_is_a_404(shop):
    for question in (
        models.get_model(shop, "complaints", "9"),
        models.get_model(shop, "../keys", "1"),
        models.post_rollback(shop, "other", Rollback(), ADA),
        models.post_rollback(shop, "complaints", Rollback(), ADA),
    ):
        with pytest.raises(Problem) as raised:
            ask(question)
        assert raised.value.status == 404


def test_what_is_left_to_be_scored_is_told(shop):
    from engine.curate.live import note

    run = shop.settings.data_dir / "run"
    run.mkdir(exist_ok=True)
    note(shop.settings.data_dir, SimpleNamespace(classifier_version="complaints/1", taxonomy_version="telecom/1"))
    told = ask(models.get_models(shop))["state"]
    assert (told["classifier_version"], told["due"], told["rescoring"]) == ("complaints/1", 1, True)
