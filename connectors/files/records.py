"""Files as records: a bad row becomes a record with a defect, never an exception; the reader is told by the content."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from connectors.errors import UnreadableFile

#: What is read, with a look ahead; what is under it does not matter.
Stream: TypeAlias = "io.BufferedReader[Any]"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A record of a file.

    Args:
        payload: UTF-8 JSON of column to cell text, a line of text, or the bytes of a row with a defect.
        content_type: `application/json` or `text/plain`; others for a defect.
        row: where the record stands, 1-based, as a spreadsheet counts; a csv's header is row 1.
        defect_code: why it cannot be read.
        defect_message: the same for people, without the row's content.
        key: the record's own id, where the kind of file has one: a mail's Message-ID.
        metadata: where in the file it stands, beside `row`: the sheet, the archive's member.
    """

    payload: bytes
    content_type: str
    row: int
    defect_code: str | None = None
    defect_message: str | None = None
    key: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is read.

    Args:
        max_record_bytes: longer records become a defect.
        max_columns: more columns in a header are refused.
        max_expanded_bytes: what a compressed file may unpack to.
        max_expansion_ratio: how many times its size it may unpack to, from 16 MB on.
    """

    max_record_bytes: int = 1 << 20
    max_columns: int = 2000
    max_expanded_bytes: int = 4 << 30
    max_expansion_ratio: float = 200.0


#: What a compressed file may unpack to whatever its ratio.
FREE_BYTES = 16 << 20

#: What a defective record keeps of its payload.
KEPT_BYTES = 64 << 10


def defect(payload: bytes, row: int, code: str, message: str, content_type: str = "text/csv") -> FileRecord:
    """A record that cannot be read, with the beginning of its bytes."""
    return FileRecord(payload[:KEPT_BYTES], content_type, row, code, f"row {row}: {message}")


def too_large(payload: bytes, row: int, limits: Limits, content_type: str = "application/octet-stream") -> FileRecord:
    """A record over the limit; `payload` may already be cut to `kept_bytes`."""
    message = f"over {limits.max_record_bytes} bytes, the most that are taken; shorten it"
    return defect(payload, row, "record_too_large", message, content_type)


def kept_bytes(limits: Limits) -> int:
    """How much of a record is to be held: enough to tell that it is too large and to keep its beginning."""
    return max(limits.max_record_bytes, KEPT_BYTES)


def as_json(values: Mapping[str, Any], row: int, limits: Limits) -> FileRecord:
    """A record of named cells."""
    payload = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(payload) > limits.max_record_bytes:
        return too_large(payload, row, limits)
    return FileRecord(payload, "application/json", row)


def records(path: Path, limits: Limits | None = None) -> Iterator[FileRecord]:
    """The records of a file, in order, in memory bounded by a record for text formats.

    Blank lines and rows are no records. Reading starts with the first record asked for, and so do the errors;
    a compressed or a JSON file that breaks off raises after the records before the break. A file that cannot be
    read within an archive is a record with a defect.

    Raises:
        UnreadableFile: missing, empty, of an unknown kind, corrupt, encrypted or a decompression bomb.
    """
    from connectors.files.unpack import open_bytes

    limits = limits or Limits()
    try:
        _check(path)
        with open_bytes(path, limits) as stream:
            yield from read(path, stream, limits)
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read ({error.strerror or error}); {_advice(error)}") from error


def read(path: Path, stream: Stream, limits: Limits) -> Iterator[FileRecord]:
    """The records of an unpacked stream; `path` names it.

    Raises:
        UnreadableFile: see `records`.
    """
    from connectors.files.kinds import HEAD_BYTES, told

    head = stream.peek(HEAD_BYTES)
    if not head:
        raise UnreadableFile(f"{path}: is empty; nothing to read")
    yield from _reader(told(path, head))(path, stream, limits)


def _check(path: Path) -> None:
    if path.is_dir():
        os.scandir(path).close()  # says why, where it cannot be opened
        raise UnreadableFile(f"{path}: is a folder; give its files, or the folder to `beejan ingest`")
    if not path.is_file():
        path.stat()  # says why, where there is nothing
        raise UnreadableFile(f"{path}: is no regular file; save it as one")


def _advice(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "check the path"
        case PermissionError():
            return "give yourself the right to read it"
        case _:
            return "check the device it is on"


def _reader(kind: str) -> Callable[[Path, Stream, Limits], Iterator[FileRecord]]:
    from connectors.files import archive, delimited, htmlfile, jsonfile, kinds, lines, mailfile, workbook

    if kind in kinds.TABLES:
        return delimited.read
    if kind in kinds.JSONS:
        return jsonfile.read
    if kind in kinds.TEXTS:
        return lines.read
    if kind in kinds.PAGES:
        return htmlfile.read
    if kind in kinds.WORKBOOKS:
        return workbook.read
    return {
        "eml": mailfile.read_eml, "mbox": mailfile.read_mbox, "msg": mailfile.read_msg,
        "zip": archive.read_zip, "tar": archive.read_tar,
    }[kind]  # fmt: skip
