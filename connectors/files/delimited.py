"""csv, tsv and psv: one broken row never swallows the others."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from connectors.errors import UnreadableFile
from connectors.files.encoding import encoding_of, lines, sample, text_encoding
from connectors.files.records import FileRecord, Limits, as_json, defect, kind

#: A quoted cell that runs on for longer is an unbalanced quote.
_MOST_LINES = 1000

_FIXED = {"tsv": "\t", "psv": "|"}


def read(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    """The rows below the header; see connectors.files.records.records.

    Raises:
        UnreadableFile: there is no header.
    """
    csv.field_size_limit(max(limits.max_record_bytes * 2, 1 << 20))
    head = sample(stream)
    encoding, skip = encoding_of(head)
    codec = text_encoding(encoding)
    delimiter = _FIXED.get(kind(path)) or _sniff(head[skip:].decode(encoding, "replace"))
    header: list[str] | None = None
    for row, raw in _logical(lines(stream, head, skip, encoding), codec, limits):
        if not raw.strip(b" \r\n\t"):
            continue
        if header is None:
            header = _header(path, _cells(raw.decode(codec, "replace"), delimiter), limits)
            continue
        yield _record(raw, row, header, delimiter, codec, limits)
    if header is None:
        raise UnreadableFile(f"{path}: no header row; the first line must name the columns")


def _record(raw: bytes, row: int, header: list[str], delimiter: str, codec: str, limits: Limits) -> FileRecord:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        message = f"not {codec.upper()} at byte {error.start} of the row; save the file as UTF-8"
        return defect(raw, row, "invalid_encoding", message, "application/octet-stream")
    if len(raw) > limits.max_record_bytes:
        return defect(raw, row, "record_too_large", f"{len(raw)} bytes; at most {limits.max_record_bytes} are taken")
    if text.count('"') % 2:
        return defect(raw, row, "unbalanced_quote", "a quote is opened and never closed")
    cells = _cells(text, delimiter)
    if len(cells) != len(header):
        return defect(raw, row, "wrong_column_count", f"{len(cells)} cells; the header has {len(header)} columns")
    return as_json(dict(zip(header, cells, strict=True)), row, limits)


def _cells(text: str, delimiter: str) -> list[str]:
    return next(
        csv.reader(
            [text.rstrip("\r\n")] if "\n" not in text.rstrip("\r\n") else text.splitlines(keepends=True),
            delimiter=delimiter,
        ),
        [],
    )


def _logical(physical: Iterator[bytes], codec: str, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """(row of its first line, bytes) of each record: lines are joined while a quote is open.

    Where a quote is not closed within bounds, its first line stands alone and reading goes on with the next.
    """
    waiting: list[bytes] = []
    number = 0
    while True:
        line = waiting.pop(0) if waiting else next(physical, None)
        if line is None:
            return
        number += 1
        if line.count(b'"') % 2 == 0:
            yield number, line
            continue
        block, size, open_ = [line], len(line), True
        while open_ and size <= limits.max_record_bytes and len(block) <= _MOST_LINES:
            more = waiting.pop(0) if waiting else next(physical, None)
            if more is None:
                break
            block.append(more)
            size += len(more)
            open_ = (more.count(b'"') % 2 == 0) == open_
        if open_:
            waiting[:0] = block[1:]
            yield number, line
        else:
            yield number, b"".join(block)
            number += len(block) - 1


def _sniff(head: str) -> str:
    """The delimiter that gives the most even rows of more than one cell; a comma where none does."""
    whole = [line for line in head.splitlines()[:-1] or head.splitlines() if line.strip()][:50]
    best, most = ",", 0.0
    for delimiter in ",;\t|":
        counts = [len(row) for row in csv.reader(whole, delimiter=delimiter) if row]
        if not counts or counts[0] < 2:
            continue
        even = sum(count == counts[0] for count in counts) / len(counts)
        score = even * 100 + counts[0]
        if even > 0.5 and score > most:
            best, most = delimiter, score
    return best


def _header(path: Path, cells: Sequence[str], limits: Limits) -> list[str]:
    if len(cells) > limits.max_columns:
        raise UnreadableFile(f"{path}: {len(cells)} columns; at most {limits.max_columns} are taken")
    return names(cells)


def names(cells: Sequence[str]) -> list[str]:
    """Column names, stripped; empty and repeated ones get a number."""
    used: set[str] = set()
    found = []
    for position, cell in enumerate(cells, 1):
        base = cell.strip().lstrip("\ufeff") or f"column_{position}"
        name, copy = base, 2
        while name in used:
            name, copy = f"{base}_{copy}", copy + 1
        used.add(name)
        found.append(name)
    return found
