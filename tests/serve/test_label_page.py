"""The pages to label on, as HTML."""

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serve.console.pages import router
from tests.serve.test_console import ROW, Fake

EVENT = ROW["event_id"]
SHARE = {"right": 17, "of": 20, "share": 0.85, "low": 0.6396, "high": 0.9476}
NONE = {"right": 0, "of": 0, "share": None, "low": 0.0, "high": 1.0}


class Labelling(Fake):
    role = "ml"
    strategy = "uncertain"
    left = True

    def __init__(self):
        super().__init__()
        self.done, self.taken_back = [], []

    async def label_choices(self):
        leaves = [{"id": f"network.{n}", "name": n, "description": f"<{n}>"} for n in ("outage", "slow")]
        return [
            {"id": "network", "name": "Network", "leaves": leaves},
            {"id": "billing", "name": "Billing", "leaves": []},
        ]

    def item(self):
        hidden = dict.fromkeys(("category", "subcategory", "confidence", "category_reasons"))
        row = ROW | {"strategy": self.strategy, "reason": "the model is <unsure>"}
        return row | (hidden if self.strategy == "audit" else {})

    async def label_next(self, strategy, skip):
        self.asked = (strategy, skip)
        if strategy == "luck":
            raise ValueError("strategy 'luck': expected one of uncertain")
        return self.item() if self.left else None

    async def label_one(self, event_id):
        return self.item() | {"labels": ["network.slow"]} if event_id == EVENT else None

    async def label_stats(self):
        audit = {"category": SHARE, "leaf": NONE, "classifier_version": "c/2"}
        return {"labelled": 1234, "suspected": 2, "audit": audit}

    async def label_alike(self, event_id, least):
        self.asked = (event_id, least)
        return [ROW | {"event_id": "b" * 64, "similarity": 0.91}] if least < 0.95 else []

    async def label_put(self, user, event_ids, label, kind, confirm):
        if label == "nothing":
            raise ValueError("label 'nothing': not in the taxonomy; nearest: network")
        self.done.append((user.name, event_ids, label, kind, confirm))
        return len(event_ids)

    async def label_withdraw(self, user, event_id):
        self.taken_back.append(event_id)


@pytest.fixture
def backend():
    return Labelling()


@pytest.fixture
def client(backend):
    app = FastAPI()
    app.include_router(router(backend))
    client = TestClient(app, follow_redirects=False)
    client.cookies.set("beejan_session", "good")
    return client


def send(client, path="/label", **fields):
    return client.post(path, data={"token": "token of good", "event": EVENT, "label": "network"} | fields)


@pytest.mark.parametrize("role", ["analyst", "ops", "steward"])
def test_only_ml_and_admin_may_label(client, backend, role):
    backend.role = role
    assert client.get("/label").status_code == 403
    assert send(client).status_code == 403
    assert 'href="/label"' not in client.get("/").text
    assert backend.done == []


def test_the_page_shows_text_reason_and_every_label_as_a_button(client, backend):
    text = client.get("/label").text
    assert "the model is &lt;unsure&gt;" in text and "&lt;script&gt;alert(1)" in text
    assert re.findall(r'name="label" value="([^"]+)"', text) == ["network.outage", "network.slow", "network", "billing"]
    assert 'href="/label" aria-current="page"' in text
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert client.get(re.search(r'"(/static/label\.js\?v=[0-9a-f]{16})"', text)[1]).status_code == 200


def test_categories_and_leaves_have_numbers(client):
    text = client.get("/label").text
    assert re.findall(r'data-category="(\d)"', text) == ["1", "2"]
    assert re.findall(r'data-leaf="(\d)"', text) == ["1", "2", "0", "0"]
    assert 'aria-keyshortcuts="n"' in text


def test_the_audit_hides_the_model_and_says_so_in_the_form(client, backend):
    assert "What the model says" in client.get("/label").text
    backend.strategy = "audit"
    text = client.get("/label").text
    assert "What the model says" not in text and "confidence" not in text
    assert 'name="kind" value="audit"' in text


def test_a_suspected_label_that_is_chosen_again_is_a_confirmation(client, backend):
    assert 'name="confirm"' not in client.get("/label").text
    backend.strategy = "error"
    assert 'name="confirm" value="true"' in client.get("/label").text
    send(client, confirm="true")
    assert backend.done[0][-1] is True


def test_a_label_is_given_and_the_page_goes_on_with_an_undo(client, backend):
    answer = send(client, label="network.slow", back="/label?strategy=weak&skip=aaaaaaaaaaaaaaaa")
    assert backend.done == [("Ada", [EVENT], "network.slow", "human", False)]
    target = answer.headers["location"]
    assert target == f"/label?strategy=weak&skip=aaaaaaaaaaaaaaaa&said=network.slow&last={EVENT}"
    text = client.get(target).text
    assert backend.asked == ("weak", ["a" * 16])
    assert 'data-key="u"' in text and f'name="event" value="{EVENT}"' in text
    assert f'href="/label/alike?event={EVENT}&amp;label=network.slow"' in text


def test_going_on_without_a_label_is_in_the_address(client):
    text = client.get("/label?strategy=weak&skip=bbbbbbbbbbbbbbbb").text
    assert f'href="/label?strategy=weak&amp;skip=bbbbbbbbbbbbbbbb&amp;skip={EVENT[:16]}"' in text


def test_undo_takes_the_label_back_and_shows_the_complaint_again(client, backend):
    answer = send(client, "/label/withdraw")
    assert backend.taken_back == [EVENT]
    assert answer.headers["location"] == f"/label?event={EVENT}"
    assert "Labelled: <b>network: slow</b>" in client.get(answer.headers["location"]).text


@pytest.mark.parametrize("path", ["/label", "/label/withdraw"])
def test_a_form_of_another_session_or_site_is_refused(client, backend, path):
    assert send(client, path, token="token of other").status_code == 403
    data = {"token": "token of good", "event": EVENT, "label": "network"}
    assert client.post(path, data=data, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert (backend.done, backend.taken_back) == ([], [])


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/labels", "/label/../x"])
def test_labelling_leads_back_to_labelling_only(client, back):
    assert send(client, back=back).headers["location"].startswith("/label?said=")


def test_an_unknown_label_and_a_strategy_that_is_none_are_told(client):
    answer = send(client, label="nothing")
    assert (answer.status_code, "nearest: network" in answer.text) == (422, True)
    answer = client.get("/label?strategy=luck")
    assert (answer.status_code, "expected one of uncertain" in answer.text) == (422, True)
    assert client.get("/label?event=ffffffff").status_code == 422
    assert send(client, event="").status_code == 422


def test_what_was_said_in_an_address_is_shown_only_as_a_label(client):
    assert "Your session" not in client.get("/label?said=Your+session+is+over,+call+0800").text


def test_the_audits_figures_have_their_interval(client):
    text = client.get("/label").text
    assert "64 % to 95 % of 20" in text and "<dd>85 %</dd>" in text
    assert "<dd>1,234</dd>" in text and "classifier c/2" in text


def test_an_empty_queue_says_what_to_do(client, backend):
    backend.left = False
    assert "Nothing to label" in client.get("/label").text
    assert "Take all of them" in client.get("/label?strategy=novel").text


def test_those_like_it_can_be_unticked_and_are_labelled_at_once(client, backend):
    text = client.get(f"/label/alike?event={EVENT}&label=network.slow&least=0.9").text
    assert backend.asked == (EVENT, 0.9)
    assert f'type="checkbox" name="event" value="{"b" * 64}" checked' in text and "cosine 0.91" in text
    answer = send(client, event=["b" * 64, "c" * 64], label="network.slow", kind="bulk")
    assert backend.done == [("Ada", ["b" * 64, "c" * 64], "network.slow", "bulk", False)]
    after = client.get(answer.headers["location"]).text
    assert "network: slow, 2 complaints" in after and 'data-key="u"' not in after
    assert "None" in client.get(f"/label/alike?event={EVENT}&label=network&least=0.99").text
