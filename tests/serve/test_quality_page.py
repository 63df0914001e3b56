"""The console's page of quality, and the endpoint behind it over real tables."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors.lance import open_reader
from engine.quality.checks import follow
from engine.quality.verdict import Verdict
from engine.settings import Settings
from engine.store.writer import Writer
from engine.tables import QUALITY
from serve.console import marks
from serve.console.pages import router
from serve.quality import state
from tests.serve.test_console import Fake

CHECK = {
    "check_id": "silent@sms", "rule": "silent", "kind": "freshness", "scope": "sms", "state": "open", "since": "2026-03-01T10:00:00Z",
    "incident_id": "qi_1", "opened_at": "2026-03-01T10:00:00Z", "closed_at": None, "observed": 5400.0, "expected": 1800.0,
    "why": "no complaint <b>came</b>", "judged_at": "2026-03-01T11:00:00Z", "trend": [600.0, 5400.0],
}  # fmt: skip
WELL = CHECK | {
    "rule": "customer_missing",
    "kind": "completeness",
    "state": "well",
    "observed": 0.8,
    "expected": 0.55,
    "why": "fine",
    "trend": [],
}
UNKNOWN = CHECK | {
    "rule": "too_few",
    "kind": "volume",
    "state": "unknown",
    "observed": None,
    "expected": None,
    "why": "too little of its past",
}
RULE = {
    "rule": "no_customer",
    "action": "quarantine",
    "what": "present of customer_id",
    "complaints_24h": 9,
    "flagged_24h": 0,
    "quarantined_24h": 4,
}


ANSWER = {"open": 1, "judged": 2, "judged_at": "2026-03-01T11:00:00Z", "checks": [CHECK, WELL, UNKNOWN], "rules": [RULE]}  # fmt: skip


class Backend(Fake):
    answer = ANSWER

    async def quality(self):
        if self.answer is None:
            raise ValueError("quality rules x.yaml: rows.a.b: no such key")
        return self.answer


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def client(backend):
    app = FastAPI()
    app.include_router(router(backend))
    made = TestClient(app, follow_redirects=False)
    made.cookies.set("beejan_session", "good")
    return made


def test_the_page_has_what_fails_first_and_a_table_of_rules(client):
    answer = client.get("/quality")
    assert answer.status_code == 200
    text = answer.text
    assert 'href="/quality" aria-current="page">Quality</a>' in text
    assert '<article class="card incident high" id="qi_1">' in text
    assert "no complaint &lt;b&gt;came&lt;/b&gt;" in text and "<b>came" not in text
    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", text)]
    assert cells[7:12] == ["silent", "sms", "failing", "90 min", "30 min"]
    assert {"80 %", "55 %", "not judged"} <= set(cells)
    assert 'aria-label="Trend of 2 points: from 600 to 5.4e+03, between 600 and 5.4e+03"' in text
    assert "quarantined" in cells and "4" in cells


def test_the_tables_can_be_scrolled_by_the_keyboard_and_name_themselves(client):
    text = client.get("/quality").text
    regions = re.findall(r'<section class="card wide" role="region" aria-labelledby="(\w+)" tabindex="0">', text)
    assert regions == ["channels", "complaints"]
    assert all(f'<h2 id="{name}">' in text for name in regions)
    assert text.count("<th scope=") == text.count("<th ")
    assert not re.search(r"<script(?![^>]*(src=|application/json))", text)


def test_who_keeps_dead_letters_gets_to_those_of_the_rule(client, backend):
    link = 'href="/dead-letters?reason=no_customer"'
    assert link not in client.get("/quality").text
    backend.role = "ops"
    assert link in client.get("/quality").text


def test_nothing_yet_and_rules_that_cannot_be_read_say_so(client, backend):
    backend.answer = ANSWER | {"open": 0, "judged": 0, "checks": [], "judged_at": None}
    assert "Nothing judged yet" in client.get("/quality").text
    backend.answer = None
    answer = client.get("/quality")
    assert answer.status_code == 500
    assert "rows.a.b: no such key" in answer.text


def test_a_stranger_is_sent_to_sign_in(client):
    client.cookies.clear()
    assert client.get("/quality").headers["location"] == "/login?next=%2Fquality"


def test_a_trend_is_drawn_from_two_points_on():
    assert marks.spark([]) == marks.spark([1.0]) == marks.spark(None) == ""
    assert 'points="2.0,22.0 94.0,2.0"' in marks.spark([1.0, 3.0])
    assert 'points="2.0,22.0 94.0,22.0"' in marks.spark([5.0, 5.0])


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [(None, "drift", "–"), (0.123, "flagged", "12 %"), (5400, "freshness", "90 min"), (9000, "freshness", "2.5 h"), (0.05, "drift", "0.050"), (1200, "volume", "1,200")],
)  # fmt: skip
def test_what_was_observed_has_its_unit(value, kind, shown):
    assert marks.measure(value, kind) == shown


def test_the_endpoint_shows_the_checks_and_what_the_rows_broke(tmp_path):
    settings, now = Settings(data_dir=tmp_path), datetime.now(UTC)
    writer = Writer(settings)
    kinds = {"silent": "freshness", "too_few": "volume"}
    verdicts = [Verdict("silent", "sms", "well", 1.0, 2.0), Verdict("too_few", "sms", "bad", 1.0, 9.0, "few")]
    rows = follow(verdicts, {}, kinds, now)
    writer.put_quality(pa.Table.from_pylist(rows, schema=QUALITY.schema), None)
    letters = [
        {
            "dead_letter_id": f"e{n}:{attempt}",
            "event_id": f"e{n}",
            "stage": stage,
            "reason": "no_customer",
            "received_at": now,
        }
        for n, attempt, stage in ((1, 1, "quality"), (1, 2, "quality"), (2, 1, "quality"), (3, 1, "decode"))
    ]
    writer._dead.upsert(pa.Table.from_pylist(letters, schema=writer._dead.schema))
    vector = [0.0] * 384
    flags = [["no_customer", "discarded:region"], ["no_customer"], []]
    made = [
        {"event_id": f"{n}", "quality_flags": one, "received_at": now, "vector": vector} for n, one in enumerate(flags)
    ]
    made.append(
        {"event_id": "old", "quality_flags": ["no_customer"], "received_at": now - timedelta(days=2), "vector": vector}
    )
    writer._serving.upsert(pa.Table.from_pylist(made, schema=writer._serving.schema))
    root = settings.zones_uri
    served = SimpleNamespace(
        settings=settings, quality=open_reader(f"{root}/serving", "quality"),
        complaints=open_reader(f"{root}/serving", "complaints"), dead=open_reader(f"{root}/raw", "dead_letters"),
    )  # fmt: skip
    found = asyncio.run(state(served))
    assert (found["open"], found["judged"]) == (1, 2)
    assert [(row["rule"], row["state"]) for row in found["checks"]] == [("too_few", "open"), ("silent", "well")]
    assert not {"told", "known_at"} & set(found["checks"][0])
    counts = {row["rule"]: (row["flagged_24h"], row["quarantined_24h"]) for row in found["rules"]}
    assert counts["no_customer"] == (2, 2)
    assert counts["discarded"] == (1, 0)
    assert {row["rule"]: row["what"] for row in found["rules"]}[
        "very_short"
    ] == "length of text: count letters, least 4"
    writer.close()
