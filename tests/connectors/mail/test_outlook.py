"""Mails as Outlook saves them, written by compound.py."""

import json
from datetime import UTC, datetime

import pytest

from connectors.files.records import records
from tests.connectors.mail.compound import msg

NOTE = {0x001A: "IPM.Note", 0x0037: "No network in Yaba", 0x1035: "<m-1@mail.example>"}
SENDER = {0x0C1A: "Ada Obi", 0x0C1F: "ada@mail.example", 0x0039: datetime(2026, 3, 2, 9, 30, tzinfo=UTC)}
RECIPIENT = {0x3001: "Care", 0x3003: "care@telco.example", 0x39FE: "care@telco.example"}


def read(tmp_path, data, name="mail.msg"):
    (tmp_path / name).write_bytes(data)
    (record,) = records(tmp_path / name)
    return record


@pytest.mark.parametrize("repeats", [1, 400], ids=["short", "long"])  # streams over 4,096 bytes lie elsewhere
def test_a_mail_with_all_its_parts(tmp_path, repeats):
    text = "No network since Monday.\r\n" * repeats
    quoted = (
        "\r\n-----Original Message-----\r\nFrom: Care\r\nSent: Monday\r\nTo: Ada\r\nSubject: x\r\n\r\nold words\r\n"
    )
    invoice = {0x3707: "invoice.pdf", 0x370E: "application/pdf", 0x3701: b"%PDF" * 5, 0x0E20: 20, 0x3705: 1}
    record = read(tmp_path, msg(NOTE | SENDER | {0x1000: text + quoted}, [RECIPIENT], [invoice]))
    assert (record.defect_code, record.content_type, record.key) == (None, "application/json", "m-1@mail.example")
    assert json.loads(record.payload) == {
        "source_key": "m-1@mail.example",
        "occurred_at": "2026-03-02T09:30:00+00:00",
        "email": "ada@mail.example",
        "from": "Ada Obi <ada@mail.example>",
        "to": "Care <care@telco.example>",
        "subject": "No network in Yaba",
        "text": "\n".join(["No network since Monday."] * repeats),
        "full_text": "No network since Monday.\n" * repeats + quoted.replace("\r\n", "\n").rstrip(),
        "attachments": [{"name": "invoice.pdf", "type": "application/pdf", "bytes": 20}],
    }


def test_a_mail_that_has_only_html(tmp_path):
    html = '<html><body><p>My bill is wrong</p><div class="gmail_quote">old words</div></body></html>'
    values = json.loads(read(tmp_path, msg(NOTE | SENDER | {0x1013: html.encode(), 0x3FDE: 65001})).payload)
    assert "My bill is wrong" in values["text"]
    assert "old words" not in values["text"]


def test_a_mail_is_told_by_its_content(tmp_path):
    record = read(tmp_path, msg(NOTE | SENDER | {0x1000: "wrong bill"}), "saved.bin")
    assert "wrong bill" in json.loads(record.payload)["text"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("REPORT.IPM.Note.NDR", "bounce"),
        ("IPM.Note.SMIME", "encrypted_mail"),
        ("IPM.Appointment", "not_a_mail"),
    ],
)
def test_an_item_that_is_no_complaint_has_its_reason(tmp_path, kind, code):
    record = read(tmp_path, msg(NOTE | {0x001A: kind, 0x1000: "x"}))
    assert record.defect_code == code
