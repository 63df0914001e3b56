"""The parts of a mail: its text, what is attached, and what makes it no complaint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from connectors.mail.html import to_text
from connectors.mail.words import header, text

_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")


@dataclass(slots=True)
class Body:
    """What is in a mail.

    Args:
        whole: its text as a reader sees it.
        unquoted: the same without what the mail program marked as quoted in HTML.
        attachments: `name`, `type` and `bytes` of each.
        inner: mails attached to it.
    """

    whole: str = ""
    unquoted: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    inner: list[Message] = field(default_factory=list)

    def add(self, other: Body) -> None:
        """What follows in the mail."""
        self.whole = "\n\n".join(filter(None, (self.whole, other.whole)))
        self.unquoted = "\n\n".join(filter(None, (self.unquoted, other.unquoted)))
        self.attachments += other.attachments
        self.inner += other.inner


def body(part: Message) -> Body:
    """The text and attachments of a mail or one of its parts; plain text before HTML where it has both."""
    kind = part.get_content_type()
    if kind == "message/rfc822" and part.is_multipart():
        inner = _children(part)
        return Body(attachments=[_attachment(part)], inner=inner)
    if not part.is_multipart() or not kind.startswith("multipart/"):
        return _leaf(part, kind)
    bodies = [body(child) for child in _children(part)]
    if kind == "multipart/alternative":
        return _chosen(bodies)
    found = Body()
    for one in bodies:
        found.add(one)
    return found


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _chosen(bodies: list[Body]) -> Body:
    """The first version with text (the plainest comes first), with the attachments of all."""
    chosen = next((one for one in bodies if one.whole), Body())
    attachments = [a for one in bodies for a in one.attachments]
    return Body(chosen.whole, chosen.unquoted, attachments, [m for one in bodies for m in one.inner])


def _leaf(part: Message, kind: str) -> Body:
    disposition = header(part, "content-disposition").lower()
    named = bool(_name(part))
    if kind.startswith("multipart/"):
        kind = "text/plain"  # without a boundary that works: what there is, is text
    if kind not in ("text/plain", "text/html", "text/enriched") or disposition.startswith("attachment") or named:
        return Body(attachments=[_attachment(part)])
    content = text(_bytes(part), part.get_content_charset()).replace("\r\n", "\n").replace("\r", "\n")
    if kind == "text/html":
        return Body(to_text(content), to_text(content, whole=False))
    # Lines keep their beginnings, which may be quotation marks; spaces at their ends mean nothing.
    plain = "\n".join(line.rstrip() for line in content.replace("\0", "").replace("\xa0", " ").split("\n")).strip("\n")
    return Body(plain, plain)


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _attachment(part: Message) -> dict[str, Any]:
    return {"name": _name(part), "type": part.get_content_type(), "bytes": _size(part)}


def _size(part: Message) -> int:
    return sum(_size(child) for child in _children(part)) if part.is_multipart() else len(_bytes(part))


def _name(part: Message) -> str:
    try:
        name = part.get_filename()
    except (ValueError, LookupError, TypeError):  # RFC 2231 numbered and encoded wrongly
        name = "unreadable name"
    return header(_named(name), "name")[:200] if name else ""


def _named(name: str) -> Message:
    """A message whose only header is the name: mail programs encode it as they encode headers."""
    carrier = Message()
    carrier._headers = [("name", name)]  # type: ignore[attr-defined]
    return carrier


def no_complaint(message: Message) -> tuple[str, str] | None:
    """(defect code, reason) of what is nobody's complaint or cannot be opened; None of an ordinary mail."""
    kinds = {part.get_content_type() for part in _outer(message)}
    kind = message.get_content_type()
    report = str(message.get_param("report-type") or "").lower()
    sender = header(message, "from").lower()
    if "message/disposition-notification" in kinds or report == "disposition-notification":
        return "receipt", "a read receipt is no complaint; nothing to do"
    if (
        "message/delivery-status" in kinds
        or report == "delivery-status"
        or header(message, "x-failed-recipients")
        or "mailer-daemon" in sender
    ):
        return "bounce", "a bounce of the mail system is no complaint; nothing to do"
    if kind == "multipart/encrypted" or (kind in _PKCS7 and message.get_param("smime-type") != "signed-data"):
        return "encrypted_mail", "encrypted; open it in the mail program that has the key and export it from there"
    if kind in _PKCS7:
        return "opaque_signature", "signed in a way that wraps its text; export it from a mail program as plain mail"
    return None


def needs_outlook(found: Body) -> bool:
    """Whether its text can only be in a winmail.dat."""
    return not found.whole.strip() and any(
        one["type"] in _TNEF or one["name"].lower() == "winmail.dat" for one in found.attachments
    )


def _outer(message: Message) -> Iterator[Message]:
    """The message and its parts, but not those of mails within it."""
    stack = [message]
    while stack:
        part = stack.pop()
        yield part
        if part.get_content_maintype() == "multipart":
            stack.extend(_children(part))
