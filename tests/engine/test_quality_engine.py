"""Quality in a running engine: a rule keeps rows out, a channel fails, it is told, and a changed rule lets both in."""

import json
import re
import time

import pytest

from tests.running import Engine

STRICT = """
version: "1"
rows:
  no_customer: {check: present, column: customer_id}
  wrong_region: {check: values, column: region, any_of: [Lagos, Kano], action: quarantine}
batches:
  customers: {check: completeness, column: customer_id, least: 0.9, least_rows: 10}
"""
LENIENT = STRICT.replace("action: quarantine", "action: flag").partition("batches:")[0]


@pytest.fixture
def ruled(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(STRICT)
    environment = {"BEEJAN_QUALITY__RULES": str(rules), "BEEJAN_QUALITY__INTERVAL_S": "0.5"}
    running = Engine(tmp_path, environment)
    yield running, rules
    running.stop()


def until(check, limit_s=90):
    deadline = time.monotonic() + limit_s
    while not (found := check()):
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.2)
    return found


def test_rows_are_kept_out_and_a_channel_fails_until_the_rules_are_changed(ruled):
    engine, rules = ruled
    made = [{"text": f"no network, case {n}", "channel": "sms", "source": "gw", "region": "Lagos"} for n in range(14)]
    made.append(made[0] | {"text": "no network in France", "region": "Paris"})
    ids = engine.http.post("/v1/complaints", json=made).raise_for_status().json()["event_ids"]
    engine.wait_for(ids)

    (letter,) = engine.cli("dlq", "list", "--reason", "wrong_region")["dead_letters"]
    assert (letter["stage"], letter["event_id"]) == ("quality", ids[-1])
    found = until(lambda: (got := engine.cli("quality", "list", "--open"))["open"] and got)
    (check,) = found["checks"]
    assert (check["rule"], check["scope"], check["observed"]) == ("customers", "sms", 0.0)
    assert engine.cli("status")["quality"]["open"] == 1
    assert re.search(r"^beejan_quality_incidents\{[^}]*\} 1\.0$", engine.http.get("/metrics").text, re.M)
    assert engine.cli("quality", "show", "wrong_region")["rules"][0]["quarantined_24h"] == 1
    assert engine.cli("quality", "show", "nothing", code=3)["error"]["code"] == 3
    with engine.http.stream("GET", "/v1/alerts/stream?last_event_id=0", timeout=30) as stream:
        told = []
        for line in stream.iter_lines():
            told.append(line)
            if line.startswith("data:"):
                break
    assert "event: quality" in told
    event = json.loads(told[-1].removeprefix("data:"))
    assert (event["rule"], event["state"], event["incident_id"]) == ("customers", "open", check["incident_id"])
    # A surge is none of it.
    assert engine.http.get("/v1/alerts").json()["total"] == 0

    engine.stop()
    rules.write_text(LENIENT)
    engine.start()
    assert engine.cli("dlq", "retry", "--reason", "wrong_region")["retried"] == 1
    until(lambda: engine.http.post("/v1/complaints/lookup", json={"ids": [ids[-1]]}).json()["states"] == ["stored"])
    assert engine.http.get(f"/v1/complaints/{ids[-1]}").json()["quality_flags"] == ["no_customer", "wrong_region"]
    until(lambda: engine.cli("quality", "list")["open"] == 0)
