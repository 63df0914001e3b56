"""How a call proves that it comes from the provider: HMACs of the body, Twilio's of the parameters, plain tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.forms import fields
from connectors.source import BadCall, Forged


class _Scheme(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HmacSignature(_Scheme):
    """An HMAC over the body, and over a time stamp where the provider signs one."""

    kind: Literal["hmac"] = "hmac"
    header: str = Field(min_length=1, description="Header that carries it")
    algorithm: Literal["sha256", "sha1", "sha512"] = Field("sha256", description="Hash")
    prefix: str = Field("", description="What stands before it in the header, e.g. sha256=")
    encoding: Literal["hex", "base64"] = Field("hex", description="How it is written")
    signed: str = Field("{body}", description="What is signed: {body}, and {timestamp} where there is one")
    timestamp_header: str | None = Field(None, description="Header with the time of the call: epoch or RFC 3339")
    tolerance_s: float = Field(300, ge=1, le=86_400, description="A call further from now is a replay, s")

    @model_validator(mode="after")
    def _whole(self) -> HmacSignature:
        if self.signed.count("{body}") != 1:
            raise ValueError("signed: expected {body} once")
        if ("{timestamp}" in self.signed) != (self.timestamp_header is not None):
            raise ValueError("signed: {timestamp} and timestamp_header go together; an unsigned time proves nothing")
        return self


class TwilioSignature(_Scheme):
    """Twilio's: base64 of HMAC-SHA1 over the public address and the sorted form parameters."""

    kind: Literal["twilio"] = "twilio"


class TokenSignature(_Scheme):
    """A shared secret as it is, for providers that sign nothing; only over TLS."""

    kind: Literal["token"] = "token"
    header: str | None = Field(None, description="Header that carries it")
    prefix: str = Field("", description="What stands before it in the header, e.g. Bearer and a space")
    parameter: str | None = Field(None, description="Query parameter of the address that carries it")

    @model_validator(mode="after")
    def _one(self) -> TokenSignature:
        if (self.header is None) == (self.parameter is None):
            raise ValueError("expected either header or parameter")
        return self


Signature = Annotated[HmacSignature | TwilioSignature | TokenSignature, Field(discriminator="kind")]


def verify(
    scheme: HmacSignature | TwilioSignature | TokenSignature,
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    public_url: str | None = None,
) -> None:
    """Check a call in constant time.

    Args:
        scheme: how the provider signs.
        secret: the key, or the token itself.
        headers: by lower-case name, `:path` among them; see connectors.source.Webhook.
        body: as received.
        now: UTC.
        public_url: the address as the provider knows it; Twilio signs it.

    Raises:
        Forged: see there.
    """
    match scheme:
        case HmacSignature():
            _hmac(scheme, secret, headers, body, now)
        case TwilioSignature():
            _twilio(secret, headers, body, public_url or "")
        case TokenSignature():
            _token(scheme, secret, headers)


def _hmac(scheme: HmacSignature, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    given = _header(headers, scheme.header, scheme.prefix)
    stamp = ""
    if scheme.timestamp_header is not None:
        stamp = _header(headers, scheme.timestamp_header)
    before, after = scheme.signed.split("{body}")
    signed = before.replace("{timestamp}", stamp).encode() + body + after.replace("{timestamp}", stamp).encode()
    digest = hmac.new(secret.encode(), signed, scheme.algorithm).digest()
    hexed = scheme.encoding == "hex"
    _same(given.lower() if hexed else given, digest.hex() if hexed else base64.b64encode(digest).decode())
    if scheme.timestamp_header is not None:
        age = abs((now - _time(stamp)).total_seconds())
        if age > scheme.tolerance_s:
            raise Forged(
                f"header {scheme.timestamp_header}: {age:.0f} s from now; at most {scheme.tolerance_s:.0f} s is taken. "
                "It is a replay, or a clock is wrong"
            )


def _twilio(secret: str, headers: Mapping[str, str], body: bytes, public_url: str) -> None:
    given = _header(headers, "X-Twilio-Signature")
    try:
        parameters = fields(headers, body).values
    except BadCall as error:
        raise Forged("body: not the form that Twilio signs") from error
    signed = public_url + "".join(name + value for name, value in sorted(set(parameters)))
    digest = hmac.new(secret.encode(), signed.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    _same(given, base64.b64encode(digest).decode())


def _token(scheme: TokenSignature, secret: str, headers: Mapping[str, str]) -> None:
    if scheme.header is not None:
        _same(_header(headers, scheme.header, scheme.prefix), secret)
        return
    query = dict(parse_qsl(urlsplit(headers.get(":path", "").replace("[", "%5B").replace("]", "%5D")).query))
    given = query.get(scheme.parameter or "")
    if given is None:
        raise Forged(f"query parameter {scheme.parameter}: missing; it carries the shared secret")
    _same(given, secret)


def _header(headers: Mapping[str, str], name: str, prefix: str = "") -> str:
    value = headers.get(name.lower(), "").strip()
    if not value.startswith(prefix.strip()) or not value.removeprefix(prefix.strip()).strip():
        raise Forged(f"header {name}: missing, or not the form expected{f' ({prefix}…)' if prefix else ''}")
    return value.removeprefix(prefix.strip()).strip()


def _same(given: str, expected: str) -> None:
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace")):
        raise Forged("signature: wrong; check the secret at the provider and here")


def _time(stamp: str) -> datetime:
    try:
        if stamp.replace(".", "", 1).isdecimal():
            seconds = float(stamp)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        found = datetime.fromisoformat(stamp)
    except (ValueError, OverflowError, OSError) as error:
        raise Forged("time stamp: neither an epoch nor RFC 3339") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
