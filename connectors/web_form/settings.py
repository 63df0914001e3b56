"""Settings of a web form: its fields, its words, and its guards."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors.called import Called
from connectors.settings import Channel

#: Fields of the page that are no part of the complaint: the token, and the trap that only programs fill in.
TOKEN, TRAP = "form_token", "website"


class Input(BaseModel):
    """A field of the page beside the complaint's words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Its name in the payload")
    label: str = Field(min_length=1, max_length=120, description="What the page calls it")
    kind: Literal["text", "tel", "email"] = Field(default="text", description="What is typed")
    choices: tuple[str, ...] = Field(default=(), max_length=200, description="What can be chosen, instead of typed")
    required: bool = Field(default=False, description="Whether it must be filled in")


_INPUTS = (
    Input(name="phone", label="Your phone number", kind="tel"),
    Input(name="email", label="Your e-mail address", kind="email"),
    Input(name="account", label="Your account number"),
    Input(name="region", label="Where you are (city or state)"),
)


class WebFormSettings(Called):
    """A form for complaints: the page at `/form/{source}`, or one of your own that posts there.

    Without a secret the page's tokens are signed with a key of the engine, made once in its data folder.
    """

    kind: Literal["web_form"] = Field("web_form", description="This kind")
    channel: Channel = Field("web_form", description="Channel its complaints belong to")
    max_call_bytes: int = Field(256 << 10, ge=1024, le=64 << 20, description="A larger call is refused, bytes")
    title: str = Field("Tell us what went wrong", min_length=1, max_length=120, description="Heading of the page")
    intro: str = Field("", max_length=2000, description="A paragraph under it")
    thanks: str = Field(
        "Thank you. We have your complaint and will look into it.", max_length=2000, description="Text once it is taken"
    )
    text_label: str = Field("What happened?", min_length=1, max_length=120, description="What the page calls the words")
    inputs: tuple[Input, ...] | None = Field(
        None, max_length=20, description="The page's other fields; default: phone, email, account and region"
    )
    max_text_chars: int = Field(10_000, ge=100, le=200_000, description="Longest text, characters")
    require_token: bool = Field(True, description="Whether a form without the page's token is suspected as spam")
    least_fill_s: float = Field(3, ge=0, le=600, description="A form that is sent sooner is suspected as spam, s")
    token_s: float = Field(86_400, ge=600, le=2_592_000, description="A form that was open longer is suspected, s")
    max_links: int = Field(2, ge=0, le=100, description="A text with more links is suspected as spam")
    per_minute: float = Field(10, gt=0, le=10_000, description="Forms of one address a minute; more are put off")
    all_per_minute: float = Field(600, gt=0, le=1_000_000, description="Forms of all addresses a minute")
    forwarded_hops: int = Field(
        0, ge=0, le=10, description="Proxies in front that add X-Forwarded-For; without, only the limit of all counts"
    )

    @field_validator("inputs")
    @classmethod
    def _names(cls, value: tuple[Input, ...] | None) -> tuple[Input, ...] | None:
        names = [one.name for one in value or ()]
        if len(set(names)) < len(names) or {"text", TOKEN, TRAP} & set(names):
            raise ValueError(f"inputs: names must differ, and text, {TOKEN} and {TRAP} are taken")
        return value

    @property
    def shown(self) -> tuple[Input, ...]:
        """The page's other fields."""
        return _INPUTS if self.inputs is None else self.inputs
