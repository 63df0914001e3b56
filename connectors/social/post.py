"""From an element of an API's answer, or of a webhook's call, to a record."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from connectors import paths
from connectors.payload import as_json, as_key, hashed
from connectors.social.html import html_to_text
from connectors.social.settings import Posts
from connectors.source import Record
from connectors.times import moment


def wanted(element: Any, posts: Posts) -> bool:
    """Whether `only` and `skip` let an element through."""
    if not all(_has(element, path, values) for path, values in posts.only.items()):
        return False
    return not any(_has(element, path, values) for path, values in posts.skip.items())


def record(
    element: Any, posts: Posts, kind: str, own_accounts: Collection[str] = (), cursor: str = ""
) -> Record | None:
    """The record of an element; None for one that was deleted and for one of our own accounts.

    A post is keyed by its id alone, so that one that stands in two feeds is one complaint; an edited post by
    the time of its edit too. A post without an id is a record with a defect.
    """
    post = paths.first(element, posts.post)
    if post is None:
        return None
    given = paths.text(post, posts.id)
    if given is None:
        raw = json.dumps(element, ensure_ascii=False, sort_keys=True)
        return Record(
            raw.encode("utf-8", "replace"),
            "application/json" if isinstance(element, dict) else "text/plain",
            hashed(raw),
            cursor,
            {"feed": kind},
            "no_id",
            f"a post of {kind} has no {posts.id}; mend the path `id` of the source",
        )
    author = paths.text(post, posts.author)
    if author is not None and author.casefold().lstrip("@") in {own.casefold().lstrip("@") for own in own_accounts}:
        return None
    edited = paths.text(post, posts.edited_at)
    values = {name: paths.text(post, path) for name, path in posts.keep.items()} | {
        "id": given,
        "text": _text(post, posts),
        "occurred_at": moment(paths.text(post, posts.occurred_at), posts.time_format),
        "customer_id": author,
        "edited_at": edited,
    }
    about: dict[str, Any] = {"feed": kind} | ({"edited": True} if edited else {})
    about |= {name: value for name, path in posts.about.items() if (value := paths.text(element, path))}
    return Record(as_json(values), "application/json", as_key(f"{given}@{edited}" if edited else given), cursor, about)


def _text(post: Any, posts: Posts) -> str:
    parts = [found for path in posts.text if (found := paths.text(post, path))]
    return "\n\n".join(text for part in parts if (text := html_to_text(part) if posts.html else part))


def _has(element: Any, path: str, values: Collection[str]) -> bool:
    """Whether one of `values` is at `path`; without values, whether anything is."""
    found = paths.find(element, path)
    return any(paths.text(value, "") in values for value in found) if values else bool(found)
