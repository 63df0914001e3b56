"""txt and log: a complaint a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from connectors.files.encoding import encoding_of, lines, sample, text_encoding
from connectors.files.records import FileRecord, Limits, defect, kept_bytes, too_large


def read(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    """The lines that are not blank; see connectors.files.records.records."""
    head = sample(stream)
    encoding, skip = encoding_of(head)
    for row, raw in enumerate(lines(stream, head, skip, encoding, kept_bytes(limits)), 1):
        if not raw.strip():
            continue
        if len(raw) > limits.max_record_bytes:
            yield too_large(raw, row, limits)
            continue
        try:
            text = raw.decode(text_encoding(encoding)).strip("\r\n")
        except UnicodeDecodeError as error:
            message = f"not {text_encoding(encoding).upper()} at byte {error.start} of the line; save the file as UTF-8"
            yield defect(raw, row, "invalid_encoding", message, "application/octet-stream")
            continue
        yield FileRecord(text.encode(), "text/plain", row)
