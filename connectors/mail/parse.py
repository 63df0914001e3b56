"""A mail as a record: what its sender wrote, who and when, and what is attached."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from typing import Any

from connectors.files.records import FileRecord, Limits, as_json, defect, too_large
from connectors.mail.body import Body, body, needs_outlook, no_complaint
from connectors.mail.reply import own_words
from connectors.mail.words import addresses, header, headers, moment

#: A mail is parsed whole, attachments and all; mail systems take 25 to 50 MB.
MOST_MAIL_BYTES = 64 << 20

_RFC822 = "message/rfc822"
_PGP = "-----BEGIN PGP MESSAGE-----"


def record_of(raw: bytes, row: int = 1, limits: Limits | None = None) -> FileRecord:
    """The record of a mail; one that cannot be read, or is none, becomes a record with a defect.

    The payload is JSON of `text` (without quotes and signature), `full_text` (where something was cut off),
    `source_key` (the Message-ID), `occurred_at`, `email` (the sender's address), `from`, `to`, `subject`,
    `in_reply_to` and `attachments` (`name`, `type`, `bytes`); what the mail lacks is left out. A mail without
    text has its subject, or the text of the mail attached to it, as text. It depends on the mail's content
    alone: not on line ends, nor on whether it comes from a file, an mbox or a server.

    Args:
        raw: as RFC 5322 has it, or nearly so; a leading "From " line of an mbox is passed over.
        row: its place in what it was read from, 1-based.
        limits: bounds on the record that it becomes.
    """
    limits = limits or Limits()
    if len(raw) > MOST_MAIL_BYTES:
        return too_large(raw, row, Limits(max_record_bytes=MOST_MAIL_BYTES), _RFC822)
    raw = _plain_lines(raw)
    try:
        # compat32 keeps odd headers as they are, where the newer policies raise on some of them.
        return _record(message_from_bytes(raw, policy=compat32), raw, row, limits)
    except Exception as error:  # the parser of whatever anybody may send; what it raises has no class of its own
        message = f"its structure cannot be read ({type(error).__name__}); export it from a mail program again"
        return defect(raw, row, "bad_mail", message, _RFC822)


def _plain_lines(raw: bytes) -> bytes:
    raw = raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    raw = raw.strip(b"\n") + b"\n"
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw


def _record(message: Message, raw: bytes, row: int, limits: Limits) -> FileRecord:
    key = header(message, "message-id").strip("<> ") or None
    if not any(header(message, name) for name in ("from", "date", "subject", "message-id", "received", "sender")):
        reason = "no mail: it has none of the headers From, Date, Subject and Message-ID; export it from a mail program"
        return defect(raw, row, "not_a_mail", reason, _RFC822)
    if refused := no_complaint(message):
        return _defect(raw, row, key, *refused)
    found = body(message)
    if needs_outlook(found):
        advice = "its text is in a winmail.dat, which only Outlook reads; have it sent as HTML or plain text"
        return _defect(raw, row, key, "tnef_only", advice)
    if found.whole.lstrip().startswith(_PGP):
        return _defect(raw, row, key, "encrypted_mail", "encrypted with PGP; decrypt it and export it again")
    result = as_json(_values(message, found, key), row, limits)
    return FileRecord(
        result.payload, result.content_type, row, result.defect_code, result.defect_message, key, result.metadata
    )


def _defect(raw: bytes, row: int, key: str | None, code: str, reason: str) -> FileRecord:
    made = defect(raw, row, code, reason, _RFC822)
    return FileRecord(made.payload, made.content_type, row, code, made.defect_message, key)


def _values(message: Message, found: Body, key: str | None) -> dict[str, Any]:
    subject = header(message, "subject")
    senders = addresses(headers(message, "from")) or addresses(headers(message, "sender"))
    whole, unquoted = found.whole.strip(), found.unquoted
    if not whole and found.inner:
        inner = body(found.inner[0])
        whole, unquoted = inner.whole.strip(), inner.unquoted
    return fields(
        text=own_text(whole, unquoted, subject),
        whole=whole,
        key=key,
        sent=moment(message),
        sender=senders[0] if senders else None,
        to=addresses(headers(message, "to")),
        subject=subject,
        in_reply_to=header(message, "in-reply-to").strip("<> "),
        attachments=found.attachments,
    )


def own_text(whole: str, unquoted: str, subject: str) -> str:
    """What the sender wrote, else all there is, else the subject."""
    cut = own_words(unquoted, subject) if any(c.isalnum() for c in unquoted) else own_words(whole, subject)
    return cut or subject


def fields(
    *, text: str, whole: str, key: str | None, sent: str | None, sender: tuple[str, str] | None,
    to: list[tuple[str, str]], subject: str, in_reply_to: str, attachments: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The payload of a mail, whatever it was read from; empty values are left out."""
    values = {
        "source_key": key,
        "occurred_at": sent,
        "email": sender[1] if sender else None,
        "from": _mailbox(*sender) if sender else None,
        "to": ", ".join(_mailbox(*one) for one in to),
        "subject": subject,
        "in_reply_to": in_reply_to,
        "text": text,
        "full_text": whole if whole != text and text != subject else None,
        "attachments": attachments,
    }
    return {name: value for name, value in values.items() if value}


def _mailbox(name: str, address: str) -> str:
    return f"{name} <{address}>" if name else address
