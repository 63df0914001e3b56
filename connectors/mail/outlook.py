"""An Outlook .msg as the same record that the mail would be as .eml."""

from __future__ import annotations

from datetime import UTC
from email import message_from_string
from email.message import Message
from typing import Any

from connectors.files.records import FileRecord, Limits, as_json, defect
from connectors.mail.body import Body, needs_outlook
from connectors.mail.html import to_text
from connectors.mail.parse import fields, own_text
from connectors.mail.words import addresses, header, headers, moment

_TYPE = "application/vnd.ms-outlook"
_HEADERS, _HTML, _MESSAGE_ID = 0x007D, 0x1013, 0x1035


def record_of_msg(data: bytes, row: int, limits: Limits) -> FileRecord:
    """The record; see connectors.mail.parse.record_of.

    Raises:
        Exception: what olefile and oxmsg raise for a damaged file.
    """
    from oxmsg import Message as Outlook

    mail = Outlook.load(data)
    item = mail.message_class.lower()
    if item.startswith("report"):
        return defect(data, row, "bounce", "a report of the mail system is no complaint; nothing to do", _TYPE)
    if "smime" in item and "multipartsigned" not in item:
        return defect(data, row, "encrypted_mail", "encrypted or sealed; open it in Outlook and save it as text", _TYPE)
    if not item.startswith("ipm.note"):
        return defect(
            data, row, "not_a_mail", "an item of Outlook that is no mail: a meeting, a contact or a task", _TYPE
        )
    transport = message_from_string(mail.properties.str_prop_value(_HEADERS) or "")
    found = Body(attachments=[_attachment(one) for one in mail.attachments])
    found.whole, found.unquoted = _texts(mail)
    if needs_outlook(found):
        return defect(data, row, "tnef_only", "its text is in a winmail.dat; have it sent as HTML or plain text", _TYPE)
    values = _values(mail, transport, found)
    made = as_json(values, row, limits)
    return FileRecord(
        made.payload, made.content_type, row, made.defect_code, made.defect_message, values.get("source_key")
    )


def _values(mail: Any, transport: Message, found: Body) -> dict[str, Any]:
    subject = mail.subject.strip()
    key = header(transport, "message-id") or (mail.properties.str_prop_value(_MESSAGE_ID) or "")
    sender = addresses(headers(transport, "from")) or addresses([mail.sender or ""])
    to = addresses(headers(transport, "to")) or [(r.name, r.email_address) for r in mail.recipients if r.email_address]
    sent = moment(transport)
    if sent is None and mail.sent_date is not None and mail.sent_date.year >= 1970:  # 1601 is Outlook for none
        sent = mail.sent_date.astimezone(UTC).isoformat()
    return fields(
        text=own_text(found.whole.strip(), found.unquoted, subject),
        whole=found.whole.strip(),
        key=key.strip("<> ") or None,
        sent=sent,
        sender=sender[0] if sender else None,
        to=to,
        subject=subject,
        in_reply_to=header(transport, "in-reply-to").strip("<> "),
        attachments=found.attachments,
    )


def _texts(mail: Any) -> tuple[str, str]:
    plain = (mail.body or "").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if plain.strip():
        return plain, plain
    raw = mail.properties.binary_prop_value(_HTML)
    html = raw.decode("utf-8", "replace") if raw else mail.html_body or ""
    return to_text(html), to_text(html, whole=False)


def _attachment(one: Any) -> dict[str, Any]:
    return {"name": (one.file_name or "")[:200], "type": one.mime_type, "bytes": one.size}
