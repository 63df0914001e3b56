import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.source import BadCall, TooMany
from connectors.web_form import guards
from connectors.web_form.form import WebForm
from connectors.web_form.settings import WebFormSettings
from tests.connectors.conformance import NOW, Call, WebhookCase, WebhookConformance

HEADERS = {"content-type": "application/x-www-form-urlencoded", ":peer": "203.0.113.9"}
SOON = NOW - timedelta(seconds=30)


def opened(folder, **more):
    return WebForm("form", WebFormSettings.model_validate(more), folder)


def send(form, now=NOW, headers=HEADERS, **fields):
    return form.accept(headers, urlencode(fields).encode(), now)


def filled(form, **fields):
    """A form as the page sends it, half a minute after it was opened."""
    return {"form_token": form.token(SOON), "website": "", "phone": ""} | fields


class TestWebForm(WebhookConformance):
    @pytest.fixture
    def case(self, tmp_path):
        form = opened(tmp_path)
        calls = [
            Call(HEADERS, urlencode(filled(form, text="the mast is silent", email="ada@far.example")).encode())
            for _ in range(2)
        ]
        return WebhookCase(lambda: opened(tmp_path), calls[0], "the mast is silent", calls[1], secrets=("ada@far",))


def test_the_record_is_what_was_filled_in(tmp_path):
    form = opened(tmp_path)
    (record,) = send(form, **filled(form, text=" No network \r\n in Ikeja ", phone="08031234567", mood="cross"))
    assert json.loads(record.payload) == {"text": "No network \r\n in Ikeja", "phone": "08031234567", "mood": "cross"}
    assert record.metadata == {}


def test_the_same_words_from_two_pages_are_two_complaints(tmp_path):
    form = opened(tmp_path)
    first, second = filled(form, text="no network"), filled(form, text="no network")
    keys = [send(form, **given)[0].key for given in (first, second, first)]
    assert keys[0] == keys[2] != keys[1]


def suspected(form, reason, now=NOW, **fields):
    (record,) = send(form, now, **fields)
    assert record.defect_code == "spam_suspected"
    assert reason in record.defect_message
    assert json.loads(record.payload).get("text", "") == fields.get("text", "")
    assert "form_token" not in record.payload.decode() and "website" not in record.payload.decode()


def test_what_looks_like_spam_is_kept_with_its_reason(tmp_path):
    form = opened(tmp_path)
    suspected(form, "people do not see", **filled(form, text="buy") | {"website": "x"})
    suspected(form, "not sent from the page", text="buy")
    suspected(form, "not of the page", **filled(form, text="buy") | {"form_token": "1.2.3"})
    suspected(form, "within 2.0 s", **filled(form, text="buy") | {"form_token": form.token(NOW - timedelta(seconds=2))})
    suspected(
        form,
        "open for 90000 s",
        **filled(form, text="late but honest") | {"form_token": form.token(NOW - timedelta(hours=25))},
    )
    suspected(form, "3 links", **filled(form, text="http://a www.b.example [url=c]"))
    suspected(form, "people do not see", **filled(form) | {"website": "x"})


def test_two_links_are_usual(tmp_path):
    form = opened(tmp_path)
    assert send(form, **filled(form, text="see https://a.example and https://b.example"))[0].defect_code is None


def test_a_token_is_of_one_form_and_one_key(tmp_path):
    form, other = opened(tmp_path / "a"), opened(tmp_path / "b")
    token = form.token(SOON)
    assert form.knows(token, NOW) and opened(tmp_path / "a").knows(token, NOW)
    assert not other.knows(token, NOW)
    assert not opened(tmp_path / "a", source="another").knows(token, NOW)
    for wrong in ("", ".", "..", token[:-1], "9" + token, "é.é.é"):
        assert not form.knows(wrong, NOW)
    assert (tmp_path / "a" / "web_form.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("given", [{"text": ""}, {"text": "  \n"}, {"text": "x" * 10_001}, {}])
def test_what_is_missing_or_too_long_is_said_to_who_wrote_it(tmp_path, given):
    form = opened(tmp_path)
    with pytest.raises(BadCall):
        send(form, **filled(form) | given)


def test_a_field_that_is_required(tmp_path):
    form = opened(tmp_path, inputs=[{"name": "account", "label": "Account", "required": True}])
    with pytest.raises(BadCall, match="Account"):
        send(form, **filled(form, text="no network"))
    assert send(form, **filled(form, text="no network", account="1"))[0].defect_code is None


def test_a_form_of_ones_own_without_the_token(tmp_path):
    form = opened(tmp_path, require_token=False)
    body, headers = b'{"text":"no network","id":7}', {"content-type": "application/json"}
    assert form.accept(headers, body, NOW)[0].key == "7"
    one = form.accept(headers | {"idempotency-key": "k1"}, b'{"text":"no network"}', NOW)
    assert one[0].key == "k1"
    keys = {form.accept(headers, b'{"text":"no network"}', NOW)[0].key for _ in range(2)}
    assert len(keys) == 2


def test_files_are_counted(tmp_path):
    form = opened(tmp_path, require_token=False)
    body = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nsee the bill\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="Ada.png"\r\n\r\nPNG\r\n--b--'
    (record,) = form.accept({"content-type": "multipart/form-data; boundary=b"}, body, NOW)
    assert record.metadata == {"attachments": 1, "attachment_bytes": 3}


def test_one_address_sends_so_many_a_minute_and_others_go_on(tmp_path):
    form = opened(tmp_path, per_minute=6)
    for _ in range(6):
        send(form, **filled(form, text="no network"))
    with pytest.raises(TooMany) as error:
        send(form, **filled(form, text="no network"))
    assert error.value.retry_after_s == 10
    send(form, headers=HEADERS | {":peer": "203.0.113.10"}, **filled(form, text="no network"))
    send(form, NOW + timedelta(seconds=10), **filled(form, text="no network"))
    with pytest.raises(TooMany):
        send(form, NOW + timedelta(seconds=10), **filled(form, text="no network"))


def test_all_together_send_so_many_a_minute(tmp_path):
    form = opened(tmp_path, all_per_minute=3)
    for number in range(3):
        send(form, headers=HEADERS | {":peer": f"203.0.113.{number}"}, **filled(form, text="no network"))
    with pytest.raises(TooMany):
        send(form, headers=HEADERS | {":peer": "203.0.113.99"}, **filled(form, text="no network"))


@pytest.mark.parametrize(
    ("headers", "hops", "expected"),
    [
        ({":peer": "203.0.113.9"}, 0, "203.0.113.9"),
        # A header that nobody of ours wrote is not believed.
        ({":peer": "203.0.113.9", "x-forwarded-for": "1.1.1.1"}, 0, "203.0.113.9"),
        ({":peer": "10.0.0.1", "x-forwarded-for": "1.1.1.1, 203.0.113.9"}, 1, "203.0.113.9"),
        ({":peer": "10.0.0.1", "x-forwarded-for": "1.1.1.1, 203.0.113.9, 10.0.0.2"}, 2, "203.0.113.9"),
        ({":peer": "10.0.0.1"}, 1, None),
        ({":peer": "127.0.0.1"}, 0, None),
        ({":peer": "2001:db8:1:2:3::1"}, 0, "2001:db8:1:2::/64"),
        ({":peer": ""}, 0, None),
    ],
)
def test_whose_call_it_is(headers, hops, expected):
    assert guards.address(headers, hops) == expected


def test_rates_take_bounded_memory():
    rates = guards.Rates(10, 1e9)
    for number in range(guards._MOST_ADDRESSES + 50):
        rates.take(f"10.{number}", NOW)
    assert len(rates._buckets) == guards._MOST_ADDRESSES


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200) | st.dictionaries(st.sampled_from(["text", "form_token", "website", "phone", "id"]), st.text(max_size=30)).map(lambda v: urlencode(v, errors="replace").encode()),
    st.sampled_from(["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b", "text/plain"]),
)  # fmt: skip
def test_any_bytes_end_as_records_or_a_bad_call(tmp_path, body, kind):
    form = opened(tmp_path)
    try:
        (record,) = form.accept({"content-type": kind}, body, NOW)
    except BadCall:
        return
    assert 0 < len(record.key) <= 200
    assert isinstance(json.loads(record.payload.decode()), dict)
    assert record.defect_code == "spam_suspected"


def test_settings_that_cannot_work_are_refused():
    one = {"name": "account", "label": "Account"}
    for inputs in ([one, one], [one | {"name": "text"}], [one | {"name": "website"}], [one | {"name": "A b"}]):
        with pytest.raises(ValidationError):
            WebFormSettings.model_validate({"inputs": inputs})
