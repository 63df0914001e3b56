import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.forms import fields, parse_json
from connectors.paths import find, text
from connectors.source import BadCall

PART = b'--b0\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


def multipart(*parts, end=b"--b0--\r\n"):
    return {"content-type": "multipart/form-data; boundary=b0"}, b"".join(PART % part for part in parts) + end


def test_urlencoded_values_are_decoded_one_by_one():
    body = b"a=caf%C3%A9&b=caf%E9&c=%80uro&d=x+y%2Bz&a=two&e=&f=caf\xc3\xa9"
    assert fields({}, body).values == [
        ("a", "café"), ("b", "café"), ("c", "€uro"), ("d", "x y+z"), ("a", "two"), ("e", ""), ("f", "café"),
    ]  # fmt: skip
    assert fields({}, body).named()["a"] == "café\ntwo"


def test_multipart_fields_and_files():
    headers, body = multipart((b"text", "naïve ☹\r\nline".encode()), (b"old", b"caf\xe9"), end=b"")
    body += b'--b0\r\nContent-Disposition: form-data; name="photo"; filename="bill.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n'
    body += b'--b0\r\nContent-Disposition: form-data; name="none"; filename=""\r\n\r\n\r\n--b0--\r\n'
    form = fields(headers, body)
    assert form.values == [("text", "naïve ☹\r\nline"), ("old", "café")]
    assert form.files == [("image/png", 4)]


def test_json_of_any_unicode_encoding_and_of_windows():
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32-le", "cp1252"):
        assert fields({"content-type": "application/json; charset=x"}, '{"t":"café €"}'.encode(encoding)).values == [
            ("t", "café €")
        ]
    assert fields({"content-type": "application/vnd.api+json"}, b'{"a":1,"b":{"c":[true]},"d":null}').values == [
        ("a", "1"),
        ("b", '{"c": [true]}'),
    ]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"[1]"),
        ("application/json", b"{"),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 100_000),
        ("text/csv", b"a,b"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b0", b"--b0\r\nContent-Disposition: form-data; name=a\r\n\r\ncut"),
        ("multipart/form-data; boundary=" + "b" * 500, b"x"),
        ("", b"&".join(b"a=1" for _ in range(201))),
        ("multipart/form-data; boundary=b0", multipart(*[(b"a", b"1")] * 201)[1]),
    ],
)
def test_what_is_no_form_is_refused(kind, body):
    with pytest.raises(BadCall):
        fields({"content-type": kind}, body)


@settings(deadline=None)
@given(
    st.sampled_from(["", "application/json", "multipart/form-data; boundary=b0", "multipart/form-data; boundary=\xe9"]),
    st.binary(max_size=300),
)
def test_any_bytes_are_fields_or_a_bad_call(kind, body):
    for data in (body, b"--b0\r\n" + body, b'--b0\r\nContent-Disposition: form-data; name="a"\r\n' + body):
        with contextlib.suppress(BadCall):
            fields({"content-type": kind}, data)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=5))
def test_urlencoding_comes_back(values):
    from urllib.parse import urlencode

    assert fields({}, urlencode(values).encode()).named() == values


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_bad_call(body):
    with contextlib.suppress(BadCall):
        parse_json(body)


def test_paths():
    document = {"a": [{"b": [1, 2]}, {"b": [3]}, {"c": 0}], "t": True, "n": None, "s": " x "}
    assert find(document, "a[].b[]") == [1, 2, 3]
    assert find(document, "a.1.b.0") == [3]
    assert find(document, "n") == find(document, "a.9.b") == find(document, "s.x") == []
    assert find(document, "") == [document]
    assert [text(document, path) for path in ("t", "s", "a", "n", None)] == ["true", "x", None, None, None]
