"""Reading a feed page by page, behind a cursor: every element once, whatever interrupts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from connectors import paths
from connectors.social.client import Client, Page, PageGone
from connectors.social.settings import Feed, Use
from connectors.source import BadSource, SourceAway

#: Pages without an element before a feed is taken to go in circles.
_EMPTY_PAGES = 10

#: Longest id that can stand in a cursor, characters.
_ID_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading is.

    A feed that gives its oldest posts first needs `id` alone. One that gives its newest first is read in passes
    from the newest back to `since`, the newest of the pass before: `top` is this pass's newest, and the next
    pass's `since`.

    Args:
        id: the element read last.
        since: see above.
        top: see above.
        page: link or token of the page it stood on, empty for the first.
    """

    id: str | None = None
    since: str | None = None
    top: str | None = None
    page: str = ""

    def cursor(self) -> str:
        """As text."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))

    @classmethod
    def of(cls, cursor: str | None) -> Place:
        """From text.

        Raises:
            BadSource: it is none of ours.
        """
        try:
            return cls(**json.loads(cursor)) if cursor else cls()
        except (ValueError, TypeError) as error:
            raise BadSource("cursor: not one of this source; remove it, and the feed is read from its start") from error


def rank(given: str) -> tuple[int, str]:
    """The order of ids: numbers by value, which are text in JSON, and others by length, then alphabet."""
    plain = given.lstrip("0") if given.isdecimal() else given
    return len(plain), plain


class Reader:
    """Reads one feed."""

    def __init__(self, client: Client, feed: Feed, use: Use) -> None:
        self._client, self._feed = client, feed
        self._path = feed.path.format(**use.values)
        self._query = {name: str(value).format(**use.values) for name, value in feed.query.items()}
        self._finished: Place | None = None

    def read(self, place: Place) -> Iterator[tuple[Any, Place]]:
        """Each element behind `place`, with where it is; those that hold no record too."""
        if self._feed.paging == "after":
            yield from self._forward(place)
            return
        if place.id is not None and place != self._finished:
            for element, found in self._back(place):
                yield element, found
                place = found
        self._finished = place
        for element, found in self._back(Place(since=place.top)):
            yield element, found
            place = found
        self._finished = place

    def _forward(self, place: Place) -> Iterator[tuple[Any, Place]]:
        while True:
            page = self._client.page(self._path, self._query | {str(self._feed.page): place.id or "0"})
            placed, others = self._placed(page)
            new = [(key, element) for key, element in placed if place.id is None or rank(key) > rank(place.id)]
            if not new:
                return
            yield from ((element, place) for element in others)
            for key, element in reversed(new):
                place = Place(id=key)
                yield element, place

    def _back(self, place: Place) -> Iterator[tuple[Any, Place]]:
        empty, seen = 0, {place.page}
        resumed = bool(place.page)
        while True:
            try:
                page = self._fetch(place)
            except PageGone:
                if not resumed:
                    raise
                # Links and tokens end after a while; from the first page on, what was read is passed over.
                place, resumed, seen = replace(place, page=""), False, {""}
                continue
            resumed = False
            placed, others = self._placed(page)
            yield from ((element, place) for element in others)
            for key, element in placed:
                if place.id is not None and rank(key) >= rank(place.id):
                    continue
                if place.since is not None and rank(key) <= rank(place.since):
                    return
                place = replace(place, id=key, top=place.top or key)
                yield element, place
            after = self._next(page, placed)
            if after is None or after in seen:
                return
            empty = 0 if placed else empty + 1
            if empty > _EMPTY_PAGES:
                raise SourceAway(f"feed {self._path}: {empty} empty pages in a row; it is tried again")
            seen.add(after)
            place = replace(place, page=after)

    def _fetch(self, place: Place) -> Page:
        feed, query = self._feed, dict(self._query)
        if feed.since is not None and place.since is not None:
            query[feed.since] = place.since
        if feed.paging == "link" and place.page:
            return self._client.page(place.page, {})
        if feed.paging == "before" and place.id is not None:
            query[str(feed.page)] = place.id
        elif feed.paging == "token" and place.page:
            query[str(feed.page)] = place.page
        return self._client.page(self._path, query)

    def _next(self, page: Page, placed: list[tuple[str, Any]]) -> str | None:
        if self._feed.paging == "link":
            return page.next_link
        if self._feed.paging == "token":
            return paths.text(page.document, self._feed.next)
        return placed[-1][0] if placed else None

    def _placed(self, page: Page) -> tuple[list[tuple[str, Any]], list[Any]]:
        """The page's elements by the id that pages go by, the newest first; and those that have none.

        Raises:
            BadSource: none has one, so that no reading could go on behind it.
        """
        feed = self._feed
        path = feed.order or (f"{feed.post}.{feed.id}" if feed.post else feed.id)
        placed, others = [], []
        for element in paths.find(page.document, feed.items):
            key = paths.text(element, path)
            if key is None or len(key) > _ID_CHARS:
                others.append(element)
            else:
                placed.append((key, element))
        if others and not placed:
            raise BadSource(f"feed {self._path}: no element has {path}; mend the feed's `order`, `post` or `id`")
        return sorted(placed, key=lambda pair: rank(pair[0]), reverse=True), others
