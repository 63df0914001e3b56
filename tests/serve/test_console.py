import json
import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.govern.api_keys import Principal
from serve.console import marks
from serve.console.pages import router

HIT = {
    "event_id": "a" * 64, "text": "<script>alert(1)</script> call <PHONE_a91c>", "channel": "sms", "source": "gw",
    "source_key": "1", "category": "network", "subcategory": "network.outage", "confidence": 0.9, "priority": "P2",
    "region": "Lagos", "product": None, "language": "eng", "occurred_at": "2026-03-01T10:00:00Z", "score": 0.5, "why": ["meaning (cosine 0.50)"],
    "degraded": [],
}  # fmt: skip
ROW = HIT | {
    "category_reasons": ["names an outage"], "priority_score": 4.0, "priority_reasons": [], "language_confidence": 0.9,
    "customer_id": None, "account_id": None, "pii_types": ["PHONE"], "quality_flags": ["very_short"], "duplicate_of": "b" * 64,
    "duplicates": 2, "duplicate_kinds": {"resend": 2}, "duplicate_kind": "resend", "duplicate_why": "the same sender", "repeat_of": None, "received_at": "2026-03-01T10:00:01Z", "taxonomy_version": "telecom/1", "classifier_version": "z/1",
    "embedding_model": "m", "embedding_revision": "r", "pipeline_version": "1", "scored_at": "2026-03-01T10:00:02Z",
}  # fmt: skip
INCIDENT = {
    "incident_id": "inc_1", "segment": "category=network|region=Lagos", "state": "new", "severity": "critical",
    "started_at": "2026-03-01T10:00:00Z", "detected_at": "2026-03-01T10:10:00Z", "ended_at": None, "observed": 50,
    "expected": 1.5, "interval_low": 0.0, "interval_high": 4.0, "related": ["region=Lagos"],
    "evidence": {"terms": [{"term": "</script><b>", "count": 3}], "exemplars": [{"event_id": "a" * 64, "text": "dark <EMAIL_0b1c>"}],
                 "series": [{"bucket": "2026-03-01T10:00:00+00:00", "count": 9, "expected": 0.2}]},
}  # fmt: skip


LETTER = {
    "dead_letter_id": "c" * 64 + ":2", "event_id": "c" * 64, "attempt": 2, "stage": "times", "reason": "bad_time_unparsable",
    "message": "field occurred_at: '<b>' is not a time of <EMAIL_0b1c>", "payload_ref": "raw.envelopes/" + "c" * 64, "channel": "sms",
    "source": "gw", "source_key": "7", "received_at": "2026-03-01T10:00:01Z", "failed_at": "2026-03-01T10:00:02Z", "stream_seq": 3,
}  # fmt: skip


PASSPORT = {
    "event_id": "a" * 64, "state": "stored", "envelope": {"channel": "sms", "mapping": None},
    "steps": [{"stage": "mask", "reads": ["clean_text"], "made": {"text": "<b> call <PHONE_a91c>", "pii_types": ["PHONE", "EMAIL"]}}],
    "versions": {}, "counted_in": [{"segment": "region=Lagos", "bucket": "2026-03-01T10:00:00Z"}],
    "duplicates": {"head": "a" * 64, "kind": None, "score": None, "others": [{"event_id": "b" * 64, "duplicate_kind": "near", "duplicate_score": 0.9}]},
    "incidents": [{"incident_id": "inc_1", "segment": "region=Lagos", "state": "new", "through": ["region=Lagos"]}],
    "dead_letters": [],
}  # fmt: skip


VERSION = {
    "id": "complaints/20260301-101500-1a2b3c4d", "name": "complaints", "version": "20260301-101500-1a2b3c4d", "role": "challenger",
    "manifest": {
        "created_at": "2026-03-01T10:15:00Z", "data": {"source": "stored labels", "rows": 1200}, "taxonomy": "telecom/1",
        "metrics": {
            "accuracy": 0.91, "macro_f1": 0.88, "calibration_error": 0.012, "held_out": 240,
            "reliability": [{"of": 40, "confidence": 0.55, "accuracy": 0.5}, {"of": 200, "confidence": 0.95, "accuracy": 0.96}],
            "slices": {"language": {"eng": {"of": 200, "accuracy": 0.92}, "pcm": {"of": 40, "accuracy": 0.85}}, "region": {}},
            "by_label": {"network.outage": {"of": 40, "recall": 0.9, "f1": 0.91}, "billing.refund": {"of": 30, "recall": 0.7, "f1": 0.75}},
        },
    },
}  # fmt: skip
SHADOW = {"champion": "zero-shot/1", "of": 300, "agree": 0.8, "low": 0.75, "high": 0.84, "slices": {},
          "parted": [{"champion": "network.outage", "challenger": "billing.refund", "count": 12}]}  # fmt: skip
_SIDE = {"accuracy": 0.8, "category": 0.9, "macro_f1": 0.7, "calibration_error": 0.05, "abstained": 0.1,
         "reliability": [{"of": 200, "confidence": 0.7, "accuracy": 0.8}]}  # fmt: skip
REPORT = {
    "versions": {"champion": "zero-shot/1", "challenger": VERSION["id"]}, "of": 200, "champion": _SIDE, "challenger": _SIDE | {"accuracy": 0.9},
    "gain": {"of": 200, "difference": 0.1, "low": 0.05, "high": 0.15, "better": 30, "worse": 10},
    "slices": [{"column": "language", "value": "pcm", "champion": 0.7, "challenger": 0.5, "of": 40, "difference": -0.2, "low": -0.3, "high": -0.1,
                "better": 0, "worse": 8, "judged": True, "worse_for_sure": True}],
    "confusion": [{"label": "network.outage", "predicted": "<b>", "champion": 9, "challenger": 1}], "against": ["language pcm gets worse"],
    "shadow": SHADOW,
}  # fmt: skip
CLUSTER = {
    "cluster_id": 7, "name": "refund <b> twice", "kind": "topic", "state": "active", "other": None, "terms": ["refund", "charged twice"], "size": 120,
    "recent": 30, "growth": 2.5, "emerging": True, "born_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z",
}  # fmt: skip
OVERVIEW = {
    "period": "7d", "since": "2026-03-01T10:00:00Z", "count": 20, "before": 10, "change": 1.0,
    "series": [{"bucket": "2026-03-01T10:00:00Z", "count": 2, "before": 1}],
    "moved": {"category": [{"value": "network", "count": 20, "before": 2, "change": 9.0}], "region": [{"value": "Kano", "count": 9, "before": 0, "change": None}], "product": []},
    "channels": [{"channel": "sms", "newest": "2026-03-01T10:00:00Z", "minutes": 300, "silent": True}], "dead_lettered": 3, "open_incidents": 1, "open_quality": 0,
}  # fmt: skip
COUNTS = {
    "facets": {"facets": {
        "category": {"values": [{"value": "network", "count": 20}, {"value": None, "count": 3}], "other": {"values": 2, "count": 5}, "more": False},
        "cluster": {"values": [{"value": 7, "count": 4}], "other": {"values": 0, "count": 0}, "more": False},
    }},
    "trends": {
        "buckets": ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"], "since": "2026-03-01T00:00:00Z", "more": False,
        "all": {"value": None, "counts": [3, 5], "total": 8, "before": 4, "change": 1.0},
    },
}  # fmt: skip

CALM = {"shed": [], "state": "normal", "behind_s": 0.0, "degraded": 0}


class Fake:
    stored = 3
    overload = CALM
    row = ROW
    role = "analyst"
    counts = COUNTS
    champion = "zero-shot/1"

    def __init__(self):
        self.retried = []
        self.changed = []

    async def sign_in(self, key):
        return {"good": Principal("k1", "Ada", self.role), "intake": Principal("k2", "form", "intake")}.get(key)

    async def principal(self, session):
        return await self.sign_in(session)

    def session_for(self, principal):
        return "intake" if principal.role == "intake" else "good"

    async def search(self, query, mode, filters, since, until, limit, cursor, folded):
        self.asked = (query, mode, filters, since, until, cursor, folded)
        if mode == "magic":
            raise ValueError("mode 'magic': expected one of hybrid, vector, text")
        hits = [] if query == "nothing" else [HIT]
        return {"hits": hits, "total": 31, "next_cursor": "bzI1", "seconds": 0.01, "mode": mode}

    def shown(self, user, value):
        return value

    async def trace(self, event_id):
        return PASSPORT if event_id == "a" * 64 else None

    async def complaint(self, event_id):
        return self.row if event_id == "a" * 64 else None

    def form_token(self, session):
        return f"token of {session}"

    async def dead_letters(self, state, limit, cursor):
        self.asked = (state, limit, cursor)
        if state["since"] == "never":
            raise ValueError("since: 'never' is no time")
        found = [] if state["reason"] == "none" else [LETTER]
        return {"dead_letters": found, "total": len(found) * 31, "by_reason": {"bad_time_unparsable": 31} if found else {}, "next_cursor": "bzI1"}  # fmt: skip

    async def retry_dead_letters(self, state, event_id):
        self.retried.append((state, event_id))
        if state["since"] == "never":
            raise ValueError("since: 'never' is no time")
        return 1 if event_id else 31

    async def search_counts(self, query, mode, filters, since, until, folded, interval):
        return self.counts

    async def similar(self, event_id):
        return {"same_topic": [HIT]}

    async def cluster_names(self):
        return {"7": CLUSTER["name"], "-1": "in no cluster"}

    async def clusters(self, state, emerging, limit, offset):
        if state not in ("active", "merged", "ended"):
            raise ValueError(f"state {state!r}: expected one of active, merged, ended")
        self.asked = (state, emerging, limit, offset)
        rows = [CLUSTER] if state == "active" else []
        return {"clusters": rows, "total": 60 * len(rows)}

    async def cluster_map(self):
        return {
            "clusters": [{"cluster_id": 7, "x": 0.0, "y": 0.0, "name": CLUSTER["name"], "size": 120}],
            "dots": {"x": [0.1], "y": [0.2], "cluster": [7]},
        }

    async def cluster(self, cluster_id):
        if cluster_id != 7:
            return None
        facets = {
            f"by_{name}": [{"value": "sms", "count": 2}] for name in ("category", "channel", "region", "priority")
        }
        events = [
            {"at": "2026-03-01T10:00:00Z", "event": "born", "other": None},
            {"at": "2026-03-02T10:00:00Z", "event": "split", "other": 9},
        ]
        days = [
            {"bucket": "2026-03-01T00:00:00+00:00", "count": 3},
            {"bucket": "2026-03-02T00:00:00+00:00", "count": 0},
        ]
        return CLUSTER | facets | {"events": events, "exemplars": [HIT], "days": days}

    async def models(self):
        state = {"classifier_version": "zero-shot/1", "rescoring": False, "due": 0, "scored": 0, "failing": 0}
        return {"classifier": "complaints", "champion": self.champion, "models": [VERSION], "state": state}

    async def model(self, name, version):
        if version != VERSION["version"]:
            raise LookupError(f"model {name}/{version}: not there")
        measures = [{"name": "input", "state": "explained", "cause": "outage", "value": 0.31, "most": 0.2, "why": "moved"},
                    {"name": "calibration", "state": "unknown", "value": None, "most": 0.05, "why": "few"}]  # fmt: skip
        days = [
            {"day": f"2026-03-0{n}", "of": 10 * n, "confidence": 0.7, "abstained": 0.1, "moved": 0.05 * n}
            for n in (1, 2, 3)
        ]
        decision = {
            "at": "2026-03-01T10:16:00Z",
            "action": "challenger",
            "champion": {"from": None, "to": None},
            "by": "train",
            "reason": "",
            "forced": False,
        }
        drift = {"of": 300, "before": 900, "drifts": 0, "measures": measures, "incidents": ["inc_1"]}
        return {"id": VERSION["id"], "role": "challenger", "manifest": VERSION["manifest"], "decisions": [decision], "shadow": SHADOW, "drift": drift, "history": days}  # fmt: skip

    async def model_compared(self, name, version):
        return REPORT

    async def model_promote(self, user, name, version, force, reason):
        if not force:
            raise ValueError("it is not promoted: language pcm gets worse")
        self.changed.append(("promote", version, reason, user.name))

    async def model_challenge(self, user, name, version):
        self.changed.append(("challenge", version))

    async def model_rollback(self, user, name, reason):
        if self.champion == "zero-shot/1":
            raise LookupError("there is no champion before zero-shot/1")
        self.changed.append(("rollback", name, reason))

    async def overview(self, period):
        facets = {
            f"by_{n}": [{"value": "a&b=c", "count": 2}, {"value": None, "count": 1}]
            for n in ("category", "priority", "channel", "language")
        }
        return OVERVIEW | facets | {"period": period, "stored": self.stored, "overload": self.overload}

    async def incidents(self, limit):
        return [INCIDENT]

    async def incident(self, incident_id):
        return INCIDENT if incident_id == "inc_1" else None

    async def alert_position(self):
        return 41


@pytest.fixture
def backend():
    return Fake()


@pytest.fixture
def client(backend):
    app = FastAPI()
    app.include_router(router(backend))
    return TestClient(app, follow_redirects=False)


@pytest.fixture
def inside(client):
    client.cookies.set("beejan_session", "good")
    return client


def test_who_is_not_signed_in_is_asked_to_and_comes_back(client):
    answer = client.get("/search?q=a+b")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fsearch%3Fq%3Da%2Bb")
    done = client.post("/login", data={"key": "good", "next": "/search?q=a+b"})
    assert (done.status_code, done.headers["location"]) == (303, "/search?q=a+b")
    assert "HttpOnly" in done.headers["set-cookie"] and "samesite=strict" in done.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]
)
def test_signing_in_never_leads_elsewhere(client, target):
    assert client.post("/login", data={"key": "good", "next": target}).headers["location"] == "/"


def test_a_wrong_key_and_a_key_that_may_not_look(client):
    assert client.post("/login", data={"key": "bad"}).status_code == 401
    client.cookies.set("beejan_session", "intake")
    answer = client.get("/")
    assert answer.status_code == 403
    assert "content-security-policy" in answer.headers
    assert 'href="/search"' not in answer.text and "Sign out" in answer.text


def test_no_key_at_all_is_a_page_not_json(client):
    answer = client.post("/login", data={})
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")


def test_an_admin_may_look_and_who_signs_out_is_out(client, backend):
    backend.role = "admin"
    client.cookies.set("beejan_session", "good")
    assert client.get("/").status_code == 200
    done = client.post("/logout", headers={"sec-fetch-site": "same-origin"})
    assert (done.status_code, done.headers["location"]) == (303, "/login")
    assert 'beejan_session=""' in done.headers["set-cookie"] and "Max-Age=0" in done.headers["set-cookie"]


def test_forms_of_other_sites_are_refused(client):
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert client.post("/login", data={"key": "good"}, headers=headers).status_code == 403
        assert client.post("/logout", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "path", ["/", "/search", "/search?q=x", "/alerts", "/incidents/inc_1", f"/complaints/{'a' * 64}"]
)
def test_every_page_renders_safely(inside, path):
    answer = inside.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>alert" not in answer.text
    assert not re.search(r"<script(?![^>]*(src=|application/json))", answer.text)


def test_masked_values_are_chips_and_markup_is_text(inside):
    text = inside.get("/search?q=x").text
    assert '<span class="chip" title="phone a91c, masked">phone <i>a91c</i></span>' in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_every_state_of_a_search_is_in_the_url(inside, backend):
    text = inside.get(
        "/search?q=x&mode=text&category=network&category=billing&region=Lagos&since=2026-01-01&cursor=abc"
    ).text
    assert backend.asked == (
        "x", "text", {"channel": [], "category": ["network", "billing"], "subcategory": [], "priority": [], "region": ["Lagos"],
                     "product": [], "language": [], "cluster": [], "source": [], "customer": []},
        "2026-01-01", None, "abc", False,
    )  # fmt: skip
    assert re.search(r'value="network" checked', text)
    more = re.search(r'class="button" href="([^"]+)"', text)[1].replace("&amp;", "&")
    assert 'name="q" type="search" value="x"' in text
    assert (
        'href="/search?q=x&amp;mode=text&amp;since=2026-01-01&amp;category=network&amp;category=billing&amp;region=Lagos">Back'
        in text
    )
    assert more == "/search?q=x&mode=text&since=2026-01-01&category=network&category=billing&region=Lagos&cursor=bzI1"


def test_a_search_that_cannot_be_run_says_why(inside):
    answer = inside.get("/search?q=x&mode=magic")
    assert answer.status_code == 422
    assert "expected one of hybrid" in answer.text


def test_the_overview_says_what_is_shed_under_load(inside, backend):
    assert 'class="card" role="status"' not in inside.get("/").text
    backend.overload = CALM | {"shed": ["embedding_static"], "behind_s": 20.4, "degraded": 5}
    assert "found less precisely" in inside.get("/").text
    backend.overload = CALM | {"shed": ["embedding_static", "intake_slowed"], "behind_s": 1301.2}
    assert "1,301 seconds behind" in inside.get("/").text
    backend.overload = CALM | {"degraded": 1200}
    assert "1,200 complaints of a busy time are being completed" in inside.get("/").text


def test_a_complaint_that_is_to_be_completed_says_so(inside, backend):
    assert "to be completed" not in inside.get(f"/complaints/{'a' * 64}").text
    backend.row = ROW | {"degraded": ["embedding_static"]}
    assert "embedding static" in inside.get(f"/complaints/{'a' * 64}").text.casefold()


def test_empty_states_say_what_to_do(inside, backend):
    assert "Nothing found" in inside.get("/search?q=nothing").text
    backend.stored = 0
    assert "beejan ingest" in inside.get("/").text


@pytest.mark.parametrize("path", ["/complaints/xyz", "/incidents/none"])
def test_unknown_ids_are_a_page(inside, path):
    answer = inside.get(path)
    assert answer.status_code == 404
    assert "Back to the start" in answer.text


def test_chart_data_cannot_break_out(inside):
    text = inside.get("/incidents/inc_1").text
    block = re.search(r'<script type="application/json" data-chart="series">(.*?)</script>', text, re.S)[1]
    assert json.loads(block)["y"] == [9]
    assert "</script><b>" not in text


def test_the_feed_goes_on_where_the_page_ends(inside):
    assert 'data-live="/v1/alerts/stream?last_event_id=41"' in inside.get("/alerts").text


def test_applying_the_form_again_loses_no_filter(inside):
    text = inside.get("/search?region=Lagos&region=Kano&language=hau&category=new&since=2026-01-01T10:00:00Z").text
    for name, value in (("region", "Lagos"), ("region", "Kano"), ("language", "hau"), ("category", "new")):
        assert f'type="checkbox" name="{name}" value="{value}" checked' in text
    # A date field would come back empty.
    assert '<input type="text" name="since" value="2026-01-01T10:00:00Z">' in text
    assert '<input type="date" name="until" value="">' in text


def test_each_filter_can_be_taken_away_alone(inside):
    text = inside.get("/search?q=x&region=Lagos&region=Kano&until=2026-01-01").text
    gone = [address.replace("&amp;", "&") for address in re.findall(r'<a href="([^"]+)" aria-label="Remove', text)]
    assert gone == [
        "/search?q=x&mode=hybrid&until=2026-01-01&region=Kano",
        "/search?q=x&mode=hybrid&until=2026-01-01&region=Lagos",
        "/search?q=x&mode=hybrid&region=Lagos&region=Kano",
    ]


def test_figures_link_to_their_complaints(inside):
    text = inside.get("/").text
    assert 'href="/search?category=a%26b%3Dc&amp;since=2026-03-01T10%3A00%3A00Z"' in text
    assert "not known" in text and 'href="/search?category="' not in text


def test_a_complaint_not_yet_scored_is_shown(inside, backend):
    unscored = (
        "category", "subcategory", "confidence", "category_reasons", "priority", "priority_score", "priority_reasons",
        "language", "language_confidence", "pii_types", "quality_flags", "scored_at", "classifier_version",
    )  # fmt: skip
    backend.row = ROW | dict.fromkeys(unscored)
    answer = inside.get(f"/complaints/{'a' * 64}")
    assert answer.status_code == 200
    assert "Why no priority" in answer.text and "None" not in answer.text


def test_an_incident_leads_to_its_complaints(inside):
    text = inside.get("/incidents/inc_1").text
    assert 'href="/search?category=network&amp;region=Lagos&amp;since=2026-03-01T10%3A00%3A00Z"' in text
    assert 'href="/search?region=Lagos&amp;since=2026-03-01T10%3A00%3A00Z">Lagos</a>' in text
    assert f'href="/complaints/{"a" * 64}"' in text


def test_a_segment_with_an_unknown_dimension_has_no_search():
    assert marks.search_of("planet=Mars|region=Lagos") is None
    assert marks.search_of("region=A%7CB") == "/search?region=A%7CB"


def test_an_excerpt_never_ends_in_half_a_placeholder():
    assert marks.excerpt("call <PHONE_a91c> now", 21) == "call <PHONE_a91c> now"
    for most in range(6, 17):
        assert marks.excerpt("call <PHONE_a91c> now", most) == "call…"
    assert marks.excerpt("call <PHONE_a91c> now", 17) == "call <PHONE_a91c>…"


def test_times_are_utc_whatever_their_offset():
    assert marks.when("2026-03-01T00:30:00+01:00") == (
        '<time datetime="2026-03-01T00:30:00+01:00">28 Feb 2026, 23:30 UTC</time>'
    )
    assert marks.when(None) == "–"


def test_pages_load_files_by_content_and_those_are_kept_for_long(inside):
    for page, names in (("/", ("console.css", "console.js", "plotly.min.js")), ("/alerts", ("console.js",))):
        text = inside.get(page).text
        for name in names:
            address = re.search(rf'"(/static/{re.escape(name)}\?v=[0-9a-f]{{16}})"', text)[1]
            assert "immutable" in inside.get(address).headers["cache-control"]
    assert "immutable" not in inside.get("/static/console.css?v=0000000000000000").headers["cache-control"]


def test_files_are_packed_for_who_takes_that(client):
    plain = client.get("/static/console.css", headers={"accept-encoding": "identity"})
    packed = client.get("/static/console.css", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content
    assert plain.headers["etag"] != packed.headers["etag"]


def test_scripts_and_styles_are_served_with_an_etag(client):
    for name in ("console.css", "console.js", "plotly.min.js"):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert client.get(f"/static/{name}", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert client.get("/static/pages.py").status_code == 404
    assert client.get("/static/..%2Fpages.py").status_code == 404


@pytest.fixture
def keeper(inside, backend):
    backend.role = "ops"
    return inside


def test_dead_letters_are_for_those_who_keep_the_engine(inside, backend):
    assert inside.get("/dead-letters").status_code == 403
    assert "Dead letters" not in inside.get("/").text
    for role in ("ops", "steward", "admin"):
        backend.role = role
        assert inside.get("/dead-letters").status_code == 200
        assert 'href="/dead-letters"' in inside.get("/").text


def test_dead_letters_show_reasons_and_messages_but_never_payloads(keeper):
    text = keeper.get("/dead-letters").text
    assert "31 records" in text and "attempt 2" in text
    assert 'href="/dead-letters?reason=bad_time_unparsable"' in text
    assert "&lt;b&gt;" in text and 'class="chip"' in text
    assert "payload_ref" not in text and "raw.envelopes" not in text


def test_filters_of_dead_letters_are_in_the_url(keeper, backend):
    text = keeper.get("/dead-letters?reason=bad_json&source=a%26b&channel=sms&since=2026-03-01&cursor=abc").text
    state = {"reason": "bad_json", "source": "a&b", "channel": "sms", "since": "2026-03-01"}
    assert backend.asked == (state, 25, "abc")
    address = "/dead-letters?reason=bad_json&amp;source=a%26b&amp;channel=sms&amp;since=2026-03-01"
    assert f'href="{address}">Back to the first page' in text
    assert f'href="{address}&amp;cursor=bzI1">More' in text
    assert '<option value="sms" selected>' in text


def test_filters_that_cannot_be_are_told_on_the_page(keeper):
    answer = keeper.get("/dead-letters?since=never")
    assert answer.status_code == 422
    assert "is no time" in answer.text


def test_no_dead_letters_is_a_state_of_its_own(keeper):
    assert "None with these filters" in keeper.get("/dead-letters?reason=none").text


def test_a_retry_needs_the_sessions_token(keeper, backend):
    form = {"event_id": "c" * 64, "back": "/dead-letters?reason=bad_json"}
    for token in ("", "token of other", None):
        data = form if token is None else form | {"token": token}
        assert keeper.post("/dead-letters/retry", data=data).status_code == 403
    ours = form | {"token": "token of good"}
    assert keeper.post("/dead-letters/retry", data=ours, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert backend.retried == []
    done = keeper.post("/dead-letters/retry", data=ours)
    assert (done.status_code, done.headers["location"]) == (303, "/dead-letters?reason=bad_json&sent=1")
    assert backend.retried[0][1] == "c" * 64
    assert "sent through again" in keeper.get(done.headers["location"]).text


def test_a_retry_of_all_takes_the_filters_of_the_page(keeper, backend):
    text = keeper.get("/dead-letters?channel=sms").text
    token = re.search(r'name="token" value="([^"]+)"', text)[1]
    done = keeper.post("/dead-letters/retry", data={"token": token, "back": "//evil.example", "channel": "sms"})
    assert done.headers["location"] == "/?sent=31"
    assert backend.retried == [({"reason": "", "source": "", "channel": "sms", "since": ""}, None)]


def test_only_ops_may_retry(keeper, backend):
    backend.role = "steward"
    assert "Try again" not in keeper.get("/dead-letters").text
    assert keeper.post("/dead-letters/retry", data={"token": "token of good"}).status_code == 403
    assert backend.retried == []


def test_a_retry_that_cannot_be_says_why(keeper):
    answer = keeper.post("/dead-letters/retry", data={"token": "token of good", "since": "never"})
    assert answer.status_code == 422
    assert "is no time" in answer.text


def test_the_way_of_a_complaint_names_each_stage_and_escapes_what_it_made(inside):
    shown = inside.get(f"/complaints/{'a' * 64}/trace").text
    assert "<h2>mask</h2>" in shown
    assert "PHONE; EMAIL" in shown
    assert "&lt;b&gt; call <span" in shown
    assert f'href="/complaints/{"b" * 64}"' in shown
    assert 'href="/incidents/inc_1"' in shown
    assert inside.get(f"/complaints/{'c' * 64}/trace").status_code == 404
