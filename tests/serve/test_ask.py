"""The endpoints of facets, trends, SQL, exports, saved searches, features and reports over a real store."""

import asyncio
from types import SimpleNamespace

import duckdb
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors.lance import open_reader
from engine.counts import Counts
from engine.curate.context import load_pii
from engine.exports import work
from engine.exports.jobs import find
from engine.govern.api_keys import Principal
from engine.run import actors
from engine.saved import watch
from engine.search import Searcher
from engine.settings import Settings
from engine.sql import BadSql
from engine.sql.work import answer
from engine.sql.workers import job_of
from engine.store.writer import Writer
from serve import counts, customers, exports, problems, reports, saved, sql
from tests.conftest import NOW, HashEmbedder
from tests.store.test_writer import envelope, processed

TEXTS = {
    "1": ("they lost my luggage at the airport", "Lagos"),
    "2": ("they lost my luggage again", "Kano"),
    "3": ("wrong amount on the bill", "Kano"),
}


class InHere:
    """Queries without the process of each, which tests/sql looks at."""

    def __init__(self, settings):
        self.settings = settings

    def run(self, statement, similar, hidden, max_rows):
        try:
            return answer(job_of(self.settings, statement, similar, hidden) | {"max_rows": max_rows})
        except duckdb.Error as error:
            raise BadSql(str(error)) from error


@pytest.fixture(scope="module")
def store(tmp_path_factory, context):
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("ask"), sql={"timeout_s": 60}, saved={"webhooks": ["https://a.org/"]}
    )
    writer = Writer(settings)
    rows = [envelope(text, key, region=region, customer_id="c") for key, (text, region) in TEXTS.items()]
    writer.commit(processed(context, *rows))
    root = f"{settings.zones_uri}/serving"
    complaints = open_reader(root, "complaints")
    search = Searcher(complaints, HashEmbedder(), b"p" * 32)
    roles = {"analyst": "analyst", "ml": "ml", "other": "analyst", "intake": "intake", "ops": "ops"}
    keyring = SimpleNamespace(check=lambda key: Principal(key, key, roles[key]) if key in roles else None)
    served = SimpleNamespace(
        settings=settings, complaints=complaints, search=search, counts=Counts(search, complaints),
        incidents=open_reader(root, "incidents"), sql=InHere(settings), pii=load_pii(settings), keyring=keyring,
        keys=SimpleNamespace(pseudonym=b"p" * 32), writer=writer,
    )  # fmt: skip
    yield served
    writer.close()


@pytest.fixture
def ask(store, monkeypatch):
    async def call(method, *given):
        return await asyncio.to_thread(getattr(store.writer, method), *given)

    monkeypatch.setattr(saved, "call", call)
    monkeypatch.setattr(actors, "writer_call", lambda method, *given, **_: getattr(store.writer, method)(*given))
    app = FastAPI()
    problems.install(app)
    for module in (counts, customers, exports, reports, saved, sql):
        app.include_router(module.router)
    app.state.services = store
    client = TestClient(app)

    def asked(method, path, code=200, key="analyst", **more):
        answer = client.request(method, path, headers={"Authorization": f"Bearer {key}"}, **more)
        assert answer.status_code == code, answer.text
        return answer.json() if answer.headers["content-type"].endswith("json") else answer

    return asked


def test_facets_leave_out_their_own_filter(ask):
    found = ask("GET", "/v1/facets?facet=region&facet=channel&region=Kano")
    assert found["total"] == 2
    assert found["facets"]["region"]["values"] == [{"value": "Kano", "count": 2}, {"value": "Lagos", "count": 1}]
    assert sum(value["count"] for value in found["facets"]["channel"]["values"]) == 2
    assert ask("GET", "/v1/facets?q=luggage&mode=text")["total"] == 2


def test_trends_are_ready_for_json(ask):
    found = ask("GET", "/v1/trends?interval=day&by=category&since=2026-02-20T00:00:00Z&until=2026-03-10T00:00:00Z")
    assert (found["all"]["total"], len(found["buckets"]), found["since"]) == (3, 18, "2026-02-20T00:00:00Z")


def test_sql_finds_what_is_similar(ask):
    text = (
        "SELECT c.source_key FROM similar('lost luggage', 2) s JOIN complaints c USING (event_id) ORDER BY source_key"
    )
    assert ask("POST", "/v1/sql", json={"sql": text})["rows"] == [{"source_key": "1"}, {"source_key": "2"}]
    for table in ("volumes", "incidents", "clusters", "quality", "quality_hours", "customers"):
        assert ask("POST", "/v1/sql", json={"sql": f"SELECT count(*) n FROM {table}"})["columns"] == ["n"]


def test_an_export_is_begun_made_and_fetched_by_its_owner_alone(ask, store):
    begun = ask("POST", "/v1/exports", 202, json={"filters": {"region": ["Kano"]}, "columns": ["source_key"]})
    path = f"/v1/exports/{begun['export_id']}"
    ask("GET", f"{path}/data", 409)
    work.run(find(store.settings.data_dir, begun["export_id"]))
    assert (ask("GET", path)["state"], ask("GET", path)["rows"]) == ("done", 2)
    assert sorted(ask("GET", f"{path}/data").text.split()) == ['"2"', '"3"', '"source_key"']
    ask("GET", path, 404, "other")
    ranked = ask("POST", "/v1/exports", 202, json={"q": "lost luggage", "mode": "text", "columns": ["source_key"]})
    work.run(find(store.settings.data_dir, ranked["export_id"]))
    assert ask("GET", f"/v1/exports/{ranked['export_id']}")["rows"] == 2
    asked = ask("POST", "/v1/exports", 202, json={"sql": "SELECT count(*) n FROM complaints", "format": "jsonl"})
    work.run(find(store.settings.data_dir, asked["export_id"]))
    assert ask("GET", f"/v1/exports/{asked['export_id']}/data").text == '{"n": 3}\n'


def test_a_saved_search_is_previewed_saved_matched_and_removed_by_its_owner(ask, store, context):
    wanted = {"q": "lost luggage", "filters": {"region": ["Kano"]}, "cutoff": 0.3}
    previewed = ask("POST", "/v1/saved-searches/preview", json=wanted | {"days": 366})
    assert previewed["matches"] == 1
    one = ask("POST", "/v1/saved-searches", 201, json=wanted | {"name": "lost", "webhook": "https://a.org/x"})
    assert len(one["secret"]) == 64 and one["cutoff"] == 0.3
    ask("POST", "/v1/saved-searches", 422, json=wanted | {"name": "x", "webhook": "https://a.org.evil/x"})
    assert [s["name"] for s in ask("GET", "/v1/saved-searches")["saved_searches"]] == ["lost"]
    book = saved.Book(saved.book_path(store.settings.data_dir))
    shelf = saved.Shelf(open_reader(f"{store.settings.zones_uri}/governance", "saved_searches"))
    watch.step(store.complaints, shelf.all(), book, NOW)
    store.writer.commit(processed(context, envelope("someone lost my luggage", "9", region="Kano")))
    assert watch.step(store.complaints, shelf.all(), book, NOW) == 1
    path = f"/v1/saved-searches/{one['search_id']}"
    (match,) = ask("GET", f"{path}/matches")["matches"]
    assert (match["region"], match["name"]) == ("Kano", "lost") and "text" not in match
    ask("DELETE", path, 403, "other")
    ask("DELETE", path)
    assert ask("GET", "/v1/saved-searches")["saved_searches"] == []
    ask("GET", f"{path}/matches", 404)
