"""From a gateway's fields to a message: its words decoded, its sender known, which part it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors import paths
from connectors.forms import decoded
from connectors.sms import gsm7, udh
from connectors.sms.number import e164
from connectors.sms.settings import Coding, Gateway
from connectors.times import moment


class Unreadable(ValueError):
    """A message whose words cannot be decoded; the reason holds none of them."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message, or a part of one.

    Args:
        text: its words; in a part, a surrogate pair may be cut at either end.
        values: its other fields, for the payload.
        part: which part it is, None for a whole one.
    """

    text: str
    values: dict[str, str]
    part: udh.Part | None


def read(call: Any, gateway: Gateway, region: str | None) -> Message | None:
    """The message of a gateway's fields; None where neither sender nor words are there.

    Raises:
        Unreadable: see there.
    """
    sender = paths.text(call, gateway.sender)
    text = _words(call, gateway)
    if sender is None and text is None:
        return None
    found = {
        "id": paths.text(call, gateway.id),
        "sender": sender,
        "phone": e164(sender, region) if sender else None,
        "recipient": paths.text(call, gateway.recipient),
        "occurred_at": moment(paths.text(call, gateway.sent_at), gateway.time_format),
    } | {name: paths.text(call, path) for name, path in gateway.keep.items()}
    return Message(text or "", {name: value for name, value in found.items() if value}, _part(call, gateway))


def whole(texts: list[str]) -> str:
    """The parts as one text, with the pairs that were cut between two put together again."""
    joined = "".join(texts)
    return joined.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def _words(call: Any, gateway: Gateway) -> str | None:
    text = paths.first(call, gateway.text)
    if isinstance(text, (str, int, float)) and str(text):
        return str(text)
    data = paths.text(call, gateway.data)
    if data is None:
        return "" if text is not None else None
    raw, header = _hex(data, "data"), _header(call, gateway)
    if _inside(call, gateway):
        raw = raw[len(header) :]
    given = paths.text(call, gateway.coding)
    coding = gateway.default_coding if given is None else gateway.codings.get(given)
    if coding is None:
        raise Unreadable(f"coding: expected one of {', '.join(gateway.codings)}")
    return _decode(raw, coding, len(header))


def _decode(raw: bytes, coding: Coding, header_bytes: int) -> str:
    match coding:
        case "gsm7":
            return gsm7.decode(raw)
        case "gsm7_packed":
            return gsm7.decode(gsm7.unpack(raw, fill=udh.fill_bits(header_bytes)))
        case "ucs2":
            try:
                return raw.decode("utf-16-be", "surrogatepass").removeprefix("\ufeff")
            except UnicodeDecodeError as error:
                raise Unreadable(f"data: {len(raw)} bytes are no UCS-2; expected two a character") from error
        case "latin1":
            return raw.decode("latin-1")
        case "utf8":
            return decoded(raw)


def _part(call: Any, gateway: Gateway) -> udh.Part | None:
    if gateway.reference is not None:
        reference = paths.text(call, gateway.reference)
        total, number = (_number(paths.text(call, path)) for path in (gateway.total, gateway.number))
        if reference is not None and total is not None and number is not None:
            return udh.part(reference, total, number)
    return udh.read(_header(call, gateway))


def _header(call: Any, gateway: Gateway) -> bytes:
    """The header with its length byte; empty where there is none."""
    inside = _inside(call, gateway)
    given = paths.text(call, gateway.data if inside else gateway.udh)
    raw = _hex(given, "udh") if given else b""
    if not raw or inside:
        return raw[: raw[0] + 1] if raw else b""
    return raw if raw[0] == len(raw) - 1 else bytes([len(raw) % 256]) + raw


def _inside(call: Any, gateway: Gateway) -> bool:
    """Whether the header stands in front of the data."""
    return paths.text(call, gateway.udh_in_data) in ("1", "true", "True", "yes")


def _hex(value: str, what: str) -> bytes:
    try:
        return bytes.fromhex(value.removeprefix("0x"))
    except ValueError as error:
        raise Unreadable(f"{what}: not hex digits in pairs") from error


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 6 else None
