"""A surge is alerted: in the list, as events with replay, and in the console as it happens."""

import json
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest

from engine.cli.replay import to_envelope
from engine.simulate.generate import Outage, generate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def publish(engine, complaints):
    now = datetime.now(UTC)
    bodies = [json.loads(to_envelope(c, now).to_bytes()) for c in complaints]
    for start in range(0, len(bodies), 500):
        engine.http.post("/v1/envelopes", json={"envelopes": bodies[start : start + 500]}).raise_for_status()
    engine.wait_for([to_envelope(c, now).event_id for c in complaints], 120)


@pytest.fixture(scope="module")
def week():
    now = datetime.now(UTC)
    outage = Outage("o", "network.outage", "Kano", now - timedelta(minutes=30), now - timedelta(minutes=6), 60)
    made = generate(500, seed=11, start=now - timedelta(days=3), end=now, outages=[outage])
    return [c for c in made if not c.truth.outage], [c for c in made if c.truth.outage]


@pytest.fixture(scope="module")
def history(engine, week):
    publish(engine, week[0])
    return week


def kano(alerts):
    return [a for a in alerts if "Kano" in f"{a['segment']} {a['related']}" and a["state"] != "resolved"]


@pytest.mark.browser
def test_the_console_searches_and_shows_the_alert_as_it_arrives(engine, history):
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; `apt-get install chromium` brings one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        trouble = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.goto(f"{engine.url}/search?q=slow+internet")
        page.get_by_label("Your key").fill(engine.key)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/search?q=slow+internet")
        assert page.locator(".hits li").count() > 0
        page.locator(".hits a").first.click()
        assert page.get_by_text("Where it comes from").is_visible()

        page.goto(f"{engine.url}/alerts")
        page.locator("#live.on").wait_for(timeout=20_000)
        assert page.locator(".incident", has_text="Kano").count() == 0
        publish(engine, history[1])
        page.locator(".incident", has_text="Kano").first.wait_for(timeout=60_000)
        page.locator(".incident h3 a", has_text="Kano").first.click()
        page.locator("#series .bars").first.wait_for(timeout=20_000)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
    assert trouble == []


def test_the_outage_is_listed_once_with_its_evidence(engine, history):
    publish(engine, history[1])
    deadline = time.monotonic() + 60
    while not (found := kano(engine.cli("alerts", "list")["alerts"])):
        assert time.monotonic() < deadline, "no alert within a minute"
        time.sleep(0.5)
    assert len(found) == 1
    alert = found[0]
    assert alert["observed"] > 10 * alert["expected"]
    evidence = alert["evidence"]
    assert {"terms", "exemplars", "series", "shares", "people", "causes", "past"} <= evidence.keys()
    assert evidence["shares"]["region"][0]["value"] == "Kano"
    assert len(evidence["causes"]) == 6
    assert alert["interval_low"] <= alert["expected"] <= alert["interval_high"] < alert["observed"]
    assert engine.http.get(f"/v1/incidents/{alert['incident_id']}").json()["segment"] == alert["segment"]


def test_events_are_replayed_after_an_id(engine, history):
    headers = {"Last-Event-ID": "0"}
    with engine.http.stream("GET", "/v1/alerts/stream", headers=headers, timeout=30) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = []
        for line in response.iter_lines():
            lines.append(line)
            if line.startswith("data:"):
                break
    assert "event: alert" in lines
    assert any(line.startswith("id: ") for line in lines)
    assert json.loads(lines[-1][5:])["incident_id"].startswith("inc_")
    assert engine.http.get("/v1/alerts/stream", headers={"Last-Event-ID": "x"}).status_code == 422


def test_an_incident_is_acknowledged_and_resolved_and_lists_its_complaints(engine, history):
    (alert, *_) = kano(engine.cli("alerts", "list")["alerts"])
    key = alert["incident_id"]
    assert engine.cli("alerts", "ack", key, "--reason", "call 08031234567")["state"] == "acknowledged"
    shown = engine.cli("incidents", "show", key)
    assert (shown["state"], "0803" in shown["reason"]) == ("acknowledged", False)
    assert [one["state"] for one in shown["history"]][-1] == "acknowledged"
    members = engine.cli("incidents", "complaints", key)
    assert members["total"] >= alert["observed"]
    member = members["complaints"][0]["event_id"]
    assert key in [one["incident_id"] for one in engine.cli("trace", member)["incidents"]]
    assert engine.cli("alerts", "resolve", key)["state"] == "resolved"
    assert engine.http.post(f"/v1/incidents/{key}/ack").status_code == 409
    assert engine.http.post("/v1/incidents/inc_none/ack").status_code == 404
    listed = engine.http.get("/v1/incidents", params={"limit": 1}).json()
    assert len(listed["incidents"]) == 1
