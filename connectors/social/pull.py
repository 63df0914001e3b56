"""Posts, mentions and direct messages of a social network, read from its API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from urllib.parse import urlencode

from connectors.settings import secret
from connectors.social.client import Client
from connectors.social.feed import Place, Reader
from connectors.social.post import record, wanted
from connectors.social.settings import Feed, SocialPullSettings
from connectors.source import Record


class SocialPull:
    """A source with a unit for each feed that is read; see connectors.source.Connector.

    A post that is edited after it was read comes again where its feed lists it again; one that is deleted
    before it is read does not come.
    """

    def __init__(self, name: str, settings: SocialPullSettings) -> None:
        self.channel: str = settings.channel
        self.source = settings.called(name)
        self._own = settings.own_accounts
        self._client = Client(name, settings, secret(f"sources.{name}.token", settings.token_env, settings.token_file))
        self._closed = threading.Event()
        self._feeds: dict[str, tuple[str, Feed, Reader]] = {}
        for use in settings.read:
            feed = settings.api.feeds[use.feed]
            unit = f"{use.feed}?{urlencode(sorted(use.values.items()))}" if use.values else use.feed
            self._feeds[unit] = (use.feed, feed, Reader(self._client, feed, use))

    def discover(self) -> Iterator[str]:
        """The feeds, in the order of the settings."""
        yield from self._feeds

    def read(self, unit: str, cursor: str | None) -> Iterator[Record]:
        """See connectors.source.Connector."""
        kind, feed, reader = self._feeds[unit]
        for element, place in reader.read(Place.of(cursor)):
            found = record(element, feed, kind, self._own, place.cursor()) if wanted(element, feed) else None
            if found is not None:
                yield found

    def wait(self, limit_s: float) -> None:
        """Until it is closed; an API does not tell when it has something new."""
        self._closed.wait(limit_s)

    def close(self) -> None:
        """See connectors.source.Connector."""
        self._closed.set()
        self._client.close()
