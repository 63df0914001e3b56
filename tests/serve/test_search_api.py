from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors.lance import open_reader
from engine.govern.api_keys import Principal
from engine.search import Searcher
from engine.settings import Settings
from engine.store.writer import Writer
from models.pii import Policy
from serve import complaints, maintenance, problems, similar
from tests.conftest import HashEmbedder
from tests.store.test_writer import envelope, processed

TEXTS = ["my luggage was lost at the airport", "my luggage was lost at the station", "the network is down again"]


@pytest.fixture(scope="module")
def client(tmp_path_factory, context):
    settings = Settings(data_dir=tmp_path_factory.mktemp("api"))
    writer = Writer(settings)
    writer.commit(processed(context, *(envelope(text, str(n), region="Kano") for n, text in enumerate(TEXTS))))
    table = open_reader(f"{settings.zones_uri}/serving", "complaints")
    app = FastAPI()
    problems.install(app)
    for module in (complaints, similar, maintenance):
        app.include_router(module.router)
    app.state.services = SimpleNamespace(
        keyring=SimpleNamespace(check=lambda role: Principal("k", "test", role)),
        search=Searcher(table, HashEmbedder(), b"p" * 32),
        complaints=table,
        incidents=open_reader(f"{settings.zones_uri}/serving", "incidents"),
        pii=Policy(),
        settings=settings,
    )
    yield TestClient(app)
    writer.close()


def get(client, path, role="analyst", **params):
    return client.get(path, params=params, headers={"Authorization": f"Bearer {role}"})


def test_a_search_answers_with_hits_and_why(client):
    answer = get(client, "/v1/search", q="luggage airport", region=["Kano", "Lagos"], limit=1).json()
    (hit,) = answer["hits"]
    assert hit["text"] == TEXTS[0]
    assert hit["why"]
    assert answer["total"] >= 2
    following = get(
        client, "/v1/search", q="luggage airport", region=["Kano", "Lagos"], limit=1, cursor=answer["next_cursor"]
    ).json()
    assert following["hits"][0]["text"] == TEXTS[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "magic"},
        {"limit": 0},
        {"cursor": "xyz"},
        {"q": "-only"},
        {"duplicates": "some"},
        {"since": "yesterday"},
        {"cluster": "1 OR 1=1"},
        {"region": "a\nb"},
    ],
)
def test_a_search_that_cannot_be_is_a_problem(client, wrong):
    assert get(client, "/v1/search", **wrong).status_code == 422


def test_an_injection_in_a_query_parameter_finds_nothing(client):
    for name in (
        "channel",
        "source",
        "category",
        "subcategory",
        "region",
        "product",
        "priority",
        "language",
        "customer",
    ):
        for value in ("' OR 1=1 --", "x') OR ('1'='1", "Kano' OR region='Kano"):
            assert get(client, "/v1/search", **{name: value}).json()["total"] == 0


def test_neighbours_of_a_complaint(client):
    found = get(client, "/v1/search", q="+airport").json()["hits"][0]["event_id"]
    answer = get(client, f"/v1/complaints/{found[:12]}/similar").json()
    assert answer["event_id"] == found
    assert set(answer["counts"]) == {"probable_duplicate", "same_incident", "same_customer", "same_topic"}
    assert all("vector" not in one and one["event_id"] != found for one in answer["similar"])
    assert get(client, f"/v1/complaints/{found}/similar", relation="cousin").status_code == 422
    assert get(client, f"/v1/complaints/{'f' * 64}/similar").status_code == 404


def test_the_recall_of_the_indices_is_for_ops(client):
    assert get(client, "/v1/maintenance/index", role="analyst").status_code == 403
    answer = get(client, "/v1/maintenance/index", role="ops", queries=3).json()
    assert (answer["recall_at_10"], answer["rows"]) == (1.0, 3)
    assert [index["columns"] for index in answer["indices"]] == [["search_text"]]
