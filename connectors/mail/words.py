"""Bytes of a mail as text, whatever its labels say: charsets, RFC 2047 headers, addresses, dates."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

#: Text codecs of Python that are no charset of mails; some of them take quadratic time.
_NO_CHARSET = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7")

#: What only says "one byte a character": bytes that are UTF-8 beyond ASCII are UTF-8, whatever this label says.
_WEAK = ("ascii", "iso8859-1", "iso8859-15", "cp1252")

_LONGEST_HEADER = 2000
_ENCODED = re.compile(r"=\?[\w-]+(?:\*[\w-]+)?\?[bqBQ]\?[^?]*\?=")


def text(data: bytes, charset: str | None) -> str:
    """The text of a part that is labelled `charset`; a wrong label is found out, what is broken becomes U+FFFD."""
    codec = _codec(charset)
    if codec is None or codec in _WEAK:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            codec = None if codec == "ascii" else codec
    codec = "cp1252" if codec == "iso8859-1" else codec
    for name in (codec, "utf-8"):
        try:
            if name:
                return data.decode(name)
        except (UnicodeError, ValueError):
            continue
    if codec == "utf-8" and _mostly(data):
        return data.decode("utf-8", "replace")
    return data.decode(_guess(data) or codec or "cp1252", "replace")


def _codec(charset: str | None) -> str | None:
    """The codec of Python, or None where the label is missing or nothing."""
    try:
        info = codecs.lookup((charset or "").strip("\"' "))
    except (LookupError, ValueError, UnicodeError):
        return None
    return info.name if info._is_text_encoding and info.name not in _NO_CHARSET else None


def _mostly(data: bytes) -> bool:
    """Whether UTF-8 explains more of the bytes beyond ASCII than it breaks on."""
    decoded = data.decode("utf-8", "replace")
    return decoded.count("\ufffd") * 3 <= sum(not c.isascii() and c != "\ufffd" for c in decoded)


def _guess(data: bytes) -> str | None:
    """The likeliest encoding; where most letters are ASCII the language is written in Latin ones."""
    if sum(byte > 127 for byte in data[:65_536]) * 4 < len(data[:65_536]):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(data[:65_536]).best()
    return best.encoding if best else None


def header(message: Message, name: str) -> str:
    """The first header of that name: decoded, on one line, at most 2,000 characters; empty where there is none."""
    return next(iter(headers(message, name)), "")


def headers(message: Message, name: str) -> list[str]:
    """Every header of that name, as `header`."""
    return [_decoded(value) for key, value in message.raw_items() if key.lower() == name.lower()]


def _decoded(value: object) -> str:
    """RFC 2047 words and raw 8-bit bytes as text."""
    raw = str(value).encode("ascii", "surrogateescape") if _escaped(str(value)) else None
    plain = text(raw, None) if raw is not None else str(value)
    plain = re.sub(r"\?=\s+=\?", "?==?", plain)
    return " ".join(_ENCODED.sub(_word, plain).replace("\0", "").split())[:_LONGEST_HEADER]


def _escaped(value: str) -> bool:
    return not value.isascii() and all(c.isascii() or "\udc80" <= c <= "\udcff" for c in value)


def _word(found: re.Match[str]) -> str:
    try:
        parts = decode_header(found[0])
    except (HeaderParseError, ValueError):
        return found[0]
    return "".join(part if isinstance(part, str) else text(part, charset) for part, charset in parts)


def addresses(values: Iterable[str]) -> list[tuple[str, str]]:
    """(name, address) of each mailbox in headers as `headers` gives them; what holds no @ is left out."""
    return [(name.strip(), address.strip()) for name, address in getaddresses(list(values)) if "@" in address]


def moment(message: Message) -> str | None:
    """When it was sent, ISO 8601 in UTC: its Date, else the time of the first Received; None without either."""
    received = [value.rpartition(";")[2] for value in reversed(headers(message, "received"))]
    for value in [*headers(message, "date"), *received]:
        try:
            when = parsedate_to_datetime(value)
            when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        if when.year >= 1970:
            return datetime.isoformat(when)
    return None
