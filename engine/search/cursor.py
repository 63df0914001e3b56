"""Cursors: where the next page begins, in the version of the table that the first page was made of."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from engine.search.query import BadSearch, Search

_FORM = re.compile(r"v(\d{1,18})o(\d{1,9})q([0-9a-f]{8})")


def cursor(wanted: Search, version: int, offset: int) -> str:
    """Opaque text for the page of `wanted` that begins at `offset` in a version."""
    return base64.urlsafe_b64encode(f"v{version}o{offset}q{_digest(wanted)}".encode()).decode().rstrip("=")


def read(wanted: Search) -> tuple[int | None, int]:
    """(version, offset) of `wanted.cursor`; without one the newest version from its beginning.

    Raises:
        BadSearch: it is not ours, or of another search.
    """
    if not wanted.cursor:
        return None, 0
    try:
        text = base64.urlsafe_b64decode(wanted.cursor + "=" * (-len(wanted.cursor) % 4)).decode()
        found = _FORM.fullmatch(text)
    except (ValueError, binascii.Error) as error:
        raise BadSearch("cursor: not one of ours; use next_cursor of the answer before") from error
    if found is None:
        raise BadSearch("cursor: not one of ours; use next_cursor of the answer before")
    if found[3] != _digest(wanted):
        raise BadSearch("cursor: of another search; with another query or other filters begin without one")
    return int(found[1]), int(found[2])


def _digest(wanted: Search) -> str:
    equals = sorted((column, sorted(values)) for column, values in wanted.equals.items() if values)
    parts = (wanted.query, wanted.mode, equals, wanted.since, wanted.until, wanted.folded)
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:8]
