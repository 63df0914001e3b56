"""csv, tsv and psv: one broken row never swallows the others."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import IO

from connectors.errors import UnreadableFile
from connectors.files.encoding import encoding_of, lines, sample, text_encoding
from connectors.files.header import SEARCHED_ROWS, find_header, is_header, names
from connectors.files.kinds import kind
from connectors.files.quotes import Rows
from connectors.files.records import FileRecord, Limits, as_json, defect, kept_bytes, too_large

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
    delimiter = _FIXED.get(kind(path)) or delimiter_of(head[skip:].decode(encoding, "replace")) or ","
    rows = Rows(lines(stream, head, skip, encoding, kept_bytes(limits)), delimiter, limits.max_record_bytes)
    header: list[str] | None = None
    first = _header_row(head[skip:].decode(encoding, "replace"), delimiter)
    for row, raw, unbalanced in rows:
        if row < first or not raw.strip(b" \r\n\t"):
            continue
        if header is None:
            header, numbered = _header(path, raw, codec, delimiter, limits)
            rows.width = len(header)
            if numbered:
                yield _record(raw, row, header, delimiter, codec, limits)
        elif unbalanced:
            yield defect(raw, row, "unbalanced_quote", "a quote is opened and not closed properly; double or close it")
        else:
            yield _record(raw, row, header, delimiter, codec, limits)
    if header is None:
        raise UnreadableFile(f"{path}: no header row; the first line must name the columns")


def _header_row(head: str, delimiter: str) -> int:
    """The line of the header, below titles and remarks; 1 where there are none."""
    first = islice(StringIO(head, newline=""), 4 * SEARCHED_ROWS)
    cut = [line.encode("utf-8", "replace") for line in first]
    rows = [(number, _cells(raw.decode(), delimiter)) for number, raw, _ in Rows(iter(cut), delimiter, 1 << 20)]
    place = find_header([cells for _, cells in rows])
    return rows[place][0] if place is not None else 1


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


def delimiter_of(head: str) -> str | None:
    """The delimiter that gives the most even rows of more than one cell; None where none does.

    Titles above the table may have other cells: the commonest number counts.
    """
    cut = re.split(r"\r\n|\r|\n", head)
    whole = [line for line in cut[:-1] or cut if line.strip()][:50]
    best, most = None, 0.0
    for delimiter in ",;\t|":
        counts = [len(row) for row in csv.reader(whole, delimiter=delimiter) if row]
        wide = Counter(count for count in counts if count > 1).most_common(1)
        if not wide or wide[0][1] <= len(counts) / 2:
            continue
        score = wide[0][1] / len(counts) * 100 + wide[0][0]
        if score > most:
            best, most = delimiter, score
    return best


def _header(path: Path, raw: bytes, codec: str, delimiter: str, limits: Limits) -> tuple[list[str], bool]:
    """The columns' names, and whether they are only numbered because the first row is a record."""
    if len(raw) > limits.max_record_bytes:
        raise UnreadableFile(
            f"{path}: the first line is over {limits.max_record_bytes} bytes; it must name the columns"
        )
    cells = _cells(raw.decode(codec, "replace"), delimiter)
    check_width(path, len(cells), limits)
    return (names(cells), False) if is_header(cells) else (names([""] * len(cells)), True)


def check_width(path: Path, columns: int, limits: Limits) -> None:
    """Refuses a header that is too wide.

    Raises:
        UnreadableFile: it has more columns than `limits` allows.
    """
    if columns > limits.max_columns:
        raise UnreadableFile(f"{path}: {columns} columns; at most {limits.max_columns} are taken. Remove some")
