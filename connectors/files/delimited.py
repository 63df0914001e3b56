"""csv, tsv and psv: one broken row never swallows the others."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import IO

from connectors.errors import UnreadableFile
from connectors.files.encoding import encoding_of, lines, sample, text_encoding
from connectors.files.quotes import Rows
from connectors.files.records import FileRecord, Limits, as_json, defect, kept_bytes, kind, too_large

_FIXED = {"tsv": "\t", "psv": "|"}


def read(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    """The rows below the header; see connectors.files.records.records.

    Raises:
        UnreadableFile: there is no header, or it is over the limits.
    """
    # The limit is one for the process: another file may be under way with a higher one.
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_record_bytes * 2, 1 << 20))
    head = sample(stream)
    encoding, skip = encoding_of(head)
    codec = text_encoding(encoding)
    delimiter = _FIXED.get(kind(path)) or _sniff(head[skip:].decode(encoding, "replace"))
    rows = Rows(lines(stream, head, skip, encoding, kept_bytes(limits)), delimiter, limits.max_record_bytes)
    header: list[str] | None = None
    for row, raw, unbalanced in rows:
        if not raw.strip(b" \r\n\t"):
            continue
        if header is None:
            header = _header(path, raw, codec, delimiter, limits)
            rows.width = len(header)
        elif unbalanced:
            yield defect(raw, row, "unbalanced_quote", "a quote is opened and not closed properly; double or close it")
        else:
            yield _record(raw, row, header, delimiter, codec, limits)
    if header is None:
        raise UnreadableFile(f"{path}: no header row; the first line must name the columns")


def _record(raw: bytes, row: int, header: list[str], delimiter: str, codec: str, limits: Limits) -> FileRecord:
    if len(raw) > limits.max_record_bytes:
        return too_large(raw, row, limits, "text/csv")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        message = f"not {codec.upper()} at byte {error.start} of the row; save the file as UTF-8"
        return defect(raw, row, "invalid_encoding", message, "application/octet-stream")
    cells = _cells(text, delimiter)
    if len(cells) != len(header):
        return defect(raw, row, "wrong_column_count", f"{len(cells)} cells; the header has {len(header)} columns")
    return as_json(dict(zip(header, cells, strict=True)), row, limits)


def _cells(text: str, delimiter: str) -> list[str]:
    # newline="" cuts at \n and \r alone: str.splitlines would also cut cells at U+2028 and its like.
    return next(csv.reader(StringIO(text, newline=""), delimiter=delimiter), [])


def _sniff(head: str) -> str:
    """The delimiter that gives the most even rows of more than one cell; a comma where none does."""
    cut = re.split(r"\r\n|\r|\n", head)
    whole = [line for line in cut[:-1] or cut if line.strip()][:50]
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


def _header(path: Path, raw: bytes, codec: str, delimiter: str, limits: Limits) -> list[str]:
    if len(raw) > limits.max_record_bytes:
        raise UnreadableFile(
            f"{path}: the first line is over {limits.max_record_bytes} bytes; it must name the columns"
        )
    cells = _cells(raw.decode(codec, "replace"), delimiter)
    check_width(path, len(cells), limits)
    return names(cells)


def check_width(path: Path, columns: int, limits: Limits) -> None:
    """Refuses a header that is too wide.

    Raises:
        UnreadableFile: it has more columns than `limits` allows.
    """
    if columns > limits.max_columns:
        raise UnreadableFile(f"{path}: {columns} columns; at most {limits.max_columns} are taken. Remove some")


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
