"""From a complaint to a search hit, with the real parts."""

import json
import socket
import subprocess
import sys

import httpx
import pytest

MAPPING = "comcast"
HEADER = "Ticket #,Customer Complaint,State,timestamp_corrected"


def comcast_like(rows):
    return [
        f"{n},Complaint number {n} about my slow internet,Ohio,2015-04-{1 + n % 28:02d}T10:00:00" for n in range(rows)
    ]


def test_a_complaint_is_found_by_its_meaning(engine):
    sent = engine.post(
        {"id": "w1", "text": "Since morning nobody in Ikeja can make a call, the mast is dead", "region": "Jigawa"}
    )
    assert engine.wait_for(sent["event_ids"]) == ["stored"]
    found = engine.cli("search", "no network", "--region", "Jigawa", "--limit", "5")
    hit = next(h for h in found["hits"] if h["source_key"] == "w1")
    assert {"event_id", "source", "score", "text", "category", "priority", "occurred_at", "why"} <= hit.keys()
    shown = engine.cli("show", hit["event_id"][:12])
    assert shown["embedding_model"] == "all-MiniLM-L6-v2"
    assert shown["category_reasons"]


def test_sending_the_same_again_stores_nothing(engine):
    record = {"id": "w2", "text": "my bill is wrong"}
    first, second = engine.post(record), engine.post(record)
    assert first["event_ids"] == second["event_ids"]
    engine.wait_for(first["event_ids"])
    assert engine.ids("serving", "complaints").count(first["event_ids"][0]) == 1


def test_a_file_with_broken_rows_adds_up(engine, tmp_path):
    rows = comcast_like(60)
    bad = {
        3: "3,Bad date,Ohio,2015-13-45T00:00:00", 7: "7,,Ohio,2015-04-02T10:00:00", 11: "11,Too few cells,Ohio",
        15: "15,Too many,Ohio,2015-04-02T10:00:00,more", 19: "19,Not a time,Ohio,yesterday",
    }  # fmt: skip
    lines = [(bad.get(n) or row).encode() for n, row in enumerate(rows)]
    lines[23] = b"23,caf\xe9 without UTF-8,Ohio,2015-04-02T10:00:00"
    path = tmp_path / "broken.csv"
    path.write_bytes(b"\n".join([HEADER.encode(), *lines]) + b"\n")

    report = engine.cli(
        "ingest", str(path), "--channel", "call_center", "--mapping", MAPPING, "--source", "broken", "--wait"
    )
    assert {k: report[k] for k in ("read", "duplicates", "stored", "dead_lettered")} == {
        "read": 60, "duplicates": 0, "stored": 54, "dead_lettered": 6,
    }  # fmt: skip
    dead = engine.cli("dlq", "list", "--source", "broken")
    assert dead["by_reason"] == {
        "bad_time_unparsable": 2,
        "empty_text": 1,
        "wrong_column_count": 2,
        "invalid_encoding": 1,
    }
    again = engine.cli(
        "ingest", str(path), "--channel", "call_center", "--mapping", MAPPING, "--source", "broken", "--wait"
    )
    assert (again["stored"], again["duplicates"]) == (0, 60)
    (row,) = [r for r in dead["dead_letters"] if r["reason"] == "empty_text"]
    (attempt,) = engine.cli("dlq", "show", row["event_id"])["attempts"]
    assert attempt["payload_ref"] == f"raw.envelopes/{row['event_id']}"
    assert engine.cli("dlq", "retry", row["event_id"])["retried"] == 1
    assert engine.cli("dlq", "show", "0" * 12, code=3)["error"]["code"] == 3


def test_the_repaired_date_is_used(engine, data):
    report = engine.cli(
        "ingest",
        str(data / "comcast" / "complaints.csv"),
        "--channel",
        "call_center",
        "--mapping",
        "configs/mappings/comcast.yaml",
        "--wait",
    )
    assert report["read"] == 1264 == report["stored"] + report["duplicates"] + report["dead_lettered"]
    hits = engine.cli("search", "", "--since", "2015-04-01", "--until", "2015-04-02", "--limit", "200")["hits"]
    tickets = {h["source_key"]: h["occurred_at"] for h in hits if h["source"] == "comcast"}
    assert tickets["211255"] == "2015-04-01T00:18:47Z"


def test_roles_are_held(engine):
    made = engine.cli("keys", "create", "form", "--role", "intake")
    key = {"Authorization": f"Bearer {made['key']}"}
    assert (
        httpx.post(f"{engine.url}/v1/complaints", json={"id": "r1", "text": "ok then"}, headers=key).status_code == 202
    )
    answer = httpx.get(f"{engine.url}/v1/search?q=x", headers=key)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert httpx.get(f"{engine.url}/v1/keys", headers=key).status_code == 403
    engine.cli("keys", "revoke", made["key_id"])
    assert httpx.post(f"{engine.url}/v1/complaints", json={"text": "x"}, headers=key).status_code == 401
    listed = {k["key_id"]: k for k in engine.cli("keys", "list")["keys"]}
    assert listed[made["key_id"]]["revoked_at"]
    assert made["key"] not in json.dumps(listed)


@pytest.mark.parametrize(
    ("body", "status", "match"),
    [
        (b"not json", 400, "not valid JSON"),
        (b'{"text": 5}', 422, "field text"),
        (b'[{"text": "a"}, "b"]', 422, "record 1"),
        (b'{"text": "a", "channel": "fax"}', 422, "fax"),
        (b"[]", 422, "0 records"),
        (json.dumps([{"text": "a"}] * 1001).encode(), 413, "1001 records"),
        (b'{"text": "' + b"x" * (10 << 20) + b'"}', 413, "send fewer records"),
        (b'{"text": "' + b"x" * (2 << 20) + b'"}', 413, "max_complaint_bytes"),
    ],
)
def test_bad_requests_are_problems_and_take_nothing(engine, body, status, match):
    answer = engine.http.post("/v1/complaints", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert match in answer.json()["detail"]


def test_odd_texts_come_through_or_are_dead_lettered(engine):
    records = [
        {"id": "o1", "text": "control \u0000 \u0007 characters \u202e in a complaint"},
        {"id": "o2", "text": "x" * 300_000},
        {"id": "o3", "text": "lone \ud800 surrogate in the bill"},
        {"id": "o4", "text": "💥" * 500 + " broken router"},
    ]
    # As ASCII: httpx would refuse the surrogate before it is sent.
    sent = engine.http.post("/v1/complaints", content=json.dumps(records)).raise_for_status().json()
    assert engine.wait_for(sent["event_ids"]) == ["stored", "dead_lettered", "stored", "stored"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("mode=magic", 422),
        ("limit=0", 422),
        ("since=yesterday", 422),
        ("cursor=xyz", 422),
        ("q=a&region=O%27Hare", 200),
        ("q=%22%27--", 200),
        ("q=-only", 422),
        ("q=a&cluster=1+OR+1", 422),
        ("q=a&duplicates=some", 422),
    ],
)
def test_search_requests(engine, query, status):
    assert engine.http.get(f"/v1/search?{query}").status_code == status


def test_the_writer_compacts_and_indexes_when_told_to(engine):
    assert engine.http.post("/v1/maintenance/compact").json()["tables"]["serving.complaints"]
    assert engine.http.post("/v1/maintenance/index").json()["training"] is False
    assert engine.http.get("/v1/maintenance/index", params={"queries": 5}).json()["recall_at_10"] in (1.0, None)


def test_unknown_paths_and_ids_are_problems(engine):
    for path in ("/v1/complaints/zzz", f"/v1/complaints/{'0' * 64}", "/v1/incidents/none", "/v1/nothing"):
        answer = engine.http.get(path)
        assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_health_ready_metrics_and_docs(engine):
    plain = httpx.Client(base_url=engine.url, timeout=30)
    assert plain.get("/healthz").json() == {"status": "ok"}
    assert plain.get("/readyz").json()["status"] == "ready"
    text = plain.get("/metrics").text
    assert "beejan_complaints_stored" in text
    assert "beejan_http_server_duration" in text
    assert "/v1/search" in plain.get("/openapi.json").json()["paths"]


def test_status_and_doctor(engine):
    status = engine.cli("status")
    assert status["ready"]["status"] == "ready"
    assert status["writer"]["stored"] == len(engine.ids("serving", "complaints"))
    found = {c["name"]: c for c in engine.cli("doctor")["checks"]}
    assert found["engine"]["state"] == "ok"
    assert found["nats-server"]["found"].startswith("2.")


def test_secrets_are_private(engine):
    for name in ("engine.json", "run/settings.json", "run/runtime.json", "nats/nats-server.conf", "keys/data.key"):
        assert oct((engine.folder / name).stat().st_mode & 0o777) == "0o600", name


def test_a_second_engine_on_the_folder_is_refused(engine):
    command = [sys.executable, "-m", "engine.cli", "up", "--data-dir", str(engine.folder), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4
    assert "already runs" in done.stderr


def test_a_taken_port_is_named(engine, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "engine.cli", "up", "--data-dir", str(tmp_path), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4
    assert port in done.stderr


def test_no_personal_data_outside_raw(engine):
    phone, mail = "08099887766", "very.private@example.com"
    sent = engine.post(
        {"id": "pii", "text": f"call {phone} or {mail}", "phone": phone, "email": mail, "region": f"call {phone}"}
    )
    engine.wait_for(sent["event_ids"])
    engine.http.get("/v1/search", params={"q": phone})
    for zone, name in (
        ("curated", "complaints"),
        ("serving", "complaints"),
        ("serving", "volumes"),
        ("raw", "dead_letters"),
        ("raw", "envelopes"),
    ):
        for row in engine.table(zone, name).search().limit(10**5).to_list():
            text = str({k: v for k, v in row.items() if k != "vector"})
            assert phone not in text and mail not in text, f"{zone}.{name}"
    for log in (engine.folder / "run").glob("*.log"):
        text = log.read_text(errors="replace")
        assert phone not in text and mail not in text, log.name
