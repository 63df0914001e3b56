"""Files as records: picks the reader by suffix; a bad row becomes a record with a defect, never an exception."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

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
    """

    payload: bytes
    content_type: str
    row: int
    defect_code: str | None = None
    defect_message: str | None = None


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


#: What a defective record keeps of its payload.
KEPT_BYTES = 64 << 10


def defect(payload: bytes, row: int, code: str, message: str, content_type: str = "text/csv") -> FileRecord:
    """A record that cannot be read, with the beginning of its bytes."""
    return FileRecord(payload[:KEPT_BYTES], content_type, row, code, f"row {row}: {message}")


def as_json(values: Mapping[str, str], row: int, limits: Limits) -> FileRecord:
    """A record of named cells."""
    payload = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(payload) > limits.max_record_bytes:
        message = f"{len(payload)} bytes; at most {limits.max_record_bytes} are taken. Cut it"
        return defect(payload, row, "record_too_large", message, "application/octet-stream")
    return FileRecord(payload, "application/json", row)


def records(path: Path, limits: Limits | None = None) -> Iterator[FileRecord]:
    """The records of a file, in order, in memory bounded by a record for text formats.

    Raises:
        UnreadableFile: missing, empty, of an unknown kind, corrupt, encrypted or a decompression bomb.
    """
    limits = limits or Limits()
    suffix = kind(path)
    if path.is_dir():
        raise UnreadableFile(f"{path}: is a folder; give its files, or the folder to `beejan ingest`")
    if suffix not in SUFFIXES:
        raise UnreadableFile(f"{path}: unknown kind of file; known: {', '.join(sorted(SUFFIXES))}, each also .gz")
    try:
        if path.stat().st_size == 0:
            raise UnreadableFile(f"{path}: is empty")
        with open_bytes(path, limits) as stream:
            yield from _reader(suffix)(path, stream, limits)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableFile(f"{path}: cannot be read ({reason})") from error


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


def open_bytes(path: Path, limits: Limits) -> IO[bytes]:
    """The file's bytes, unpacked where it is gzip."""
    if path.suffix.lower() != ".gz":
        return path.open("rb")
    return _Bounded(path, limits)  # type: ignore[return-value]  # it has what the readers use


class _Bounded:
    """A gzip stream that refuses to unpack without end."""

    _FREE_BYTES = 16 << 20

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._seen = path, 0
        self._file = gzip.open(path, "rb")  # noqa: SIM115 -- closed by __exit__
        by_ratio = max(self._FREE_BYTES, int(path.stat().st_size * limits.max_expansion_ratio))
        self._most = min(limits.max_expanded_bytes, by_ratio)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; all of them, within the limit, with -1."""
        data = self._file.read(size if size >= 0 else self._most - self._seen + 1)
        self._seen += len(data)
        if self._seen > self._most:
            raise UnreadableFile(
                f"{self._path}: unpacks to more than {self._most} bytes; a decompression bomb? Unpack it by hand"
            )
        return bytes(data)

    def __enter__(self) -> _Bounded:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
