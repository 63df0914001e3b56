"""Values in a JSON document by a dotted path, such as `entry[].changes[].value`."""

from __future__ import annotations

from typing import Any


def find(document: Any, path: str) -> list[Any]:
    """Every value at `path`, in order; none where it leads nowhere.

    `name[]` goes into each element of a list, a number into one, and the empty path is the document.
    """
    values = [document]
    for part in path.split(".") if path else []:
        name, each = part.removesuffix("[]"), part.endswith("[]")
        if name:
            values = [_step(value, name) for value in values]
        if each:
            values = [element for value in values if isinstance(value, list) for element in value]
        values = [value for value in values if value is not None]
    return values


def first(document: Any, path: str | None) -> Any:
    """The first value at `path`, None where there is none."""
    found = find(document, path) if path is not None else []
    return found[0] if found else None


def text(document: Any, path: str | None) -> str | None:
    """The first value at `path` as text; None where it is none, empty, an object or a list."""
    value = first(document, path)
    if value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() or None


def _step(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and len(name) < 10 and int(name) < len(value):
        return value[int(name)]
    return None
