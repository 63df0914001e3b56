import json
from base64 import b64encode
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.files.records import Limits
from connectors.mail.parse import record_of


def fields(raw):
    record = record_of(raw)
    assert record.defect_code is None, record.defect_message
    return json.loads(record.payload)


def mail(body, headers="", kind="text/plain; charset=utf-8"):
    head = f"From: Ada <ada@example.com>\nMessage-ID: <1@example.com>\n{headers}Content-Type: {kind}\n\n"
    return head.encode() + (body if isinstance(body, bytes) else body.encode())


def test_a_mail_becomes_the_fields_of_a_complaint():
    raw = mail(
        "No light since Monday.\n",
        "To: Help <help@example.net>\nSubject: Outage\nDate: Mon, 4 May 2026 10:00:00 +0100\n",
    )
    assert fields(raw) == {
        "source_key": "1@example.com",
        "occurred_at": "2026-05-04T09:00:00+00:00",
        "email": "ada@example.com",
        "from": "Ada <ada@example.com>",
        "to": "Help <help@example.net>",
        "subject": "Outage",
        "text": "No light since Monday.",
    }


def test_line_ends_and_an_mbox_line_do_not_change_the_payload():
    raw = mail("No light.\n\nAda\n")
    crlf = raw.replace(b"\n", b"\r\n")
    boxed = b"From ada@example.com Mon May  4 10:00:00 2026\n" + raw
    assert record_of(raw).payload == record_of(crlf).payload == record_of(boxed).payload


def test_what_is_cut_off_stays_in_full_text():
    raw = mail("Still no light.\n\nOn Mon, 4 May 2026, Help <help@example.net> wrote:\n> We are on it.\n")
    assert fields(raw)["text"] == "Still no light."
    assert "We are on it." in fields(raw)["full_text"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("naïve café".encode(), "text/plain; charset=us-ascii"),
        ("naïve café".encode(), "text/plain; charset=iso-8859-1"),
        ("naïve café".encode(), "text/plain; charset=no-such-thing"),
        ("naïve café".encode("cp1252"), "text/plain; charset=utf-8"),
        ("naïve café".encode("latin-1"), "text/plain; charset=latin-1"),
        (b64encode("naïve café".encode("utf-16")), "text/plain; charset=utf-16\nContent-Transfer-Encoding: base64"),
    ],
)
def test_wrong_charset_labels_are_seen_through(body, kind):
    assert fields(mail(body, kind=kind))["text"] == "naïve café"


def test_encoded_headers_are_words():
    raw = mail("x", "Subject: =?utf-8?B?U3TDtnJ1bmc=?= =?iso-8859-1?Q?_im_Netz_=E9?=\n")
    assert fields(raw)["subject"] == "Störung im Netz é"


def test_html_is_text_without_the_quote_that_the_program_marked():
    html = "<style>p{}</style><p>No&nbsp;light<br>here</p><div class=gmail_quote>old<div class=gmail_quote>older</div></div>"
    found = fields(mail(html, kind="text/html"))
    assert found["text"] == "No light\nhere"
    assert found["full_text"] == "No light\nhere\n\nold\nolder"


def test_the_plain_version_is_taken_and_attachments_are_listed():
    message = EmailMessage()
    message["From"], message["Message-ID"], message["Subject"] = "ada@example.com", "<2@example.com>", "s"
    message.set_content("plain")
    message.add_alternative("<p>html</p>", subtype="html")
    message.add_attachment(b"12345", maintype="image", subtype="png", filename="bíll.png")
    found = fields(message.as_bytes())
    assert found["text"] == "plain"
    assert found["attachments"] == [{"name": "bíll.png", "type": "image/png", "bytes": 5}]


def test_a_mail_without_text_has_its_attached_mail_s_or_its_subject():
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("the customer's words")
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "agent@example.com", "see below"
    outer.add_attachment(inner)
    assert fields(outer.as_bytes())["text"] == "the customer's words"
    assert fields(mail("", "Subject: no light at all\n"))["text"] == "no light at all"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (mail("x", kind="multipart/report; report-type=delivery-status; boundary=b"), "bounce"),
        (mail("x", "X-Failed-Recipients: a@example.com\n"), "bounce"),
        (b"From: MAILER-DAEMON@example.com\n\nx", "bounce"),
        (mail("x", kind="multipart/report; report-type=disposition-notification; boundary=b"), "receipt"),
        (mail("x", kind="application/pkcs7-mime; smime-type=enveloped-data"), "encrypted_mail"),
        (mail("x", kind="application/pkcs7-mime; smime-type=signed-data"), "opaque_signature"),
        (mail("x", kind="multipart/encrypted; boundary=b"), "encrypted_mail"),
        (mail("-----BEGIN PGP MESSAGE-----\nx"), "encrypted_mail"),
        (mail("x", 'Content-Disposition: attachment; filename="winmail.dat"\n', "application/ms-tnef"), "tnef_only"),
        (b"just some words", "not_a_mail"),
        (mail("x" * 2000), "record_too_large"),
    ],
)
def test_what_is_no_complaint_or_cannot_be_opened_is_a_defect_with_its_reason(raw, code):
    record = record_of(raw, 3, Limits(max_record_bytes=1000))
    assert record.defect_code == code
    assert record.defect_message.startswith("row 3: ")


def test_a_mail_of_100_mb_is_a_defect():
    record = record_of(mail(b"x" * 100_000_000))
    assert (record.defect_code, len(record.payload)) == ("record_too_large", 65536)


def test_parts_nested_without_end_are_a_defect_and_no_traceback():
    raw = b"From: a@example.com\n" + b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000)
    )
    assert record_of(raw).defect_code in (None, "bad_mail")


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from(
        [
            b"",
            b"From: a@b\nContent-Type: ",
            b"Subject: =?",
            b"From: a@b\nContent-Type: text/html\n\n<",
            b"Content-Type: multipart/mixed; boundary=x\nFrom: a@b\n\n--x\n",
        ]
    ),
)
def test_any_bytes_are_a_record_or_a_defect(noise, start):
    record = record_of(start + noise)
    assert record.defect_code or json.loads(record.payload)


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(st.lists(words, min_size=1, max_size=8), words, st.sampled_from(["utf-8", "base64", "quoted-printable"]))
def test_what_python_writes_comes_back(lines, subject, transfer):
    body = "complaint " + " ".join(lines)
    message = EmailMessage(policy=SMTP)
    message["From"], message["Subject"], message["Message-ID"] = (
        "Ada <ada@example.com>",
        f"s {subject}",
        "<3@example.com>",
    )
    message.set_content(body, cte=None if transfer == "utf-8" else transfer)
    found = fields(message.as_bytes())
    assert (found["text"], found["subject"], found["email"]) == (body, f"s {subject}", "ada@example.com")


@pytest.mark.parametrize(
    "name",
    [
        "android",
        "aol",
        "apple_mail",
        "apple_mail_2",
        "comcast",
        "gmail",
        "hotmail",
        "iphone",
        "outlook",
        "sparrow",
        "thunderbird",
        "yahoo",
    ],
)
def test_replies_of_twelve_mail_programs_are_cut_to_what_was_written(data, name):
    raw = (data / "emails" / "talon" / f"standard_replies__{name}.eml").read_bytes()
    assert fields(raw)["text"] == "Hello"
