import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from connectors.social.client import pause
from connectors.social.html import html_to_text
from connectors.social.pull import SocialPull
from connectors.social.settings import SocialPullSettings
from connectors.source import BadSource, SourceAway
from connectors.times import moment
from tests.connectors.conformance import Case, Conformance, read_all
from tests.connectors.social.mastodon import TOKEN, Mastodon, status


@pytest.fixture
def server():
    server = Mastodon()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("SOCIAL_TOKEN", TOKEN)


def pull(server, *feeds, **more):
    read = [{"feed": feed, "values": {"tag": "beejan"} if feed == "hashtag" else {}} for feed in feeds]
    given = {
        "api": "mastodon",
        "base_url": server.url,
        "read": read,
        "token_env": "SOCIAL_TOKEN",
        "timeout_s": 5,
    } | more
    return SocialPull("fediverse", SocialPullSettings.model_validate(given))


def mention(number, post):
    return {"id": str(number), "type": "mention", "status": post}


def texts(records):
    return [json.loads(record.payload)["text"] for record in records]


class TestOldestFirst(Conformance):
    @pytest.fixture
    def case(self, server):
        for number in range(1, 8):
            server.notifications.append(mention(number, status(100 + number, f"<p>mention {number} of the mast</p>")))
        server.conversations.append(
            {"id": "9", "last_status": status(200, "<p>please keep this to us</p>", visibility="direct")}
        )
        server.tag += [status(300 + number, f"<p>tagged {number}</p>") for number in range(4)]
        expected = (
            [f"mention {n} of the mast" for n in range(1, 8)]
            + ["please keep this to us"]
            + [f"tagged {n}" for n in range(4)]
        )

        def add(text):
            server.tag.append(status(400, f"<p>{text}</p>"))

        return Case(lambda: pull(server, "mentions", "conversations", "hashtag"), expected, add, ("ada", "far.example"))


class TestNewestFirst(Conformance):
    """By the Link header, back to what the pass before it had."""

    @pytest.fixture
    def case(self, server):
        server.public += [status(number, f"<p>post {number:02d}.</p>") for number in range(1, 9)]

        def add(text):
            server.public.append(status(50, f"<p>{text}</p>"))

        return Case(lambda: pull(server, "public"), [f"post {n:02d}." for n in range(8, 0, -1)], add, ("ada",))


def test_what_comes_in_the_middle_of_a_pass_is_read_by_the_next(server):
    server.public += [status(number, f"<p>post {number}</p>") for number in range(1, 8)]
    source, cursors, first = pull(server, "public"), {}, []
    for record in source.read("public", None):
        cursors["public"] = record.cursor
        first.append(record)
        if len(first) == 2:
            break
    server.public += [status(number, f"<p>post {number}</p>") for number in range(8, 13)]
    rest = read_all(pull(server, "public"), cursors)
    assert texts(first) == ["post 7", "post 6"]
    assert texts(rest) == [f"post {n}" for n in (5, 4, 3, 2, 1, 12, 11, 10, 9, 8)]
    assert read_all(pull(server, "public"), cursors) == []


def test_a_page_whose_link_is_over_is_found_again_from_the_top(server):
    server.public += [status(number, f"<p>post {number}</p>") for number in range(1, 8)]
    cursors, first = {}, []
    for record in pull(server, "public").read("public", None):
        cursors["public"] = record.cursor
        first.append(record)
        if len(first) == 4:
            break
    server.fail = [(410, {}, b"{}")]
    assert texts(first + read_all(pull(server, "public"), cursors)) == [f"post {n}" for n in range(7, 0, -1)]


def test_a_quiet_feed_is_asked_once_a_look(server):
    server.public.append(status(1, "<p>one</p>"))
    source, cursors = pull(server, "public"), {}
    read_all(source, cursors)
    server.asked.clear()
    assert read_all(source, cursors) == []
    assert server.asked == ["/api/v1/timelines/public?limit=40&since_id=1"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        # The server's clock is a day behind ours or ahead of it: only the difference counts.
        ({"Retry-After": "Sun, 01 Mar 2020 10:00:30 GMT", "Date": "Sun, 01 Mar 2020 10:00:00 GMT"}, 30),
        ({"Retry-After": "Sun, 01 Mar 2099 10:02:00 GMT", "Date": "Sun, 01 Mar 2099 10:00:00 GMT"}, 120),
        ({"X-RateLimit-Reset": "2020-03-01T10:05:00.000000Z", "Date": "Sun, 01 Mar 2020 10:00:00 GMT"}, 300),
        ({"x-rate-limit-reset": "1583056800", "Date": "Sun, 01 Mar 2020 09:59:00 GMT"}, 60),
        ({"Retry-After": "Sun, 01 Mar 2020 09:00:00 GMT", "Date": "Sun, 01 Mar 2020 10:00:00 GMT"}, 1),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_too_many_requests_says_when_to_go_on(server, headers, seconds):
    server.public.append(status(1, "<p>one</p>"))
    server.fail = [(429, headers, b"{}")]
    source = pull(server, "public")
    with pytest.raises(SourceAway) as error:
        read_all(source)
    assert error.value.retry_after_s == seconds
    assert texts(read_all(source)) == ["one"]


def test_a_pause_without_a_date_is_by_our_clock_and_has_an_end():
    now = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert pause({"retry-after": "Sun, 01 Mar 2026 10:01:00 GMT"}, 503, now) == 60
    assert pause({"retry-after": "99999999"}, 503, now) == 86_400
    assert pause({"x-ratelimit-reset": "1772360000"}, 500, now) is None


def test_a_rate_limit_in_the_middle_loses_nothing(server):
    server.notifications += [mention(n, status(100 + n, f"<p>mention {n}</p>")) for n in range(1, 11)]
    source, cursors, found = pull(server, "mentions"), {}, []
    for attempt in range(20):
        server.fail = [(429, {"Retry-After": "1"}, b"{}")] if attempt % 2 else []
        try:
            for record in source.read("mentions", cursors.get("mentions")):
                cursors["mentions"] = record.cursor
                found.append(record)
                if len(found) % 3 == 0:
                    server.fail = [(503, {}, b"")]
        except SourceAway:
            continue
    assert texts(found) == [f"mention {n}" for n in range(1, 11)]


@pytest.mark.parametrize("code", [500, 502, 503, 408, 425])
def test_a_server_in_trouble_is_away(server, code):
    server.fail = [(code, {}, b"<html>oops")]
    with pytest.raises(SourceAway):
        read_all(pull(server, "public"))


def test_a_page_of_maintenance_is_no_answer(server):
    server.fail = [(200, {"Content-Type": "text/html"}, b"<html>back soon</html>")]
    with pytest.raises(SourceAway, match="without JSON"):
        read_all(pull(server, "public"))


@pytest.mark.parametrize("code", [400, 401, 403, 404, 418, 301])
def test_what_a_person_has_to_mend_says_so(server, code):
    server.fail = [(code, {"Location": "http://other.example/"} if code == 301 else {}, b"{}")]
    with pytest.raises(BadSource) as error:
        read_all(pull(server, "public"))
    assert str(code) in str(error.value) and "fediverse" in str(error.value)
    assert TOKEN not in str(error.value)


def test_a_wrong_token_is_told(server, monkeypatch):
    monkeypatch.setenv("SOCIAL_TOKEN", "another")
    with pytest.raises(BadSource, match="401"):
        read_all(pull(server, "public"))
    monkeypatch.delenv("SOCIAL_TOKEN")
    with pytest.raises(BadSource, match="SOCIAL_TOKEN is not set"):
        pull(server, "public")


def test_a_server_that_restarts_is_read_on(server):
    server.notifications += [mention(n, status(100 + n, f"<p>mention {n}</p>")) for n in range(1, 4)]
    source, cursors = pull(server, "mentions"), {}
    assert len(read_all(source, cursors)) == 3
    server.stop()
    with pytest.raises(SourceAway):
        read_all(source, cursors)
    server.start()
    server.notifications.append(mention(4, status(104, "<p>after the restart</p>")))
    assert texts(read_all(source, cursors)) == ["after the restart"]


def test_a_server_that_is_silent_is_away():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = {"url": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        source = pull(type("Silent", (), given), "public", timeout_s=1)
        with pytest.raises(SourceAway, match="no answer within 1 s"):
            read_all(source)


def test_the_token_is_not_sent_to_another_host(server):
    server.fail = [
        (200, {"Link": '<http://evil.example/x>; rel="next"'}, json.dumps([status(1, "<p>one</p>")]).encode())
    ]
    with pytest.raises(BadSource, match="another host"):
        read_all(pull(server, "public"))


def test_an_answer_without_end_is_refused(server):
    server.public.append(status(1, "<p>" + "x" * 5000 + "</p>"))
    with pytest.raises(BadSource, match="max_page_bytes"):
        read_all(pull(server, "public", max_page_bytes=2048))


def test_a_post_in_two_feeds_is_one_complaint(server):
    post = status(7, "<p>no network #beejan</p>")
    server.notifications.append(mention(1, post))
    server.tag.append(post | {"favourites_count": 12})
    one, two = read_all(pull(server, "mentions", "hashtag"))
    assert (one.key, one.payload) == (two.key, two.payload)
    assert (one.metadata["feed"], two.metadata["feed"]) == ("mentions", "hashtag")


def test_edited_deleted_and_own_posts(server):
    server.notifications += [
        mention(1, None),
        mention(2, status(12, "<p>our answer</p>", author="Care@us.example")),
        mention(3, status(13, "<p>first words</p>")),
        mention(4, status(13, "<p>other words</p>", edited_at="2026-03-01T11:00:00.000Z")),
        {"id": "5", "type": "favourite", "status": status(14, "<p>liked</p>")},
    ]
    records = read_all(pull(server, "mentions", own_accounts=["@care@us.example"]))
    assert texts(records) == ["first words", "other words"]
    assert [r.key for r in records] == ["13", "13@2026-03-01T11:00:00.000Z"]
    assert [r.metadata.get("edited") for r in records] == [None, True]


def test_a_conversation_whose_last_message_was_deleted_stops_nothing(server):
    server.conversations.append({"id": "9", "last_status": status(200, "<p>hello</p>", visibility="direct")})
    page = [{"id": "8", "last_status": None}, *server.conversations]
    server.fail = [(200, {}, json.dumps(page).encode())]
    assert texts(read_all(pull(server, "conversations"))) == ["hello"]


def test_a_post_without_an_id_is_a_dead_letter_and_a_feed_of_them_is_set_up_wrongly(server):
    good = mention(1, status(1, "<p>good</p>"))
    server.fail = [(200, {}, json.dumps([mention(2, {"content": "x"}), good]).encode())]
    records = read_all(pull(server, "mentions"))
    assert [r.defect_code for r in records] == [None, "no_id"]
    server.fail = [(200, {}, json.dumps([{"status": {}}]).encode())]
    with pytest.raises(BadSource, match="no element has id"):
        read_all(pull(server, "mentions"))


def test_the_payload_is_what_the_stages_take_without_a_mapping(server, context):
    from engine.intake.envelope import Envelope, to_table
    from engine.stages.pipeline import clean

    server.tag.append(status(7, "<p>No network in <b>Ikeja</b><br>since 8, call 08031234567</p>"))
    (record,) = read_all(pull(server, "hashtag"))
    envelope = Envelope(
        "social", "fediverse", record.key, record.payload, record.content_type, datetime(2026, 3, 2, tzinfo=UTC)
    )
    row = clean(to_table([(envelope.event_id, envelope, 1)]), context).to_pylist()[0]
    assert row["error_stage"] is None
    assert row["text"].startswith("No network in Ikeja\nsince 8, call <PHONE_")
    assert row["occurred_at"] == datetime(2026, 3, 1, 10, 7, tzinfo=UTC)
    assert row["customer_id"].startswith("customer_")


# An API in the way of X: the newest first, pages by a token in the answer.
BY_TOKEN = {
    "prefix": "",
    "feeds": {
        "mentions": {
            "path": "/2/mentions", "items": "data[]", "author": "author_id", "occurred_at": "created_at", "paging": "token",
            "since": "since_id", "page": "pagination_token", "next": "meta.next_token",
        }
    },
}  # fmt: skip


class TestTokens(Conformance):
    @pytest.fixture
    def case(self, server):
        posts = [
            {"id": str(n), "text": f"tweet {n}.", "author_id": "77", "created_at": "2026-03-01T10:00:00Z"}
            for n in range(98, 103)
        ]

        def answer(request):
            from urllib.parse import parse_qs, urlsplit

            query = {k: v[0] for k, v in parse_qs(urlsplit(request.path).query).items()}
            newest = [p for p in posts[::-1] if int(p["id"]) > int(query.get("since_id", 0))]
            # A token stands for what is older than an id, as it was when it was given out.
            below = [p for p in newest if int(p["id"]) < int(query.get("pagination_token", "t999999")[1:])]
            meta = {"next_token": f"t{below[1]['id']}"} if len(below) > 2 else {}
            server.send(request, 200, {}, json.dumps({"data": below[:2], "meta": meta}).encode())

        server.answer = answer

        def add(text):
            posts.append({"id": "1000", "text": text, "author_id": "77", "created_at": "2026-03-01T10:00:00Z"})

        return Case(
            lambda: pull(server, "mentions", api=BY_TOKEN),
            [f"tweet {n}." for n in range(102, 97, -1)],
            add,
            ("author_id",),
        )


def test_pages_before_an_id(server):
    api = {
        "feeds": {
            "all": {
                "path": "/api/v1/timelines/public",
                "text": ["content"],
                "paging": "before",
                "since": "since_id",
                "page": "max_id",
            }
        }
    }
    server.public += [status(n, f"post {n}") for n in range(1, 8)]
    cursors = {}
    assert texts(read_all(pull(server, "all", api=api), cursors)) == [f"post {n}" for n in range(7, 0, -1)]
    assert read_all(pull(server, "all", api=api), cursors) == []


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://x.example/api"},
        {"read": []},
        {"read": [{"feed": "nope"}]},
        {"read": [{"feed": "hashtag"}]},
        {"api": "nosuch"},
        {"api": {"feeds": {"a": {"path": "/a", "paging": "token", "page": "p"}}}},
        {"api": {"feeds": {"a": {"path": "/a", "paging": "after"}}}},
        {"tokn_env": "X"},
    ],
)
def test_settings_that_cannot_work_are_refused(given):
    good = {"api": "mastodon", "base_url": "https://x.example", "read": [{"feed": "mentions"}]}
    SocialPullSettings.model_validate(good)
    with pytest.raises(ValidationError):
        SocialPullSettings.model_validate(good | given)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One<br>two</p><p>three</p>", "One\ntwo\n\nthree"),
        ("plain &amp; simple &lt;3", "plain & simple <3"),
        (
            '<p><span class="h-card"><a href="https://us.example/@care" class="u-url mention">@<span>care</span></a></span> hi</p>',
            "@care hi",
        ),
        ('<a href="https://us.example/tags/down" class="mention hashtag" rel="tag">#<span>down</span></a>', "#down"),
        (
            '<a href="https://a.example/very/long/path"><span class="invisible">https://</span><span class="ellipsis">a.example/very/lo</span>'
            '<span class="invisible">ng/path</span></a>',
            "https://a.example/very/long/path",
        ),
        ('see <a href="https://a.example/x">my bill</a>.', "see my bill (https://a.example/x)."),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<p>a</p><script>evil()</script><style>p{}</style><p>b</p>", "a\n\nb"),
        ("a\nb  c\u00a0d", "a b c d"),
        ('<img src="x" alt="a cut cable">', "a cut cable"),
        ("<p>not < closed <b", "not < closed <b"),
        ("", ""),
    ],
)
def test_html_as_text(html, text):
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ("1772360000", None, "2026-03-01T10:13:20+00:00"),
        ("1772360000123", None, "2026-03-01T10:13:20.123000+00:00"),
        ("2026-03-01T10:00:00+01:00", None, "2026-03-01T10:00:00+01:00"),
        ("Wed Oct 10 20:19:24 +0000 2018", "%a %b %d %H:%M:%S %z %Y", "2018-10-10T20:19:24+00:00"),
        ("01/03/2026 10:00", "%d/%m/%Y %H:%M", "2026-03-01T10:00:00+00:00"),
        ("yesterday", "%d/%m/%Y", "yesterday"),
        ("9" * 40, None, "9" * 40),
        (None, None, None),
    ],
)
def test_times_of_providers(value, pattern, expected):
    assert moment(value, pattern) == expected
