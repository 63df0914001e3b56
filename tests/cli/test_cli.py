import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from typer.testing import CliRunner

from engine.cli.app import app
from engine.cli.client import EngineAway, _error
from engine.cli.output import NotFound

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("BEEJAN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("BEEJAN_URL", raising=False)


def test_without_an_engine_the_way_to_one_is_told():
    result = run(app, ["search", "x"])
    assert result.exit_code == 75
    assert "beejan up --detach" in result.stderr.replace("\n", " ")
    as_json = run(app, ["search", "x", "--json"])
    assert json.loads(as_json.stdout)["error"]["type"] == "EngineAway"


def test_an_engine_that_gives_no_answer_is_told(monkeypatch):
    monkeypatch.setenv("BEEJAN_URL", "http://127.0.0.1:9")
    result = run(app, ["status"])
    assert result.exit_code == 75
    assert "127.0.0.1:9" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "match"),
    [
        (["ingest", "none.csv", "--dry-run"], 1, "no such file"),
        (["ingest", "x", "--channel", "fax"], 2, "expected one of"),
        (["ingest", "x", "--mapping", "nobody"], 1, "shipped ones"),
        (["process", "none.csv"], 1, "cannot be read"),
        (["process", __file__, "--model", "mine@9"], 3, "mine@9"),
        (["simulate"], 2, "--out"),
        (["bench", "nothing"], 2, "pipeline"),
        (["keys", "create", "x", "--role", "king"], 2, "admin"),
        (["search", "x", "--mode", "magic"], 2, "hybrid"),
        (["nonsense"], 2, "No such command"),
        (["config", "show", "--config", "none.yaml"], 1, "none.yaml"),
    ],
)
def test_wrong_use_ends_with_a_message_and_a_code(arguments, code, match):
    result = run(app, arguments)
    assert result.exit_code == code
    assert match in " ".join(result.output.replace("│", " ").split())


def test_version_and_help():
    assert run(app, ["--version"]).stdout.startswith("beejan 0.")
    assert "Bring complaints in" in run(app, ["--help"]).stdout


def test_config_show_resolves_and_masks(monkeypatch):
    monkeypatch.setenv("BEEJAN_NATS__PASSWORD", "hunter2")
    monkeypatch.setenv("BEEJAN_SERVE__PORT", "0")
    result = run(app, ["config", "show", "--json"])
    values = json.loads(result.stdout)
    assert values["serve"]["port"] == 0
    assert "hunter2" not in result.stdout


def test_a_dry_run_shows_what_would_be_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,no network\n2,\n3,a,b\n1,no network\n")
    found = json.loads(run(app, ["ingest", str(path), "--dry-run", "--json"]).stdout)
    assert (found["read"], found["distinct"], found["would_dead_letter"]) == (4, 3, 2)
    assert {r["reason"] for r in found["reasons"]} == {"empty_text", "wrong_column_count"}


@pytest.fixture
def mixed(tmp_path):
    """A folder with two files that can be read and, between them, one that cannot."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text("id,text\n1,no network\n2,wrong bill\n")
    (folder / "b.xlsx").write_bytes(b"no workbook")
    (folder / "c.csv").write_text("id,text\n3,no network\n")
    return folder


def test_a_dry_run_goes_on_past_a_file_that_cannot_be_read(mixed):
    result = run(app, ["ingest", str(mixed), "--dry-run", "--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["read"], found["would_store"]) == (1, 3, 3)
    (told,) = found["unreadable"]
    assert told["path"] == str(mixed / "b.xlsx")
    assert told["reason"]
    shown = run(app, ["ingest", str(mixed / "*"), "--dry-run"])
    assert shown.exit_code == 1
    assert f"unreadable: {mixed}/b.xlsx: {told['reason']}" in shown.stderr.replace("\n", "")


def test_an_ingest_sends_the_rest_and_fails_at_the_end(mixed, engine_stub):
    result = run(app, ["ingest", str(mixed), "--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["read"], found["accepted"]) == (1, 3, 3)
    assert [one["path"] for one in found["unreadable"]] == [str(mixed / "b.xlsx")]
    assert len(engine_stub) == 3
    shown = run(app, ["ingest", str(mixed)])
    assert shown.exit_code == 1
    assert "read 3: 3 accepted" in shown.stdout
    assert f"unreadable: {mixed}/b.xlsx" in shown.stderr.replace("\n", "")


@pytest.fixture
def engine_stub(monkeypatch):
    """An engine that knows no complaint and takes all: the event ids it was sent."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            taken.extend(body.get("envelopes", []))
            answer = json.dumps({"states": ["unknown"] * len(body.get("ids", []))}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("BEEJAN_URL", f"http://127.0.0.1:{server.server_port}")
    yield taken
    server.shutdown()
    server.server_close()


def test_simulate_writes_files_with_their_truth(tmp_path):
    result = run(
        app,
        [
            "simulate",
            "--rows",
            "50",
            "--outage",
            "Kano",
            "--out",
            str(tmp_path),
            "--until",
            "2026-03-02T12:00:00Z",
            "--json",
        ],
    )
    assert json.loads(result.stdout)["rows"] == 70
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert sum(t["outage"] == "planted" for t in truth) == 20


def test_a_repair_without_an_engine_is_ordered_for_its_start(tmp_path):
    from engine.curate.main import REPAIR_ORDER

    folder = tmp_path / "data"
    assert run(app, ["doctor", "--repair"]).exit_code == 75
    assert not folder.exists()
    folder.mkdir()
    result = run(app, ["doctor", "--repair"])
    assert result.exit_code == 75
    assert "When it starts it sets right" in " ".join(result.stderr.split())
    assert (folder / REPAIR_ORDER).exists()


def test_process_prints_a_line_a_text_in_order(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "no network, call 08031234567"}\n{"text": "!!"}\n{"text": "my bill is wrong"}\n')
    vectors = tmp_path / "v.npy"
    result = run(app, ["process", str(path), "--json", "--vectors", str(vectors)])
    assert result.exit_code == 0, result.output
    first, second, third = (json.loads(line) for line in result.stdout.splitlines())
    assert first["pii"] == [{"type": "PHONE", "start": 17, "end": 28}]
    assert "0803" not in first["masked"]
    assert {
        "language",
        "language_confidence",
        "category",
        "confidence",
        "priority",
        "reasons",
        "search_text",
    } <= first.keys()
    assert second["error"]["reason"] == "empty_text"
    assert third["text"] == "my bill is wrong"
    import numpy as np

    assert np.load(vectors).shape == (3, 384)


@pytest.mark.parametrize(
    ("kind", "error"), [("text/plain", EngineAway), ("application/problem+json", NotFound)], ids=["proxy", "api"]
)
def test_a_404_of_the_proxy_means_try_again(kind, error):
    answer = httpx.Response(404, json={"detail": "no such complaint"}, headers={"content-type": kind})
    assert type(_error(answer, "http://127.0.0.1:1")) is error
