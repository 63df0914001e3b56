"""A JSON API over HTTP: what its answers, refusals and silences mean to a reader."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from connectors.forms import parse_json
from connectors.social.settings import SocialPullSettings
from connectors.source import BadCall, BadSource, SourceAway

#: Longest pause taken from an answer, s; a server that asks for more is asked again after it.
_LONGEST_S = 86_400.0

#: Where networks say when they answer again: epoch seconds or RFC 3339 (Mastodon, X).
_RESET = ("x-ratelimit-reset", "x-rate-limit-reset")


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Reading the authorities takes a quarter of a second, so once for all sources."""
    return httpx.create_ssl_context()


class PageGone(BadSource):
    """The API does not know this page, or refuses its parameters."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer.

    Args:
        document: its JSON.
        next_link: path and query of the `Link` header's next page.
    """

    document: Any
    next_link: str | None


class Client:
    """Reads pages of one API; the token goes to its host alone."""

    def __init__(self, name: str, settings: SocialPullSettings, token: str | None) -> None:
        self._name, self._settings = name, settings
        headers = {"Accept": "application/json", "User-Agent": "beejan"}
        if token is not None:
            headers[settings.api.header] = f"{settings.api.prefix}{token}"
        try:
            self._http = httpx.Client(
                base_url=settings.base_url,
                headers=headers,
                timeout=settings.timeout_s,
                follow_redirects=False,
                verify=_certificates(),
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise BadSource(f"source {name}: base_url {settings.base_url!r} or its token cannot be used") from error

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """GET a page; `path` may hold a query of its own.

        Raises:
            SourceAway: no answer, an overloaded or a broken one; with the pause the server asked for.
            PageGone: 400, 404, 410 or 422.
            BadSource: the token is refused, or this is no such API.
        """
        where = f"source {self._name}, {path.partition('?')[0]}"
        try:
            with self._http.stream("GET", path, params=query or None) as response:
                self._judge(where, response)
                body = self._body(where, response)
        except httpx.InvalidURL as error:
            raise BadSource(f"{where}: not an address; mend base_url and path") from error
        except httpx.UnsupportedProtocol as error:
            raise BadSource(f"{where}: base_url must begin with http:// or https://") from error
        except httpx.TimeoutException as error:
            raise SourceAway(f"{where}: no answer within {self._settings.timeout_s:g} s; it is tried again") from error
        except httpx.HTTPError as error:
            raise SourceAway(f"{where}: {type(error).__name__}; it is tried again") from error
        try:
            document = parse_json(body)
        except BadCall as error:
            raise SourceAway(f"{where}: answered 200 without JSON, as in maintenance; it is tried again") from error
        return Page(document, self._next(where, response))

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def _judge(self, where: str, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status == 429 or status >= 500 or status in (408, 425):
            raise SourceAway(f"{where}: answered {status}; it is tried again", pause(response.headers, status))
        if status in (401, 403):
            raise BadSource(f"{where}: answered {status}; the token is wrong, over, or may not read this")
        if status in (400, 404, 410, 422):
            raise PageGone(f"{where}: answered {status}; mend the source's path, query or values")
        raise BadSource(f"{where}: answered {status}; expected 200. Mend base_url (redirects are not followed)")

    def _body(self, where: str, response: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._settings.max_page_bytes:
                raise BadSource(f"{where}: an answer over {self._settings.max_page_bytes} bytes; raise max_page_bytes")
            parts.append(part)
        return b"".join(parts)

    def _next(self, where: str, response: httpx.Response) -> str | None:
        link = response.links.get("next", {}).get("url")
        if link is None:
            return None
        try:
            there, here = urlsplit(urljoin(str(response.url), link)), urlsplit(self._settings.base_url)
        except ValueError as error:
            raise BadSource(f"{where}: the Link header's next page is no address") from error
        if there.netloc != here.netloc:
            raise BadSource(f"{where}: the next page is on another host; the token is not sent there. Mend base_url")
        return f"{there.path}?{there.query}" if there.query else there.path


def pause(headers: Mapping[str, str], status: int, now: datetime | None = None) -> float | None:
    """Seconds until the server wants to be asked again; None where it does not say.

    Dates are read against the answer's own `Date`, so that it does not matter what our clock shows.

    Args:
        headers: of the answer.
        status: of the answer; a reset time counts with 429 alone.
        now: our clock, for an answer without `Date`.
    """
    server = _date(headers.get("date")) or now or datetime.now(UTC)
    value = headers.get("retry-after", "").strip()
    if value.isdecimal() and len(value) < 12:
        return min(float(value), _LONGEST_S)
    until = _date(value) if value else None
    if until is None and status == 429:
        until = next((found for name in _RESET if (found := _reset(headers.get(name, "")))), None)
    return min(max((until - server).total_seconds(), 1.0), _LONGEST_S) if until else None


def _date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _reset(value: str) -> datetime | None:
    try:
        if value.isdecimal():
            return datetime.fromtimestamp(int(value), UTC)
        found = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
