"""Where the characters of a changed text stood before.

A map is a flat sequence of triples (start, length, old_length), one an edit, in order: `length` characters from
`start` on, of the new text, stand for `old_length` characters of the old one. Between edits the two are the same,
character for character, so an empty map says that nothing changed. A length of 0 is a deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Map = tuple[int, ...]

#: What is put in the place of `start` to `end` (exclusive), character offsets.
Change = tuple[int, int, str]


def apply(text: str, changes: Iterable[Change]) -> tuple[str, Map]:
    """The text with changes made, and the map from it back to `text`.

    Args:
        text: any string.
        changes: in order, not overlapping.
    """
    parts: list[str] = []
    edits: list[int] = []
    position = size = 0
    for start, end, new in changes:
        parts += (text[position:start], new)
        size += start - position
        if edits and start == position and not new and not edits[-2]:
            edits[-1] += end - start
        else:
            edits += (size, len(new), end - start)
        size += len(new)
        position = end
    if not parts:
        return text, ()
    return "".join(parts) + text[position:], tuple(edits)


def compose(outer: Sequence[int], inner: Sequence[int]) -> Map:
    """Of the maps new -> middle (`outer`) and middle -> old (`inner`), the map new -> old.

    Edits that overlap in the middle text become one.
    """
    if not outer or not inner:
        return tuple(outer or inner)
    result: list[int] = []
    shift = 0
    for low, high, grown, shrunk in _groups(_edits(outer, inner)):
        length = high - low + grown
        result += (low + shift, length, high - low + shrunk)
        shift += grown
    return tuple(result)


def to_original(edits: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The span in the old text that a span in the new one stands for.

    Args:
        edits: the map from the new text to the old one, e.g. the column `text_map` from `text` to the text as given.
        start: first character.
        end: behind the last one.

    Returns:
        (start, end) in the old text. A span that begins or ends inside an edit takes all that the edit replaced; what
        was deleted at its very ends stays out.
    """
    first = _back(edits, start, ends=False)
    return first, max(first, _back(edits, end, ends=True))


def _back(edits: Sequence[int], position: int, *, ends: bool) -> int:
    """Where a span's start or end was."""
    shift = 0
    for at, length, old in _triples(edits):
        if at > position or (ends and at == position):
            break
        if position < at + length:
            return at + shift + (old if ends else 0)
        shift += old - length
    return position + shift


def _triples(edits: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    parts = iter(edits)
    return zip(parts, parts, parts, strict=True)


def _edits(outer: Sequence[int], inner: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """All edits by where they stand in the middle text: start, end, and by how much new and old text are longer."""
    found = [(at, at + length, 0, old - length) for at, length, old in _triples(inner)]
    shift = 0
    for at, length, old in _triples(outer):
        found.append((at - shift, at - shift + old, length - old, 0))
        shift += length - old
    # What is deleted before another edit's start comes before it.
    found.sort(key=lambda edit: (edit[0], edit[1] > edit[0]))
    return found


def _groups(edits: list[tuple[int, int, int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """Edits that overlap, taken together."""
    low, high, grown, shrunk = edits[0]
    for start, end, more, less in edits[1:]:
        if start < high or start == end == low:
            high, grown, shrunk = max(high, end), grown + more, shrunk + less
        else:
            yield low, high, grown, shrunk
            low, high, grown, shrunk = start, end, more, less
    yield low, high, grown, shrunk
