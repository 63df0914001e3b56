"""Posts, comments and direct messages that a social network sends us in signed calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

from connectors import paths
from connectors.forms import parse_json
from connectors.settings import secret
from connectors.signature import verify
from connectors.social.post import record, wanted
from connectors.social.settings import SocialWebhookSettings
from connectors.source import BadSource, Forged, Record


class SocialPush:
    """A webhook; see connectors.source.Webhook.

    Where the provider signs no time, an old call that is sent again gives the same records, which are
    stored once.
    """

    def __init__(self, name: str, settings: SocialWebhookSettings) -> None:
        self.channel: str = settings.channel
        self.source = settings.called(name)
        self._settings, self._hook = settings, settings.hook
        where = f"sources.{name}"
        self._secret = settings.signing_secret(name)
        self._verify = secret(f"{where}.verify", settings.verify_env, settings.verify_file)
        if self._hook.challenge == "meta" and self._verify is None:
            raise BadSource(f"{where}: Meta's challenge needs the verify token; set verify_env or verify_file")

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """Meta's `hub.challenge`, given the verify token; X's CRC, an HMAC of its token."""
        if self._hook.challenge == "meta" and "hub.challenge" in query:
            given = query.get("hub.verify_token", "")
            if not hmac.compare_digest(given.encode("utf-8", "replace"), (self._verify or "").encode()):
                raise Forged("hub.verify_token: wrong; it must be the one of verify_env or verify_file")
            return query["hub.challenge"]
        if self._hook.challenge == "x" and "crc_token" in query:
            token = query["crc_token"].encode("utf-8", "replace")
            digest = hmac.new(self._secret.encode(), token, hashlib.sha256).digest()
            return json.dumps({"response_token": f"sha256={base64.b64encode(digest).decode()}"})
        return None

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Record]:
        """See connectors.source.Webhook; a post that stands in a call twice is one record."""
        verify(self._hook.signature, self._secret, headers, body, now, self._settings.public_url)
        document = parse_json(body)
        found: dict[tuple[str, bytes], Record] = {}
        for kind, posts in self._hook.posts.items():
            for element in paths.find(document, posts.items):
                one = record(element, posts, kind, self._settings.own_accounts) if wanted(element, posts) else None
                if one is not None:
                    found.setdefault((one.key, one.payload), one)
        return list(found.values())

    def reply(self) -> tuple[str, str]:
        """See connectors.source.Webhook."""
        return self._hook.reply_type, self._hook.reply
