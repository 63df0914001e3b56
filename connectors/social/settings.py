"""Settings of social sources: how an API's or a webhook's posts are found, and where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connectors.called import Called
from connectors.described import described
from connectors.settings import Channel, Pulled
from connectors.signature import Signature, TwilioSignature


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Posts(_Part):
    """Where the posts are in a document; a path is dotted, and `name[]` goes into each element of a list."""

    items: str = Field("[]", description="Path of the list's elements")
    post: str = Field("", description="Path of the post within an element")
    id: str = Field("id", description="Path of the post's id")
    text: tuple[str, ...] = Field(("text",), min_length=1, description="Paths joined with a blank line to the text")
    html: bool = Field(False, description="Whether the text is HTML")
    occurred_at: str | None = Field(None, description="Path of its time: RFC 3339, epoch in s or ms, or time_format")
    time_format: str | None = Field(None, description="strptime pattern of the time")
    edited_at: str | None = Field(None, description="Path of the time of its last edit; each edit is a record")
    author: str | None = Field(None, description="Path of the author's handle or id")
    keep: dict[str, str] = Field(default_factory=dict, description="More fields of the payload: name: path")
    about: dict[str, str] = Field(default_factory=dict, description="Metadata, nothing personal: name: path")
    only: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Elements with one of these values; []: any"
    )
    skip: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="But none with one of these")


class Feed(Posts):
    """A list of an API that is read page by page."""

    path: str = Field(pattern=r"^/", description="Path below base_url; {name} is filled from `values`")
    query: dict[str, str | int] = Field(default_factory=dict, description="Its query; {name} as in path")
    paging: Literal["after", "before", "link", "token"] = Field(
        description="after: the oldest posts behind an id; before: the newest back to an id; link: the same by the "
        "Link header; token: the same by a token in the answer"
    )
    since: str | None = Field(None, description="Query parameter: only posts behind this id")
    page: str | None = Field(None, description="Query parameter of the page: the id behind or before it, or the token")
    next: str | None = Field(None, description="Path of the next page's token in the answer")
    order: str | None = Field(None, description="Path, in an element, of the id that pages go by; default: the post's")

    @model_validator(mode="after")
    def _whole(self) -> Feed:
        if self.paging != "link" and self.page is None:
            raise ValueError(f"paging {self.paging}: needs `page`, the name of a query parameter")
        if self.paging == "token" and self.next is None:
            raise ValueError("paging token: needs `next`, the path of the next page's token")
        return self


class Api(_Part):
    """How a social network's API is read."""

    header: str = Field("Authorization", description="Header that carries the token")
    prefix: str = Field("Bearer ", description="What stands before the token")
    feeds: dict[str, Feed] = Field(min_length=1, description="Its lists")


class Use(_Part):
    """A feed of the API that is to be read."""

    feed: str = Field(description="Name of the feed")
    values: dict[str, str] = Field(default_factory=dict, description="What fills {name} in its path and query")


class SocialPullSettings(Pulled):
    """Posts, mentions and direct messages of a social network, read from its JSON API."""

    kind: Literal["social_pull"] = Field("social_pull", description="This kind")
    channel: Channel = Field("social", description="Channel its complaints belong to")
    api: Annotated[Api, BeforeValidator(described)] = Field(description="Name in configs/sources, a file, or in place")
    base_url: str = Field(pattern=r"^https?://[^/?#]+$", description="Where the API is, without a path")
    read: tuple[Use, ...] = Field(min_length=1, description="Its feeds to read, with their values")
    own_accounts: tuple[str, ...] = Field((), description="Authors whose posts are answers and no complaints")
    token_env: str | None = Field(None, description="Environment variable with the token")
    token_file: Path | None = Field(None, description="File with the token")
    timeout_s: float = Field(30, ge=1, le=600, description="Longest wait for an answer, s")
    max_page_bytes: int = Field(16 << 20, ge=1024, le=256 << 20, description="Largest answer, bytes")

    @model_validator(mode="after")
    def _feeds(self) -> SocialPullSettings:
        for use in self.read:
            if use.feed not in self.api.feeds:
                raise ValueError(f"feed {use.feed!r}: expected one of {', '.join(self.api.feeds)}")
            feed = self.api.feeds[use.feed]
            try:
                [part.format(**use.values) for part in (feed.path, *map(str, feed.query.values()))]
            except (KeyError, IndexError, ValueError) as error:
                raise ValueError(f"feed {use.feed}: its path or query needs the value {error}") from error
        return self


class Hook(_Part):
    """How a social network's webhook is read."""

    signature: Signature = Field(description="How a call proves where it is from")
    challenge: Literal["none", "meta", "x"] = Field("none", description="How the address is proved to be ours")
    posts: dict[str, Posts] = Field(min_length=1, description="The kinds of posts in a call")
    reply: str = Field("", description="Body of the answer")
    reply_type: str = Field("text/plain", description="Content type of the answer")


class SocialWebhookSettings(Called):
    """Posts, comments and direct messages that a social network sends to `/v1/webhooks/{source}`."""

    kind: Literal["social_webhook"] = Field("social_webhook", description="This kind")
    channel: Channel = Field("social", description="Channel its complaints belong to")
    hook: Annotated[Hook, BeforeValidator(described)] = Field(
        description="Name in configs/sources, a file, or in place"
    )
    own_accounts: tuple[str, ...] = Field((), description="Authors whose posts are answers and no complaints")
    verify_env: str | None = Field(None, description="Environment variable with Meta's verify token")
    verify_file: Path | None = Field(None, description="File with Meta's verify token")

    @model_validator(mode="after")
    def _address(self) -> SocialWebhookSettings:
        if isinstance(self.hook.signature, TwilioSignature) and self.public_url is None:
            raise ValueError("public_url: this signature covers the address that is called; set it")
        return self
