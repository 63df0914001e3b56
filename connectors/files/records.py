"""Files as records: picks the reader by suffix; a bad row becomes a record with a defect, never an exception."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from connectors.errors import UnreadableFile


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
    a gzip or a JSON file that breaks off raises after the records before the break.

    Raises:
        UnreadableFile: missing, empty, of an unknown kind, corrupt, encrypted or a decompression bomb.
    """
    limits = limits or Limits()
    try:
        suffix = _suffix(path)
        with open_bytes(path, limits) as stream:
            if not stream.peek(1):
                raise UnreadableFile(f"{path}: is empty; nothing to read")
            yield from _reader(suffix)(path, stream, limits)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableFile(f"{path}: cannot be read ({reason}); {_advice(error)}") from error


def _suffix(path: Path) -> str:
    suffix = kind(path)
    if path.is_dir():
        raise UnreadableFile(f"{path}: is a folder; give its files, or the folder to `beejan ingest`")
    if suffix not in SUFFIXES:
        raise UnreadableFile(f"{path}: unknown kind of file; known: {', '.join(sorted(SUFFIXES))}, each also .gz")
    if not path.is_file():
        path.stat()  # says why, where there is nothing
        raise UnreadableFile(f"{path}: is no regular file; save it as one")
    return suffix


def _advice(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "check the path"
        case PermissionError():
            return "give yourself the right to read it"
        case EOFError() | zlib.error() | gzip.BadGzipFile():
            return "it is no whole gzip file: fetch or pack it again"
        case _:
            return "check the device it is on"


SUFFIXES = ("csv", "tsv", "psv", "xlsx", "xls", "xlsm", "ods", "json", "jsonl", "ndjson", "txt", "log")


def kind(path: Path) -> str:
    """The suffix that tells the reader, without `.gz`."""
    names = [part.lstrip(".").lower() for part in path.suffixes]
    if names and names[-1] == "gz":
        names.pop()
    return names[-1] if names else ""


def _reader(suffix: str) -> Callable[[Path, IO[bytes], Limits], Iterator[FileRecord]]:
    if suffix in ("csv", "tsv", "psv"):
        from connectors.files.delimited import read
    elif suffix in ("json", "jsonl", "ndjson"):
        from connectors.files.jsonfile import read
    elif suffix in ("txt", "log"):
        from connectors.files.lines import read
    else:
        from connectors.files.workbook import read
    return read


def open_bytes(path: Path, limits: Limits) -> io.BufferedReader:
    """The file's bytes, unpacked where it is gzip.

    Raises:
        OSError: it cannot be opened.
    """
    if path.suffix.lower() != ".gz":
        return path.open("rb")
    by_ratio = max(FREE_BYTES, int(path.stat().st_size * limits.max_expansion_ratio))
    packed = gzip.open(path, "rb")  # noqa: SIM115 -- closed with what is returned
    return io.BufferedReader(_Bounded(path, packed, min(limits.max_expanded_bytes, by_ratio)), 1 << 16)


class _Bounded(io.RawIOBase):
    """A gzip stream that refuses to unpack without end."""

    def __init__(self, path: Path, packed: gzip.GzipFile, most: int) -> None:
        self._path, self._file, self._most, self._seen = path, packed, most, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        count = self._file.readinto(buffer)
        self._seen += count
        if self._seen > self._most:
            raise UnreadableFile(
                f"{self._path}: unpacks to more than {self._most} bytes; a decompression bomb? Unpack it by hand"
            )
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
