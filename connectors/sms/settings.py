"""Settings of SMS gateways: what their calls call what, and how they sign."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connectors.called import Called
from connectors.described import described
from connectors.settings import Channel
from connectors.signature import Signature, TwilioSignature

Coding = Literal["gsm7", "gsm7_packed", "ucs2", "latin1", "utf8"]

#: Data coding schemes as most gateways number them (3GPP TS 23.038, 4); packed septets are set by hand.
_CODINGS: dict[str, Coding] = {"0": "gsm7", "1": "gsm7", "3": "latin1", "8": "ucs2"}


class Gateway(BaseModel):
    """How a gateway's calls are read: a path is the field of a form, or dotted in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: Signature = Field(description="How a call proves where it is from")
    messages: str = Field("", description="Path of the messages in a JSON call; default: the call is one")
    sender: str = Field(description="Path of the sender's number or name")
    recipient: str | None = Field(None, description="Path of our number")
    id: str | None = Field(None, description="Path of the message's id; the same when it is sent again")
    sent_at: str | None = Field(None, description="Path of its time: RFC 3339, epoch in s or ms, or time_format")
    time_format: str | None = Field(None, description="strptime pattern of the time")
    text: str | None = Field(None, description="Path of the text")
    data: str | None = Field(None, description="Path of the text in hex, taken where there is no text")
    coding: str | None = Field(None, description="Path of the coding of `data`")
    codings: dict[str, Coding] = Field(default_factory=lambda: dict(_CODINGS), description="Its values")
    default_coding: Coding = Field("gsm7", description="Coding of `data` without one")
    udh: str | None = Field(None, description="Path of the user data header in hex")
    udh_in_data: str | None = Field(None, description="Path of a flag: `data` begins with the header")
    reference: str | None = Field(None, description="Path of what the parts of a message share")
    number: str | None = Field(None, description="Path of the part's number, from 1")
    total: str | None = Field(None, description="Path of the number of parts")
    keep: dict[str, str] = Field(default_factory=dict, description="More fields of the payload: name: path")
    receipts: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="A call with one of these values is a delivery receipt; []: any"
    )
    reply: str = Field("", description="Body of the answer")
    reply_type: str = Field("text/plain", description="Content type of the answer")

    @model_validator(mode="after")
    def _whole(self) -> Gateway:
        if self.text is None and self.data is None:
            raise ValueError("expected `text` or `data`, the path of the message's words")
        if len({self.reference is None, self.number is None, self.total is None}) > 1:
            raise ValueError("reference, number and total go together")
        return self


class SmsWebhookSettings(Called):
    """Messages that an SMS gateway sends to `/v1/webhooks/{source}`."""

    kind: Literal["sms_webhook"] = Field("sms_webhook", description="This kind")
    channel: Channel = Field("sms", description="Channel its complaints belong to")
    gateway: Annotated[Gateway, BeforeValidator(described)] = Field(
        description="Name in configs/sources, a file, or in place"
    )
    default_region: str | None = Field(None, pattern=r"^[A-Z]{2}$", description="Country of numbers without one")
    join_s: float = Field(600, ge=1, le=86_400, description="Longest wait for a message's missing parts, s")
    keep_s: float = Field(259_200, ge=3600, le=2_592_000, description="A part sent again within this long is known, s")

    @model_validator(mode="after")
    def _address(self) -> SmsWebhookSettings:
        if isinstance(self.gateway.signature, TwilioSignature) and self.public_url is None:
            raise ValueError("public_url: Twilio signs the address it calls; set it as it is set there")
        return self
