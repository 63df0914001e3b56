"""HTML: the tables in it, such as what portals export as .xls, else its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import UnreadableFile
from connectors.files.delimited import check_width
from connectors.files.encoding import encoding_of
from connectors.files.header import find_header, is_header, names
from connectors.files.kinds import PAGES, kind
from connectors.files.records import FileRecord, Limits, Stream, as_json

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

#: A page is read whole.
_WHOLE_BYTES = 64 << 20


def read(path: Path, stream: Stream, limits: Limits) -> Iterator[FileRecord]:
    """The rows of its tables; of a page without any, such as a saved mail, its text as one record.

    In a file that is named as a page, a table counts where it has header cells: others lay the page out.

    Raises:
        UnreadableFile: too large, or without a text.
    """
    from selectolax.lexbor import LexborHTMLParser

    from connectors.mail.html import to_text
    from connectors.mail.reply import own_words

    data = stream.read(_WHOLE_BYTES + 1)
    if len(data) > _WHOLE_BYTES:
        raise UnreadableFile(f"{path}: over {_WHOLE_BYTES >> 20} MB; save it as csv")
    encoding, skip = encoding_of(data[: 1 << 20])
    html = data[skip:].decode(encoding, "replace").replace("\0", "")
    found = False
    for number, node in enumerate(LexborHTMLParser(html).css("table"), 1):
        if _is_data(node, kind(path) in PAGES):
            for record in _rows(path, _cells(node), number, limits):
                found = True
                yield record
    if found:
        return
    whole, unquoted = to_text(html), to_text(html, whole=False)
    text = own_words(unquoted) or own_words(whole)
    if not text:
        raise UnreadableFile(f"{path}: holds no table and no text")
    yield as_json({"text": text, "full_text": whole} if whole != text else {"text": text}, 1, limits)


def _is_data(table: LexborNode, needs_header: bool) -> bool:
    if table.css_first("td table, th table") is not None:
        return False
    return not needs_header or table.css_first("th") is not None


def _cells(table: LexborNode) -> list[list[str]]:
    rows = []
    for line in table.css("tr"):
        row: list[str] = []
        for cell in line.css("td, th"):
            span = cell.attributes.get("colspan") or "1"
            row.append(" ".join((cell.text(separator=" ") or "").split()))
            row.extend([""] * (min(int(span), 100) - 1 if span.isascii() and span.isdigit() else 0))
        rows.append(row)
    return rows


def _rows(path: Path, rows: list[list[str]], number: int, limits: Limits) -> Iterator[FileRecord]:
    width = max(map(len, rows), default=0)
    check_width(path, width, limits)
    full = [row + [""] * (width - len(row)) for row in rows]
    start = find_header(full)
    if width < 2 or start is None:
        return
    below = start + 1 if is_header(full[start]) else start
    header = names(full[start] if below > start else [""] * width)
    for place, row in enumerate(full[below:], below + 1):
        if any(row):
            record = as_json(dict(zip(header, row, strict=True)), place, limits)
            yield replace(record, metadata={"table": str(number)})
