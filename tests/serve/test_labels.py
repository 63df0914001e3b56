"""The endpoints over real tables; the writer is called in this process."""

import asyncio
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from connectors.lance import open_reader
from engine.cli import client as cli_client
from engine.cli.app import app as cli
from engine.govern.api_keys import Principal
from engine.labels.desk import Desk
from engine.settings import LabelSettings, Settings
from engine.store.writer import Writer
from models.pii import Policy
from serve import labels, problems
from serve.backend import ConsoleBackend
from tests.labels.test_desk import IDS, SENT
from tests.store.test_writer import processed

KEYS = {"ml": Principal("k1", "Ada", "ml"), "ana": Principal("k2", "Obi", "analyst")}


@pytest.fixture
def served(tmp_path, context, monkeypatch):
    settings = Settings(data_dir=tmp_path)
    writer = Writer(settings)
    writer.commit(processed(context, *SENT))

    async def call(method, *arguments):
        return getattr(writer, method)(*arguments)

    monkeypatch.setattr(labels, "call", call)
    complaints = open_reader(f"{settings.zones_uri}/serving", "complaints")
    table = open_reader(f"{settings.zones_uri}/governance", "labels")
    window = (datetime.now(UTC) - datetime(2025, 1, 1, tzinfo=UTC)).total_seconds()
    desk = Desk(complaints, table, LabelSettings(window_s=window))
    keyring = SimpleNamespace(check=KEYS.get)
    yield SimpleNamespace(
        settings=settings, complaints=complaints, desk=desk, pii=Policy(), keyring=keyring, writer=writer
    )
    writer.close()


@pytest.fixture
def http(served):
    app = FastAPI()
    app.state.services = served
    problems.install(app)
    app.include_router(labels.router)
    return TestClient(app, headers={"Authorization": "Bearer ml"})


def give(http, key, name, **more):
    return http.post("/v1/labels", json={"event_id": key, "label": name} | more)


def test_only_ml_may_label(http):
    for method, path in (("GET", "/v1/labels"), ("GET", "/v1/labels/next"), ("GET", "/v1/labels/stats")):
        assert http.request(method, path, headers={"Authorization": "Bearer ana"}).status_code == 403
    assert http.post("/v1/labels", json={}, headers={"Authorization": "Bearer none"}).status_code == 401


def test_one_or_many_labels_are_kept_under_the_callers_name(http):
    assert give(http, IDS[0][:12], "network.outage").json()["new"] == 1
    many = [{"event_id": key, "label": "billing", "kind": "bulk"} for key in IDS[4:6]]
    assert http.post("/v1/labels", json={"labels": many}).json()["new"] == 2
    found = http.get("/v1/labels").json()
    assert found["total"] == 3
    assert {row["labeller"] for row in found["labels"]} == {"Ada"}
    assert {row["event_id"] for row in found["labels"]} == {IDS[0], *IDS[4:6]}
    assert all("text" not in row for row in found["labels"])


def test_an_unknown_label_is_refused_with_the_nearest_and_nothing_is_kept(http):
    rows = [{"event_id": IDS[0], "label": "network.outage"}, {"event_id": IDS[1], "label": "network.outtage"}]
    answer = http.post("/v1/labels", json={"labels": rows})
    assert answer.status_code == 422
    assert "'network.outtage': not in the taxonomy; nearest: network.outage" in answer.json()["detail"]
    assert http.get("/v1/labels").json()["total"] == 0


def test_a_complaint_that_is_not_stored_is_not_found(http):
    assert give(http, "f" * 64, "network").status_code == 404
    assert http.post("/v1/labels/withdraw", json={"event_id": "f" * 64}).status_code == 404


def test_imported_labels_of_complaints_that_are_not_stored_are_counted(http):
    rows = [{"event_id": key, "label": "network", "kind": "import"} for key in (IDS[0], "f" * 64)]
    told = http.post("/v1/labels", json={"labels": rows}).json()
    assert (told["new"], told["unknown"]) == (1, 1)
    assert [row["event_id"] for row in http.get("/v1/labels").json()["labels"]] == [IDS[0]]


def test_what_the_audit_did_not_draw_cannot_be_its(http, monkeypatch):
    monkeypatch.setattr(labels.Desk, "in_audit", lambda self, ids: set())
    answer = give(http, IDS[0], "network", kind="audit")
    assert answer.status_code == 422
    assert "the audit does not ask for it" in answer.json()["detail"]


def test_what_the_audit_drew_is_its(http):
    assert give(http, IDS[0], "network", kind="audit").json()["new"] == 1
    assert http.get("/v1/labels/stats").json()["audit"]["category"]["of"] == 1


def test_history_and_withdrawal(http):
    give(http, IDS[0], "network")
    give(http, IDS[0], "billing")
    assert [row["labels"] for row in http.get("/v1/labels").json()["labels"]] == [["billing"]]
    told = http.get(f"/v1/labels?event_id={IDS[0][:12]}").json()
    assert [row["labels"] for row in told["labels"]] == [["billing"], ["network"]]
    assert http.post("/v1/labels/withdraw", json={"event_id": IDS[0]}).json()["labels"] == ["network"]


def test_a_bulk_accept_is_taken_back_at_once(http):
    labels = [{"event_id": key, "label": "network", "kind": "bulk"} for key in IDS]
    assert http.post("/v1/labels", json={"labels": labels}).json()["new"] == len(IDS)
    told = http.post("/v1/labels/withdraw-bulk").json()
    assert (told["withdrawn"], sorted(told["event_ids"])) == (len(IDS), sorted(IDS))
    assert http.get("/v1/labels").json()["labels"] == []
    assert http.post("/v1/labels/withdraw-bulk").status_code == 404


def test_pages_give_every_label_once(http):
    http.post("/v1/labels", json={"labels": [{"event_id": key, "label": "network"} for key in IDS]})
    seen, cursor = [], None
    while True:
        page = http.get("/v1/labels", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        seen += [row["event_id"] for row in page["labels"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(IDS) and len(seen) == 8
    assert http.get("/v1/labels?cursor=x").status_code == 422


def test_next_tells_why_and_takes_a_strategy(http):
    items = http.get("/v1/labels/next?limit=3&strategy=uncertain").json()["items"]
    assert len(items) == 3
    assert all(item["reason"].startswith("the model is unsure") for item in items)
    left = http.get(f"/v1/labels/next?limit=99&strategy=uncertain&skip={items[0]['event_id'][:12]}").json()["items"]
    assert items[0]["event_id"] not in {item["event_id"] for item in left}
    assert http.get("/v1/labels/next?strategy=luck").status_code == 422


def test_alike_and_a_concept(http):
    found = http.get(f"/v1/labels/alike?event_id={IDS[0]}&least=0.5").json()["items"]
    assert {row["event_id"] for row in found} == set(IDS[1:4])
    body = {"name": "billing.double", "event_ids": IDS[4:6]}
    assert {row["event_id"] for row in http.post("/v1/labels/concept", json=body).json()["matches"]} == set(IDS[6:])
    body["event_ids"] = [IDS[4], IDS[4]]
    assert http.post("/v1/labels/concept", json=body).status_code == 422


@pytest.fixture
def beejan(http, monkeypatch):
    """The command line against these endpoints."""
    monkeypatch.setenv("BEEJAN_URL", "http://testserver")
    monkeypatch.setenv("BEEJAN_KEY", "ml")
    # httpx's client of the tests instead of a socket; everything above it is the real one.
    monkeypatch.setattr(cli_client.httpx, "Client", lambda **_: http)

    def run(*words):
        done = CliRunner().invoke(cli, ["label", *words, "--json"])
        return done.exit_code, json.loads(done.stdout) if done.stdout else None

    return run


def test_the_command_line_labels_and_bulk_accepts(beejan):
    code, found = beejan("add", IDS[0][:12], "network.outage", "--alike", "0.5")
    assert (code, found["new"]) == (0, 1)
    assert {row["event_id"] for row in found["alike"]} == set(IDS[1:4])
    code, found = beejan("add", IDS[0], "network.outage", "--alike", "0.5", "--accept")
    assert (code, found["unchanged"], found["accepted"]) == (0, 1, 3)
    assert beejan("stats")[1]["by_kind"] == {"human": 1, "bulk": 3, "audit": 0, "import": 0}


def test_the_command_line_refuses_an_unknown_label(beejan):
    code, found = beejan("add", IDS[0], "bling.refund")
    assert code == 4
    assert "billing.refund" in found["error"]["message"]
    assert beejan("add", "f" * 64, "network")[0] == 3


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_an_exported_file_can_be_imported(beejan, served, http, tmp_path, ending):
    give(http, IDS[0], "network.outage", also=["billing", "device"])
    give(http, IDS[1], "network", kind="audit")
    file = tmp_path / f"labels.{ending}"
    assert beejan("export", str(file)) == (0, {"written": 2})
    assert "no network" not in file.read_text()
    served.writer.withdraw_label(IDS[0], "Ada")
    code, found = beejan("import", str(file))
    assert (code, found["read"], found["superseded"], found["unknown"]) == (0, 2, 1, 0)
    current = {row["event_id"]: row for row in http.get("/v1/labels").json()["labels"]}
    assert current[IDS[0]]["labels"] == ["network.outage", "billing", "device"]
    assert current[IDS[0]]["kind"] == "import"
    assert beejan("import", str(file))[1]["unchanged"] == 2
    assert beejan("export", str(file), "--training") == (0, {"written": 1})


def test_a_file_that_is_none_is_told(beejan, tmp_path):
    wrong = tmp_path / "labels.csv"
    wrong.write_text("event_id,category\nabc,network\n")
    code, found = beejan("import", str(wrong))
    assert code == 1
    assert "record 1: expected event_id and label" in found["error"]["message"]
    assert beejan("import", str(tmp_path / "labels.xlsx"))[0] == 1


def test_a_strategy_that_is_none_is_a_usage_error(beejan):
    assert beejan("next", "--strategy", "luck")[0] == 2
    assert beejan("add", IDS[0], "network", "--accept")[0] == 2


def test_the_console_labels_through_the_same_functions(served, http):
    backend, user = ConsoleBackend(lambda: served), KEYS["ml"]

    async def work():
        item = await backend.label_next("uncertain", [])
        assert await backend.label_put(user, [item["event_id"]], "network.outage", "human", False) == 1
        assert (await backend.label_one(item["event_id"]))["labels"] == ["network.outage"]
        with pytest.raises(ValueError, match="nearest: network"):
            await backend.label_put(user, [item["event_id"]], "netwrk", "human", False)
        with pytest.raises(ValueError, match="not one of ours"):
            await backend.label_put(user, [item["event_id"]], "network", "guess", False)
        await backend.label_withdraw(user, item["event_id"])
        with pytest.raises(ValueError, match="it has no label"):
            await backend.label_withdraw(user, item["event_id"])
        return await backend.label_choices()

    choices = asyncio.run(work())
    assert choices[0]["id"] == "network"
    assert "network.outage" in {leaf["id"] for leaf in choices[0]["leaves"]}
    assert http.get("/v1/labels").json()["total"] == 0


def test_an_audits_label_that_was_taken_back_is_the_audits_again(served, http):
    give(http, IDS[0], "network", kind="audit")
    http.post("/v1/labels/withdraw", json={"event_id": IDS[0]})
    found = asyncio.run(ConsoleBackend(lambda: served).label_one(IDS[0]))
    assert (found["strategy"], found["category"], found["labels"]) == ("audit", None, [])
